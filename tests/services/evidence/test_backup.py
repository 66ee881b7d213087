"""Backups made by the tools that operators use are read to their end, and cuts in them seen."""

import gzip
from pathlib import Path

import pytest

from heat_upgrade_checks.evidence.backup import newest as backup
from heat_upgrade_checks.evidence.backup.newest import Backup
from tests.services import processes
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL

REVISION = "c6214ca60943"
HOSTILE = (
    "\n-- Dump completed on 2020-01-01  0:00:00\n\n--\n-- PostgreSQL database dump complete\n--\n\n"
    "CREATE TABLE `fake` (\nCREATE TABLE public.fake (\n"
    "-- MariaDB dump \nUSE `fake`;\n\\.\n;\nit's \\'quoted\\\\\";\n"
)


def fill(server: MariaDB | PostgreSQL, database: str) -> None:
    for statement, parameters in (
        ("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)", ()),
        ("INSERT INTO alembic_version VALUES (%s)", (REVISION,)),
        ("CREATE TABLE stack (id INT, name TEXT)", ()),
        ("CREATE TABLE zebra (id INT)", ()),
    ):
        server.execute(statement, parameters, database=database)
    for number in range(50):
        name = HOSTILE[number:] + "x" * 997 * number
        server.execute("INSERT INTO stack VALUES (%s, %s)", (number, name), database=database)


def newest(path: Path, database: str, piece: int = backup.PIECE) -> Backup:
    found = backup.read(str(path), database, piece=piece).newest
    assert found is not None
    return found


def judge(path: Path, database: str) -> Backup:
    """The backup if it is whole, plain and compressed, and damaged when it is cut."""
    content = path.read_bytes()
    found = newest(path, database)
    assert found.damage == ""
    assert sorted(found.tables) == ["alembic_version", "stack", "zebra"]
    assert found.revision == REVISION
    for piece in (4099, 65536):
        assert newest(path, database, piece) == found
    packed = path.with_suffix(".sql.gz")
    packed.write_bytes(gzip.compress(content, 1))
    assert newest(packed, database).damage == ""
    for length in (len(content) * 6 // 10, len(content) - 2):
        path.write_bytes(content[:length])
        assert newest(path, database).damage
    packed.write_bytes(packed.read_bytes()[: packed.stat().st_size * 6 // 10])
    assert "ends early" in newest(packed, database).damage
    return found


@pytest.fixture(scope="module")
def maria(mariadb: MariaDB) -> MariaDB:
    for database in ("backup_heat", "backup_other"):
        mariadb.add_database(database, "backup", "secret")
    fill(mariadb, "backup_heat")
    mariadb.execute("CREATE TABLE other (id INT)", database="backup_other")
    return mariadb


@pytest.mark.parametrize(
    ("options", "databases"),
    [
        (["backup_heat"], ("backup_heat",)),
        (["--skip-opt", "--hex-blob", "backup_heat"], ("backup_heat",)),
        (["--skip-extended-insert", "--complete-insert", "backup_heat"], ("backup_heat",)),
        (["--skip-quote-names", "--insert-ignore", "backup_heat"], ("backup_heat",)),
        (["--databases", "backup_other", "backup_heat"], ("backup_other", "backup_heat")),
        (["--databases", "backup_heat", "backup_other"], ("backup_heat", "backup_other")),
    ],
)
def test_every_way_of_mariadb_dump(
    options: list[str], databases: tuple[str, ...], maria: MariaDB, tmp_path: Path
) -> None:
    path = tmp_path / "backup.sql"
    dump_maria(maria, path, *options)
    found = judge(path, "backup_heat")
    assert (found.format, found.databases) == ("mariadb-dump", databases)
    assert found.finished_at is not None


def test_all_databases_of_mariadb(maria: MariaDB, tmp_path: Path) -> None:
    path = tmp_path / "backup.sql"
    dump_maria(maria, path, "--all-databases", "--skip-dump-date", "--routines", "--events")
    found = judge(path, "backup_heat")
    assert {"backup_heat", "backup_other", "mysql"} <= set(found.databases)
    assert found.finished_at is None


@pytest.mark.parametrize("option", ["--compact", "--skip-comments"])
def test_a_mariadb_dump_without_comments_cannot_be_shown_to_be_whole(
    option: str, maria: MariaDB, tmp_path: Path
) -> None:
    path = tmp_path / "backup.sql"
    dump_maria(maria, path, option, "backup_heat")
    found = newest(path, "backup_heat")
    assert "made without comments" in found.damage
    assert found.revision == REVISION


def dump_maria(server: MariaDB, path: Path, *options: str) -> None:
    program = processes.program("mariadb-dump", "mariadb-client")
    command: list[str | Path] = [
        program,
        "--no-defaults",
        f"--socket={server.socket}",
        "--user=root",
    ]
    processes.run(
        "mariadb-dump",
        [*command, "--single-transaction", f"--result-file={path}", *options],
        path.with_suffix(".log"),
    )


@pytest.fixture(scope="module")
def postgres(postgresql: PostgreSQL) -> PostgreSQL:
    postgresql.add_database("backup_heat", "backup", "secret")
    fill(postgresql, "backup_heat")
    return postgresql


@pytest.mark.parametrize(
    ("tool", "options", "databases"),
    [
        ("pg_dump", ["backup_heat"], ()),
        ("pg_dump", ["--create", "backup_heat"], ("backup_heat",)),
        ("pg_dump", ["--inserts", "backup_heat"], ()),
        ("pg_dump", ["--column-inserts", "--rows-per-insert=7", "backup_heat"], ()),
        ("pg_dump", ["--no-owner", "--no-comments", "--clean", "backup_heat"], ()),
        ("pg_dumpall", [], ("template1", "backup_heat", "postgres")),
    ],
)
def test_every_way_of_pg_dump(
    tool: str,
    options: list[str],
    databases: tuple[str, ...],
    postgres: PostgreSQL,
    tmp_path: Path,
) -> None:
    path = tmp_path / "backup.sql"
    dump_postgres(postgres, tool, path, *options)
    found = judge(path, "backup_heat")
    assert found.format == "pg_dump"
    assert set(databases) <= set(found.databases)
    assert bool(databases) == bool(found.databases)


def dump_postgres(server: PostgreSQL, tool: str, path: Path, *options: str) -> None:
    program = processes.program(tool, "postgresql-client")
    command: list[str | Path] = [
        program,
        "--host=127.0.0.1",
        f"--port={server.port}",
        "--username=postgres",
    ]
    processes.run(tool, [*command, f"--file={path}", *options], path.with_suffix(".log"))
