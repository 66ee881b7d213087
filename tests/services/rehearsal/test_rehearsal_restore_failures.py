"""Backups that do not go back, and faults that are none of theirs."""

import gzip
import os
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.errors import Unobserved, UsageError
from heat_upgrade_checks.evidence.database.session import url_of
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.plan import RehearsalPlan
from heat_upgrade_checks.rehearsal import live_server
from heat_upgrade_checks.rehearsal.clients import Client, client_of
from heat_upgrade_checks.rehearsal.restore import (
    RestoreFailed,
    _load,
    require_restorable,
    restore,
)
from heat_upgrade_checks.rehearsal.scratch import scratch
from tests.services.heat_databases import HeatDatabase
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.rehearsal.restores import CANARY, content, dump_maria, dump_postgres, newest


def failure(site: Site, path: Path, kind: type[Exception] = RestoreFailed) -> str:
    """The sentence on a restore that fails, which holds nothing of any row."""
    live = live_server.observe(site)
    backup = newest(path, live.database)
    with (
        scratch(site, live, backup) as place,
        pytest.raises(kind) as failed,
    ):
        restore(backup, live.database, place, lambda *_: None)
    assert CANARY not in str(failed.value)
    return str(failed.value)


def test_a_dump_that_a_client_refuses_is_told_by_number_and_line(
    mariadb: MariaDB, on_maria: HeatDatabase, tmp_path: Path
) -> None:
    path = tmp_path / "heat.sql"
    dump_maria(mariadb, path, f"--result-file={path}", "rehearsed")
    whole = path.read_text(encoding="utf-8")
    end = "-- Dump completed"
    line = whole[: whole.index(end)].count("\n") + 1

    def spoilt(statement: str) -> str:
        path.write_text(whole.replace(end, f"{statement}\n{end}"), encoding="utf-8")
        return failure(on_maria.site(), path)

    twice = f"INSERT INTO raw_template (id, template) VALUES (1, '{CANARY}');"
    table = f"CREATE TABLE c (name VARCHAR(40) PRIMARY KEY) SELECT '{CANARY}' AS name;"
    row = f"INSERT INTO c VALUES ('{CANARY}');"
    assert spoilt(f"{table} {row}") == (
        f"mariadb stopped at line {line} of heat.sql with error 1062 (exit code 1): a key is there "
        "twice; the dump is damaged or was made by another kind of server: back up again"
    )
    assert "error 1062" in spoilt(twice)
    assert f"line {line} of heat.sql with error 1064" in spoilt(f"SELEC '{CANARY}';")
    assert "error 1050" in spoilt("CREATE TABLE raw_template (id INT);")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("CREATE TABLE d (a TEXT) COLLATE utf8mb4_0900_unheard_of;", "1273 (exit code 1): a coll"),
        ("SET unheard_of = 1;", "error 1193 (exit code 1): a setting is unknown"),
        (
            "SET SESSION max_heap_table_size = 16384; CREATE TABLE d (a CHAR(250)) ENGINE=MEMORY; "
            "INSERT INTO d SELECT 'x' FROM seq_1_to_10000;",
            "error 1114 (exit code 1): there is no space left",
        ),
        ("KILL CONNECTION_ID(); DO SLEEP(1);", "the scratch server or its client went away"),
    ],
)
def test_a_fault_of_a_mariadb_is_none_of_the_dump(
    statement: str, told: str, mariadb: MariaDB, on_maria: HeatDatabase, tmp_path: Path
) -> None:
    path = tmp_path / "heat.sql"
    dump_maria(mariadb, path, f"--result-file={path}", "rehearsed")
    whole, end = path.read_text(encoding="utf-8"), "-- Dump completed"
    path.write_text(whole.replace(end, f"{statement}\n{end}"), encoding="utf-8")
    assert told in failure(on_maria.site(), path, Unobserved)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("CREATE TABLE public.d (a unheard_of);", "error 42704 (exit code 3): something that"),
        ("SELECT pg_terminate_backend(pg_backend_pid());", "the scratch server or its client went"),
    ],
)
def test_a_fault_of_a_postgresql_is_none_of_the_dump(
    statement: str, told: str, postgresql: PostgreSQL, on_postgres: HeatDatabase, tmp_path: Path
) -> None:
    path = tmp_path / "heat.sql"
    dump_postgres(postgresql, path, "rehearsed")
    whole, end = path.read_text(encoding="utf-8"), "--\n-- PostgreSQL database dump complete"
    path.write_text(whole.replace(end, f"{statement}\n{end}"), encoding="utf-8")
    assert told in failure(on_postgres.site(), path, Unobserved)


@pytest.mark.parametrize("end", [-9, 2])
def test_a_client_that_is_killed_or_loses_the_server_says_nothing_of_the_backup(
    end: int, tmp_path: Path
) -> None:
    how = "kill -9 $$" if end < 0 else f"exit {end}"
    program = tmp_path / "psql"
    program.write_text(f"#!/bin/sh\n{how}\n", encoding="utf-8")
    program.chmod(0o700)
    with pytest.raises(Unobserved, match=f"psql ended with exit code {end} while heat.sql was"):
        _load(Client((str(program),), {}), [b"SELECT 1;"], "heat.sql", tmp_path)


