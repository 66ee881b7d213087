"""Databases with rows, backups of them by real tools, and what a restore brings."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from heat_upgrade_checks.evidence.backup import newest as backups
from heat_upgrade_checks.evidence.backup.newest import Backup
from heat_upgrade_checks.evidence.database.session import url_of
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.rehearsal import live_server
from heat_upgrade_checks.rehearsal.restore import (
    Restored,
    restore,
)
from heat_upgrade_checks.rehearsal.scratch import Scratch, scratch
from tests.services import processes
from tests.services.heat_databases import HeatDatabase
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL, _program

CANARY = "canary-of-a-row-5b0e"
HOSTILE = "\nUSE `mysql`;\n\\connect postgres\n\\.\nDELIMITER ;;\n;\n'\"\\ \t\r\0"[:-1] + CANARY
Rows = dict[str, list[tuple[Any, ...]]]


def filled(database: HeatDatabase) -> None:
    """Bring a database to 25 and fill it with hostile rows."""
    database.db_sync(25)
    database.fill()
    database.leave_behind()
    with connected(url_of(database.site())) as connection:
        for number in range(300):
            connection.execute(
                sa.text("INSERT INTO raw_template (id, template) VALUES (:id, :text)"),
                {"id": 1000 + number, "text": HOSTILE[number % 40 :] + "x" * number},
            )
        connection.commit()


@contextmanager
def connected(url: sa.URL) -> Iterator[sa.Connection]:
    """A connection to a database."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection


def content(url: sa.URL) -> Rows:
    """Every row of every table."""
    with connected(url) as connection:
        metadata = sa.MetaData()
        metadata.reflect(connection)
        return {
            table.name: sorted(
                (tuple(row) for row in connection.execute(sa.select(table))), key=repr
            )
            for table in metadata.sorted_tables
        }


def restored(site: Site, path: Path, check: Callable[[Scratch], None] = lambda _: None) -> Restored:
    """Restore a backup of the site's database and compare all rows with the live ones."""
    live = live_server.observe(site)
    backup = newest(path, live.database)
    told: list[tuple[int, int]] = []
    with scratch(site, live, backup) as place:
        done = restore(backup, live.database, place, lambda a, b: told.append((a, b)))
        assert content(place.url) == content(url_of(site))
        check(place)
    assert done.sha256 == backup.sha256
    assert told[-1] == (backup.bytes, backup.bytes)
    return done


def newest(path: Path, database: str) -> Backup:
    """The newest backup of a database, read to its end."""
    found = backups.read(str(path), database).newest
    assert found is not None
    assert found.damage == ""
    return found


def dump_maria(server: MariaDB, path: Path, *options: str, tool: str = "mariadb-dump") -> Path:
    """A dump by this tool, which is told by its options of what."""
    command: list[str | Path] = [
        processes.program(tool, tool),
        *(["--no-defaults"] if tool == "mariadb-dump" else []),
        f"--socket={server.socket}",
        "--user=root",
        *options,
    ]
    processes.run(tool, command, path.parent / "dump.log")
    return path


def dump_postgres(server: PostgreSQL, path: Path, *options: str, tool: str = "pg_dump") -> Path:
    """A dump by this tool, which is told by its options of what."""
    command: list[str | Path] = [
        _program(tool),
        "--host=127.0.0.1",
        f"--port={server.port}",
        "--username=postgres",
        f"--file={path}",
        *options,
    ]
    processes.run(tool, command, path.parent / "dump.log")
    return path
