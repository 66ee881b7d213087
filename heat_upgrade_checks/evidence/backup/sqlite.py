"""What a SQLite file that serves as a backup holds."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from heat_upgrade_checks.evidence.backup.content import Content
from heat_upgrade_checks.evidence.backup.live_rows import COUNTED, SAMPLE

MAGIC = b"SQLite format 3\0"
FORMAT = "sqlite"

_REVISION = "SELECT group_concat(version_num, ', ') FROM alembic_version"
_LEGACY_VERSION = "SELECT max(version) FROM migrate_version"


def read(path: Path, size: int) -> Content:
    """What a file of `size` bytes says; it is taken for one at rest, and nothing is written."""
    # `immutable` keeps SQLite from locks and from making -wal and -shm files, which mode=ro does
    # not. It reads the file alone, as a restore of this file would.
    address = f"file:{quote(str(path))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            return _content(connection, path, size)
    except (sqlite3.Error, UnicodeDecodeError):
        return Content(size, FORMAT, "is damaged: SQLite cannot read it to its end")


def _content(connection: sqlite3.Connection, path: Path, size: int) -> Content:
    listed = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    tables = tuple(str(name) for (name,) in listed if not str(name).startswith("sqlite_"))
    revision = _value(connection, "alembic_version", _REVISION, tables) or _value(
        connection, "migrate_version", _LEGACY_VERSION, tables
    )
    rows = {table: _count(connection, table) for table in tables if table in COUNTED}
    stacks: tuple[str, ...] = ()
    if "stack" in tables:
        ids = connection.execute("SELECT id FROM stack LIMIT ?", (SAMPLE,))
        stacks = tuple(str(id) for (id,) in ids)
    return Content(
        size,
        FORMAT,
        _damage(connection, path),
        tables=tables,
        revision=revision,
        rows=rows,
        stacks=stacks,
    )


def _count(connection: sqlite3.Connection, table: str) -> int:
    (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    return int(count)


def _value(
    connection: sqlite3.Connection, table: str, statement: str, tables: tuple[str, ...]
) -> str:
    if table not in tables:
        return ""
    (value,) = connection.execute(statement).fetchone()
    return "" if value is None else str(value)


def _damage(connection: sqlite3.Connection, path: Path) -> str:
    (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if answer != "ok":
        return "is damaged: SQLite's quick_check finds errors in it"
    (stated,) = connection.execute("PRAGMA page_count").fetchone()
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    if path.stat().st_size != stated * page:
        return f"is cut off: it states {stated} pages of {page} bytes and holds another number"
    for suffix in ("-wal", "-journal"):
        beside = path.with_name(path.name + suffix)
        if beside.exists() and beside.stat().st_size:
            return (
                f"is no finished copy: {beside.name} lies beside it; "
                "make it with `sqlite3 heat.sqlite '.backup FILE'`"
            )
    return ""
