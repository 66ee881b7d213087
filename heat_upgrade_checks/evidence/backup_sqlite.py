"""What a SQLite file that serves as a backup holds."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

MAGIC = b"SQLite format 3\0"

_REVISION = "SELECT group_concat(version_num, ', ') FROM alembic_version"
_LEGACY_VERSION = "SELECT max(version) FROM migrate_version"


@dataclass(frozen=True)
class Content:
    """The file's tables and revision; `damage` completes the sentence "the backup …"."""

    tables: tuple[str, ...]
    revision: str
    damage: str


def read(path: Path) -> Content:
    """What the file says; it is taken for a file at rest and nothing is written beside it."""
    # `immutable` keeps SQLite from locks and from making -wal and -shm files, which mode=ro does
    # not. It reads the file alone, as a restore of this file would.
    address = f"file:{quote(str(path))}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            return _content(connection, path)
    except (sqlite3.Error, UnicodeDecodeError):
        return Content((), "", "is damaged: SQLite cannot read it to its end")


def _content(connection: sqlite3.Connection, path: Path) -> Content:
    listed = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    tables = tuple(str(name) for (name,) in listed if not str(name).startswith("sqlite_"))
    revision = _value(connection, "alembic_version", _REVISION, tables) or _value(
        connection, "migrate_version", _LEGACY_VERSION, tables
    )
    return Content(tables, revision, _damage(connection, path))


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
