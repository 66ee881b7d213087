"""Backups made by the tools that operators use, restored whole into a scratch database."""

import bz2
import gzip
import lzma
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.rehearsal import live_server
from heat_upgrade_checks.rehearsal.restore import (
    restore,
)
from heat_upgrade_checks.rehearsal.scratch import Scratch, scratch
from tests.services.heat_databases import HeatDatabase
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.rehearsal.restores import (
    connected,
    dump_maria,
    dump_postgres,
    filled,
    newest,
    restored,
)


@pytest.mark.parametrize(
    "options",
    [
        ["rehearsed"],
        ["--databases", "neighbour", "rehearsed"],
        ["--all-databases", "--add-drop-database", "--events", "--flush-privileges"],
        ["--skip-opt", "--hex-blob", "--complete-insert", "rehearsed"],
    ],
)
def test_dumps_of_mariadb(
    options: list[str], mariadb: MariaDB, on_maria: HeatDatabase, tmp_path: Path
) -> None:
    path = tmp_path / "heat.sql"
    dump_maria(mariadb, path, "--single-transaction", f"--result-file={path}", *options)

    def has_no_neighbour(place: Scratch) -> None:
        with connected(place.url) as connection:
            names = set(connection.exec_driver_sql("SHOW DATABASES").scalars())
        assert "rehearsed" in names
        assert "neighbour" not in names

    restored(on_maria.site(), path, has_no_neighbour)


def test_a_compressed_dump(mariadb: MariaDB, on_maria: HeatDatabase, tmp_path: Path) -> None:
    plain = tmp_path / "heat.sql"
    dump_maria(mariadb, plain, f"--result-file={plain}", "rehearsed")
    for suffix, compress in (("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)):
        path = tmp_path / f"heat.sql.{suffix}"
        path.write_bytes(compress(plain.read_bytes()))
        if suffix != "gz":
            assert newest(path, "rehearsed").format.startswith("mariadb-dump+")
            continue
        restored(on_maria.site(), path)


def test_what_a_site_added_comes_without_its_definer(mariadb: MariaDB, tmp_path: Path) -> None:
    mariadb.add_database("extended", "extended", "canary-of-restore-3")
    mariadb.execute("CREATE USER IF NOT EXISTS gone@localhost")
    mariadb.execute("GRANT ALL ON extended.* TO gone@localhost")
    for statement in (
        "CREATE TABLE t (id INT PRIMARY KEY)",
        "CREATE DEFINER=gone@localhost TRIGGER tr BEFORE INSERT ON t FOR EACH ROW\n"
        "BEGIN\nSET NEW.id = NEW.id + 1;\nEND",
        "CREATE DEFINER=gone@localhost VIEW v AS SELECT id FROM t",
        "CREATE DEFINER=gone@localhost PROCEDURE p() BEGIN SELECT 1; END",
        "CREATE DEFINER=gone@localhost EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
        "ALTER DATABASE extended CHARACTER SET utf8mb3",
    ):
        mariadb.execute(statement, database="extended")
    path = tmp_path / "heat.sql"
    dump_maria(
        mariadb, path, f"--result-file={path}", "--routines", "--events", "--databases", "extended"
    )
    mariadb.execute("DROP USER gone@localhost")
    database = HeatDatabase(mariadb.url("extended", "extended", "canary-of-restore-3"), tmp_path)
    site = database.site()
    live = live_server.observe(site)
    with scratch(site, live, newest(path, "extended")) as place:
        restore(newest(path, "extended"), "extended", place, lambda *_: None)
        with connected(place.url) as connection:
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
            assert connection.exec_driver_sql("SELECT id FROM v").scalars().all() == [2]
            assert connection.exec_driver_sql("CALL p()").scalars().all() == [1]
            connection.exec_driver_sql("SHOW CREATE EVENT e")


@pytest.mark.parametrize("options", [[], ["--compress"], ["--rows=50"]])
def test_a_folder_of_mydumper(
    options: list[str], mariadb: MariaDB, on_maria: HeatDatabase, tmp_path: Path
) -> None:
    path = tmp_path / "mydumper"
    dump_maria(
        mariadb, path, f"--outputdir={path}", "--regex=^(rehearsed|neighbour)\\.", *options,
        tool="mydumper",
    )  # fmt: skip
    restored(on_maria.site(), path)


@pytest.mark.parametrize(
    ("tool", "options"),
    [
        ("pg_dump", ["rehearsed"]),
        ("pg_dump", ["--create", "--clean", "--if-exists", "rehearsed"]),
        ("pg_dump", ["--inserts", "rehearsed"]),
        ("pg_dump", ["--format=custom", "rehearsed"]),
        ("pg_dump", ["--format=directory", "rehearsed"]),
        ("pg_dump", ["--format=tar", "rehearsed"]),
        ("pg_dumpall", []),
    ],
)
def test_dumps_of_postgresql(
    tool: str,
    options: list[str],
    postgresql: PostgreSQL,
    on_postgres: HeatDatabase,
    tmp_path: Path,
) -> None:
    path = dump_postgres(postgresql, tmp_path / "heat.dump", *options, tool=tool)

    def has_no_neighbour(place: Scratch) -> None:
        with connected(place.url) as connection:
            names = connection.exec_driver_sql("SELECT datname FROM pg_database").scalars().all()
        assert "neighbour" not in names

    restored(on_postgres.site(), path, has_no_neighbour)


def test_a_copy_of_sqlite(tmp_path: Path) -> None:
    database = HeatDatabase(f"sqlite:///{tmp_path}/heat.sqlite", tmp_path)
    filled(database)
    path = tmp_path / "backup.sqlite"
    shutil.copy(tmp_path / "heat.sqlite", path)
    restored(database.site(), path)


def test_a_copy_for_which_there_is_no_room_says_nothing_of_the_backup(tmp_path: Path) -> None:
    path = tmp_path / "backup.sqlite"
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE stack (id)")
    full = sa.URL.create("sqlite", database="/dev/full")
    place = Scratch(full, "", "SQLite", True, tmp_path, (), ())
    with pytest.raises(Unobserved, match=r"No space left on device .* TMPDIR names a folder with"):
        restore(newest(path, "heat"), "heat", place, lambda *_: None)