def test_a_dump_that_psql_refuses_is_told_by_code_and_line(
    postgresql: PostgreSQL, on_postgres: HeatDatabase, tmp_path: Path
) -> None:
    path = tmp_path / "heat.sql"
    dump_postgres(postgresql, path, "rehearsed")
    whole = path.read_text(encoding="utf-8")
    end = "--\n-- PostgreSQL database dump complete"
    line = whole[: whole.index(end)].count("\n") + 1
    for statement, number in (
        (f"INSERT INTO public.raw_template (id, template) VALUES (1, '{CANARY}');", "23505"),
        (f"SELEC '{CANARY}';", "42601"),
    ):
        path.write_text(whole.replace(end, f"{statement}\n{end}"), encoding="utf-8")
        told = failure(on_postgres.site(), path)
        assert f"psql stopped at line {line} of heat.sql with error {number} (exit code 3)" in told


def test_a_backup_that_is_cut_off_after_it_was_read(
    mariadb: MariaDB, on_maria: HeatDatabase, tmp_path: Path
) -> None:
    path, packed = tmp_path / "heat.sql", tmp_path / "heat.sql.gz"
    dump_maria(mariadb, path, f"--result-file={path}", "rehearsed")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    site = on_maria.site()
    live = live_server.observe(site)
    for file in (path, packed):
        backup = newest(file, "rehearsed")
        file.write_bytes(file.read_bytes()[: backup.bytes * 6 // 10])
        with scratch(site, live, backup) as place, pytest.raises(RestoreFailed):
            restore(backup, live.database, place, lambda *_: None)


def test_other_databases_only(mariadb: MariaDB, on_maria: HeatDatabase, tmp_path: Path) -> None:
    path = tmp_path / "heat.sql"
    dump_maria(mariadb, path, f"--result-file={path}", "--databases", "neighbour")
    assert "holds neighbour and no database rehearsed" in failure(on_maria.site(), path)


def test_a_password_reaches_the_clients_by_a_file_alone(
    mariadb: MariaDB, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    password = "p\"a\\s:#s'\\word %40$" + CANARY
    for server, backend in ((mariadb, "mysql+pymysql"), (postgresql, "postgresql+psycopg")):
        server.add_database("guarded", "guarded", password)
        url = sa.URL.create(
            backend, "guarded", password, host="127.0.0.1", port=server.port, database="guarded"
        )
        client = client_of(url, tmp_path)
        assert CANARY not in repr(client)
        (file,) = tmp_path.glob("client-*")
        assert file.stat().st_mode & 0o777 == 0o600
        with (tmp_path / "errors").open("w+b") as errors, Path(os.devnull).open("rb") as nothing:
            assert client.start(nothing, errors).wait() == 0
        file.unlink()


def test_on_a_shared_server_the_live_database_stays_untouched(
    mariadb: MariaDB, on_maria: HeatDatabase, tmp_path: Path
) -> None:
    """The dump enters the live database by its name, and the account may write there."""
    mariadb.add_database("shared", "rehearsed", "canary-of-restore-1")
    mariadb.execute("CREATE TABLE rehearsed.added_later (id INT)")
    path = tmp_path / "heat.sql"
    options = ("--databases", "neighbour", "rehearsed")
    dump_maria(mariadb, path, f"--result-file={path}", "--add-drop-database", *options)
    mariadb.execute("INSERT INTO rehearsed.added_later VALUES (1)")
    url = mariadb.url("shared", "rehearsed", "canary-of-restore-1")
    secret = tmp_path / "password"
    secret.write_text("canary-of-restore-1", encoding="utf-8")
    plan = on_maria.site().plan
    lent = RehearsalPlan(url=str(sa.make_url(url)._replace(password=None)), password_file=secret)
    site = Site(plan.model_copy(update={"rehearsal": lent}), tmp_path)
    live, backup = live_server.observe(site), newest(path, "rehearsed")
    try:
        with scratch(site, live, backup) as place:
            restore(backup, live.database, place, lambda *_: None)
            assert content(place.url).keys() == content(url_of(site)).keys()
            assert content(place.url)["added_later"] == []
        assert mariadb.execute("SELECT id FROM rehearsed.added_later") == [(1,)]
        assert mariadb.execute("SHOW TABLES", database="shared") == []
    finally:
        mariadb.execute("DROP TABLE rehearsed.added_later")


def test_a_physical_backup_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "heat.sql"
    path.write_text("-- MariaDB dump 10\n-- Dump completed\n", encoding="utf-8")
    physical = replace(newest(path, "heat"), damage="", format="mariabackup stream+gzip")
    with pytest.raises(UsageError, match=r"is a mariabackup stream, a copy of .* logical dump"):
        require_restorable(physical)
