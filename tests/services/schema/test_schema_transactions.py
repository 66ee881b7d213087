"""Transactions that stay open on real servers."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pymysql
import pytest

from heat_upgrade_checks.evidence.database.open_transactions import open_transactions
from heat_upgrade_checks.evidence.database.session import ask_in_session
from tests.judging import check_at, file
from tests.services.heat_databases import PASSWORD, HeatDatabase, Make
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.schema.states import green, judged, name_of, red
from tests.waiting import until

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


@contextmanager
def _telling_locks(mariadb: MariaDB) -> Iterator[None]:
    mariadb.execute("INSTALL SONAME 'metadata_lock_info'")
    try:
        yield
    finally:
        mariadb.execute("UNINSTALL SONAME 'metadata_lock_info'")


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
        _telling_locks(mariadb),
        _open_on_mariadb(mariadb, name, "stack") as inside,
        _open_on_mariadb(mariadb, None, f"{name}.stack") as without,
        _open_on_mariadb(mariadb, f"other_{name}", f"{name}.stack") as another,
        _open_on_mariadb(mariadb, f"other_{name}", "t"),
    ):
        time.sleep(2.1)
        # Heat's account is not shown it, and is not told that there is none.
        (hidden,) = judged(check, heat).unknowns
        mariadb.execute(hidden.partition("after ")[2])
        for phase, level in (("pre", "warning"), ("stopped", "blocker")):
            findings = judged(check, heat, phase=phase).findings
            assert {str(finding.level) for finding in findings} == {level}
            assert {finding.data["session"] for finding in findings} == {inside, without, another}
            assert all(2 <= finding.data["seconds"] < AN_HOUR for finding in findings)
            objects = sorted(finding.object for finding in findings)
            ours = (f"session {id} of root at localhost" for id in (inside, without, another))
            assert objects == sorted(ours)
        end = next(f for f in findings if f.data["session"] == inside).commands[0][-1]
        # What the check is for: the migration waits for as long as that.
        with pytest.raises(pymysql.OperationalError, match="Lock wait timeout"):
            mariadb.execute(
                "SET STATEMENT lock_wait_timeout = 1 FOR ALTER TABLE stack ADD COLUMN x INT",
                database=name,
            )
        mariadb.execute(end)
        for session in (without, another):
            mariadb.execute(f"KILL {session}")
        until(lambda: not judged(check, heat, phase="stopped").findings, "the sessions have ended")
        green(check, heat, phase="stopped")


def test_without_the_plugin_a_transaction_begun_in_another_database_is_no_ones(
    mariadb: MariaDB, on_mariadb: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = check_at("schema.no-long-transactions", "pre")
    heat = on_mariadb()
    heat.db_sync(25)
    name = name_of(heat)
    mariadb.execute(f"GRANT PROCESS ON *.* TO `{name}`@'127.0.0.1'")
    mariadb.execute(f"CREATE DATABASE other_{name}")
    monkeypatch.setattr(file("schema.no-long-transactions"), "_LONG", 1.5)
    with _open_on_mariadb(mariadb, f"other_{name}", f"{name}.stack") as another:
        time.sleep(2.1)
        said, unseen = judged(check, heat, phase="stopped").findings
    assert (said.level, said.data["session"]) == ("warning", another)
    assert "with another database chosen; if it read Heat's tables" in said.summary
    # Nor are locks without a transaction.
    assert (unseen.level, "INSTALL SONAME" in unseen.hint) == ("warning", True)
    assert red(check, heat).level == "note"


@pytest.mark.parametrize(
    "statement", ["LOCK TABLES {0}.stack READ, {0}.resource WRITE", "FLUSH TABLES WITH READ LOCK"]
)
def test_locks_without_a_transaction(mariadb: MariaDB, on_mariadb: Make, statement: str) -> None:
    check = check_at("schema.no-long-transactions", "pre")
    heat = on_mariadb()
    heat.db_sync(25)
    name = name_of(heat)
    mariadb.execute(f"GRANT PROCESS ON *.* TO `{name}`@'127.0.0.1'")
    # With autocommit, so that it begins no transaction.
    with _telling_locks(mariadb), closing(mariadb._connect(name)) as locker:
        cursor = locker.cursor()
        cursor.execute(statement.format(name))
        cursor.execute("SELECT CONNECTION_ID()")
        session = next(iter(cursor.fetchall()))[0]
        for phase, level in (("pre", "warning"), ("stopped", "blocker")):
            finding = red(check, heat, phase=phase)
            assert (finding.level, finding.data["session"]) == (level, session)
            assert finding.data["kind"] == "lock"
        ((*_, end),) = finding.commands
        mariadb.execute(end)
        until(lambda: not judged(check, heat).findings, "the session has ended")


def test_locked_tables_where_the_server_tells_of_no_locks(
    mariadb: MariaDB, on_mariadb: Make
) -> None:
    check = check_at("schema.no-long-transactions", "pre")
    heat = on_mariadb()
    heat.db_sync(25)
    name = name_of(heat)
    mariadb.execute(f"GRANT PROCESS ON *.* TO `{name}`@'127.0.0.1'")
    with closing(mariadb._connect(name)) as locker:
        locker.cursor().execute("LOCK TABLES stack READ")
        finding = red(check, heat, phase="stopped")
    assert (finding.level, finding.object) == ("blocker", "tables stack")


def test_a_transaction_that_was_prepared_on_mariadb(
    mariadb: MariaDB, on_mariadb: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = check_at("schema.no-long-transactions", "pre")
    heat = on_mariadb()
    heat.db_sync(25)
    heat.fill()
    name = name_of(heat)
    mariadb.execute(f"GRANT PROCESS ON *.* TO `{name}`@'127.0.0.1'")
    monkeypatch.setattr(file("schema.no-long-transactions"), "_LONG", 1.5)
    with _telling_locks(mariadb):
        with closing(mariadb._connect(name)) as session:
            cursor = session.cursor()
            cursor.execute("XA START 'left'")
            cursor.execute("UPDATE stack SET name = 'x' WHERE id = 'rest'")
            cursor.execute("XA END 'left'")
            cursor.execute("XA PREPARE 'left'")
        try:
            until(lambda: judged(check, heat).findings, "the transaction is old")
            finding = red(check, heat, phase="stopped")
            assert (finding.level, finding.object) == ("blocker", "prepared transaction XA")
            ((*_, lists),) = finding.commands
            assert any("left" in str(row) for row in mariadb.execute(lists))
        finally:
            mariadb.execute("XA ROLLBACK 'left'")
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
        (hidden,) = judged(check, heat).unknowns
        assert "GRANT pg_read_all_stats TO" in hidden
        postgresql.execute(hidden.partition("after ")[2])
        finding = red(check, heat, phase="stopped")
        assert finding.object.startswith(f"session {another.info.backend_pid} of postgres")
        ((*_, end),) = finding.commands
        postgresql.execute(end)
        green(check, heat, phase="stopped")
        another.close()


def test_a_transaction_that_was_prepared_on_postgresql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = check_at("schema.no-long-transactions", "pre")
    monkeypatch.setattr(file("schema.no-long-transactions"), "_LONG", 1.5)
    with PostgreSQL(tmp_path / "postgresql", "max_prepared_transactions=5") as server:
        server.add_database("heat", "heat", PASSWORD)
        heat = HeatDatabase(server.url("heat", "heat", PASSWORD), tmp_path)
        heat.db_sync(25)
        heat.fill()
        with psycopg.connect(heat.url.replace("+psycopg2", ""), autocommit=True) as own:
            own.execute("BEGIN")
            own.execute("UPDATE stack SET name = 'x' WHERE id = 'rest'")
            own.execute("PREPARE TRANSACTION 'it''s left'")
        until(lambda: judged(check, heat).findings, "the transaction is old")
        finding = red(check, heat, phase="stopped")
        assert (finding.level, finding.object) == ("blocker", "prepared transaction it's left")
        ((*_, end),) = finding.commands
        server.execute(end, database="heat")
        green(check, heat, phase="stopped")
