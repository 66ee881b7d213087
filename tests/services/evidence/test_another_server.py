"""A `database.url` that leads elsewhere than Heat's own `[database] connection`."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.database import state as database
from heat_upgrade_checks.evidence.stacks import leftovers
from tests.services import processes
from tests.services.heat_databases import PASSWORD, HeatDatabase
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL, _program
from tests.waiting import until

REFUSED = "that both are one server, one cluster, or a replica that has caught up is not shown"


@pytest.fixture
def servers() -> Iterator[ExitStack]:
    """What ends the servers that a test starts."""
    with ExitStack() as started:
        yield started


def _observe(heat: HeatDatabase, url: str) -> str:
    """How the database that the plan names is told to be Heat's, if it is."""
    password = heat.folder / "password"
    password.write_text(PASSWORD, "utf-8")
    account = {} if url.startswith("sqlite") else {"password_file": password}
    site = heat.site(url=url.replace(f":{PASSWORD}@", "@"), **account)
    leftovers.observe(site)
    return database.observe(site).relation


def test_another_way_to_the_same_server(mariadb: MariaDB, tmp_path: Path) -> None:
    mariadb.add_database("heat_ways", "heat_ways", PASSWORD)
    mariadb.execute("CREATE DATABASE heat_copy")
    mariadb.execute("GRANT ALL ON heat_copy.* TO heat_ways@localhost")
    heat = HeatDatabase(mariadb.url("heat_ways", "heat_ways", PASSWORD), tmp_path)
    heat.db_sync(25)
    heat.fill()
    assert _observe(heat, heat.url) == ""
    by_socket = f"mysql://heat_ways@localhost/heat_ways?unix_socket={mariadb.socket}"
    assert _observe(heat, by_socket) == "the same server"
    mariadb.dump("heat_ways", tmp_path / "dump.sql")
    mariadb.load("heat_copy", tmp_path / "dump.sql")
    with pytest.raises(Unobserved, match=REFUSED):
        _observe(heat, by_socket.replace("/heat_ways?", "/heat_copy?"))


def test_a_copy_and_a_replica_on_mariadb(servers: ExitStack, tmp_path: Path) -> None:
    primary, replica = (
        servers.enter_context(MariaDB(tmp_path / name, f"--server-id={number}", "--log-bin=bin"))
        for number, name in ((1, "primary"), (2, "replica"))
    )
    primary.add_database("heat", "heat", PASSWORD)
    heat = HeatDatabase(primary.url("heat", "heat", PASSWORD), tmp_path)
    heat.db_sync(25)
    heat.fill()
    there = replica.url("heat", "heat", PASSWORD)
    # A restored copy, with every row.
    primary.dump("heat", tmp_path / "dump.sql")
    replica.add_database("heat", "heat", PASSWORD)
    replica.load("heat", tmp_path / "dump.sql")
    with pytest.raises(Unobserved, match=REFUSED):
        _observe(heat, there)
    # A replica of all that was ever written.
    replica.execute("DROP DATABASE heat")
    replica.execute("DROP USER heat@localhost, heat@'127.0.0.1'")
    replica.execute("RESET MASTER")
    primary.execute("CREATE USER replicates@'127.0.0.1'")
    primary.execute("GRANT REPLICATION SLAVE ON *.* TO replicates@'127.0.0.1'")
    replica.execute(
        f"CHANGE MASTER TO master_host='127.0.0.1', master_port={primary.port}, "
        "master_user='replicates', master_use_gtid=slave_pos"
    )
    replica.execute("START SLAVE")
    position = "SELECT @@global.gtid_binlog_pos"
    until(
        lambda: replica.execute("SELECT @@global.gtid_slave_pos") == primary.execute(position),
        "the replica has everything",
    )
    assert _observe(heat, there).startswith("a replica of it that has reached 0-1-")
    replica.execute("STOP SLAVE SQL_THREAD")
    heat.execute("UPDATE stack SET status = 'IN_PROGRESS' WHERE id = 'rest'")
    with pytest.raises(Unobserved, match=REFUSED):
        _observe(heat, there)
    primary.stop()
    with pytest.raises(Unobserved, match=rf"{REFUSED}.*cannot be reached"):
        _observe(heat, there)


def test_a_replica_on_postgresql(servers: ExitStack, tmp_path: Path) -> None:
    primary = servers.enter_context(PostgreSQL(tmp_path / "primary"))
    primary.add_database("heat", "heat", PASSWORD)
    heat = HeatDatabase(primary.url("heat", "heat", PASSWORD), tmp_path)
    heat.db_sync(25)
    heat.fill()
    assert primary._home
    with (primary._home / "data" / "pg_hba.conf").open("a", encoding="utf-8") as access:
        access.write("host replication postgres 127.0.0.1/32 trust\n")
    primary.execute("SELECT pg_reload_conf()")
    replica = PostgreSQL(tmp_path / "replica")
    home = replica._home = replica._make_home()
    copy: list[str | Path] = [
        _program("pg_basebackup"),
        "--host=127.0.0.1",
        f"--port={primary.port}",
        "--username=postgres",
        "--checkpoint=fast",
        "--write-recovery-conf",
        f"--pgdata={home / 'data'}",
    ]
    processes.run("pg_basebackup", copy, tmp_path / "copy.log", user=replica._user)
    servers.enter_context(replica)
    there = replica.url("heat", "heat", PASSWORD)
    assert _observe(heat, there).startswith("a replica of it that has reached 0/")
    by_name = f"{heat.url.replace('127.0.0.1', 'heat-db')}?hostaddr=127.0.0.1"
    assert _observe(heat, by_name) == "the same server"
    replica.execute("SELECT pg_wal_replay_pause()")
    heat.execute("UPDATE stack SET status = 'IN_PROGRESS' WHERE id = 'rest'")
    with pytest.raises(Unobserved, match=REFUSED):
        _observe(heat, there)
    # One that was promoted goes its own way.
    replica.execute("SELECT pg_wal_replay_resume()")
    replica.execute("SELECT pg_promote()")
    with pytest.raises(Unobserved, match=REFUSED):
        _observe(heat, there)


def test_another_file(tmp_path: Path) -> None:
    heat = HeatDatabase(f"sqlite:///{tmp_path}/heat.sqlite", tmp_path)
    heat.db_sync(25)
    heat.fill()
    (tmp_path / "link").symlink_to(tmp_path)
    assert _observe(heat, f"sqlite:///{tmp_path}/link/heat.sqlite") == "the same server"
    shutil.copyfile(tmp_path / "heat.sqlite", tmp_path / "copy.sqlite")
    with pytest.raises(Unobserved, match=REFUSED):
        _observe(heat, f"sqlite:///{tmp_path}/copy.sqlite")
