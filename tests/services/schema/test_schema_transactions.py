"""Transactions that stay open on real servers."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pymysql
import pytest

from heat_upgrade_checks.errors import NotConfigured
from heat_upgrade_checks.evidence.database.open_transactions import open_transactions
from heat_upgrade_checks.evidence.database.session import ask_in_session
from tests.judging import check_at, file
from tests.services.heat_databases import PASSWORD, HeatDatabase, Make
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.schema.states import green, judged, name_of, red

# Seconds: the least that a wrong time zone would add.
AN_HOUR = 3600


@contextmanager
def _open_on_mariadb(mariadb: MariaDB, chosen: str | None, table: str) -> Iterator[int]:
    with closing(mariadb._connect(chosen)) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        cursor.execute(f"SELECT * FROM {table}")
        cursor.execute("SELECT CONNECTION_ID()")
        yield next(iter(cursor.fetchall()))[0]


def test_a_transaction_that_stays_open_on_mariadb(
    mariadb: MariaDB, on_mariadb: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = check_at("schema.no-long-transactions", "pre")
    heat = on_mariadb()
    heat.db_sync(25)
    name = name_of(heat)
    mariadb.execute(f"CREATE DATABASE other_{name}")
    mariadb.execute("CREATE TABLE t (i INT) ENGINE=InnoDB", database=f"other_{name}")
    monkeypatch.setattr(file("schema.no-long-transactions"), "_LONG", 1.5)
    with (
        _open_on_mariadb(mariadb, name, "stack") as inside,
        _open_on_mariadb(mariadb, None, f"{name}.stack") as without,
        _open_on_mariadb(mariadb, f"other_{name}", "t"),
    ):
        time.sleep(2.1)
        # Heat's account is not shown it, and is not told that there is none.
        with pytest.raises(NotConfigured, match=r"GRANT PROCESS ON \*\.\* TO"):
            judged(check, heat)
        mariadb.execute(f"GRANT PROCESS ON *.* TO `{name}`@'127.0.0.1'")
        for phase, level in (("pre", "warning"), ("stopped", "blocker")):
            findings = judged(check, heat, phase=phase).findings
            assert {str(finding.level) for finding in findings} == {level}
            assert {finding.data["session"] for finding in findings} == {inside, without}
            assert all(2 <= finding.data["seconds"] < AN_HOUR for finding in findings)
            objects = sorted(finding.object for finding in findings)
            ours = (f"session {id} of root at localhost" for id in (inside, without))
            assert objects == sorted(ours)
        end = next(f for f in findings if f.data["session"] == inside).commands[0][-1]
        # What the check is for: the migration waits for as long as that.
        with pytest.raises(pymysql.OperationalError, match="Lock wait timeout"):
            mariadb.execute(
                "SET STATEMENT lock_wait_timeout = 1 FOR ALTER TABLE stack ADD COLUMN x INT",
                database=name,
            )
        mariadb.execute(end)
        mariadb.execute(f"KILL {without}")
        green(check, heat, phase="stopped")


def test_the_age_of_a_transaction_where_the_servers_clock_is_not_in_utc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with MariaDB(tmp_path / "mariadb") as server:
        server.add_database("heat", "heat", PASSWORD)
        server.execute("GRANT PROCESS ON *.* TO heat@'127.0.0.1'")
        server.execute("CREATE TABLE t (i INT) ENGINE=InnoDB", database="heat")
        assert server.execute("SELECT @@system_time_zone") == [("JST",)]
        site = HeatDatabase(server.url("heat", "heat", PASSWORD), tmp_path).site()
        with _open_on_mariadb(server, "heat", "t"):
            time.sleep(1.1)
            found = ask_in_session(site, open_transactions)
    assert found is not None
    (transaction,) = found.oldest
    assert 1 <= transaction.age < AN_HOUR


def test_a_transaction_that_stays_open_on_postgresql(
    postgresql: PostgreSQL, on_postgresql: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = check_at("schema.no-long-transactions", "pre")
    heat = on_postgresql()
    heat.db_sync(25)
    name = name_of(heat)
    green(check, heat, phase="stopped")
    monkeypatch.setattr(file("schema.no-long-transactions"), "_LONG", 1.5)
    own_url = heat.url.replace("postgresql+psycopg2", "postgresql")
    with psycopg.connect(own_url) as own:
        own.execute("SELECT * FROM stack")
        time.sleep(2.1)
        for phase, level in (("pre", "warning"), ("stopped", "blocker")):
            finding = red(check, heat, phase=phase)
            assert str(finding.level) == level
            assert finding.object == f"session {own.info.backend_pid} of {name} at 127.0.0.1"
            assert 2 <= finding.data["seconds"] < AN_HOUR
        own.rollback()
        green(check, heat, phase="stopped")
    with psycopg.connect(
        host="127.0.0.1", port=postgresql.port, user="postgres", dbname=name
    ) as another:
        another.execute("SELECT 1")
        time.sleep(2.1)
        with pytest.raises(NotConfigured, match="GRANT pg_read_all_stats TO") as hidden:
            judged(check, heat)
        grant = str(hidden.value).partition("after ")[2]
        postgresql.execute(grant)
        finding = red(check, heat, phase="stopped")
        assert finding.object.startswith(f"session {another.info.backend_pid} of postgres")
        ((*_, end),) = finding.commands
        postgresql.execute(end)
        green(check, heat, phase="stopped")
        another.close()
