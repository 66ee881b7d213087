"""How large each of Heat's tables is by the server's own books, and how the server alters tables.

No table is read for it. On MySQL 8 the books are kept for a day; the session asks for those of the
storage engine instead, which stores nothing (information_schema_stats_expiry, MySQL 8.0 manual).
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.database.errors import lacks_process
from heat_upgrade_checks.evidence.database.session import ask_in_session, url_of
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.schema.change_cost.server import Flavour, Galera, Server, StoredTable
from heat_upgrade_checks.wording import counted


@dataclass(frozen=True)
class TableSizes(Facts):
    """The tables of one database that Heat's account is shown, and their server.

    In SQLite each table has the size of the whole file, for none is larger.
    """

    name: str
    server: Server
    tables: tuple[StoredTable, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        return (
            f"sizes of {counted(len(self.tables), 'table')} of database {self.name} as "
            f"{self.server} tells"
        )


def observe(site: Site) -> TableSizes:
    """The sizes of all tables, as estimated by the server."""
    name = url_of(site).database or ""
    return ask_in_session(site, lambda session: _read(session, name))


def _read(session: sa.Connection, name: str) -> TableSizes:
    dialect = session.dialect
    if dialect.name == "mysql":
        server = _mysql(session)
        return TableSizes(name, server, tuple(_of_mysql(session, server, name)))
    flavour: Flavour = "PostgreSQL" if dialect.name == "postgresql" else "SQLite"
    server = Server(flavour, _version(session), {}, None)
    read: Callable[[sa.Connection, Server], Iterable[StoredTable]] = (
        _of_postgresql if flavour == "PostgreSQL" else _of_sqlite
    )
    return TableSizes(name, server, tuple(read(session, server)))


def _version(session: sa.Connection) -> tuple[int, ...]:
    parts = session.dialect.server_version_info or ()
    return tuple(part for part in cast(tuple[object, ...], parts) if isinstance(part, int))


# --- MariaDB and MySQL

_STEER = (
    "alter_algorithm",
    "foreign_key_checks",
    "innodb_instant_alter_column_allowed",
    "old_alter_table",
)
_GALERA = (
    "binlog_row_image",
    "wsrep_max_ws_rows",
    "wsrep_max_ws_size",
    "wsrep_on",
    "wsrep_osu_method",
    "wsrep_provider",
    "wsrep_trx_fragment_size",
)


def _mysql(session: sa.Connection) -> Server:
    flavour: Flavour = "MariaDB" if getattr(session.dialect, "is_mariadb", False) else "MySQL"
    names = ", ".join(f"'{name}'" for name in (*_STEER, *_GALERA))
    rows = session.exec_driver_sql(f"SHOW SESSION VARIABLES WHERE Variable_name IN ({names})")
    found = {str(name).lower(): str(value) for name, value in rows}
    settings = {name: found[name] for name in _STEER if name in found}
    return Server(flavour, _version(session), settings, _galera(found))


def _galera(found: dict[str, str]) -> Galera | None:
    provider = found.get("wsrep_provider", "none").lower()
    if found.get("wsrep_on", "OFF").upper() not in {"ON", "1"} or provider in {"", "none"}:
        return None
    missing = {name for name in _GALERA if name not in found} - {"wsrep_trx_fragment_size"}
    if missing:
        raise Unobserved(
            f"the server is a Galera node, but does not show {', '.join(sorted(missing))}; "
            "find out how it takes schema changes, and waive this check"
        )
    return Galera(
        method=found["wsrep_osu_method"].upper(),
        max_rows=int(found["wsrep_max_ws_rows"]),
        max_bytes=int(found["wsrep_max_ws_size"]),
        # Galera 3 has no fragments.
        fragments=found.get("wsrep_trx_fragment_size", "0") != "0",
        full_images=found["binlog_row_image"].upper() in {"FULL", "FULL_NODUP"},
    )


# Named in lower case, for MySQL 8 names them in upper case.
_TABLES = (
    "SELECT table_name AS name, engine AS engine, row_format AS row_format, table_rows AS rows_, "
    "data_length AS data_length, index_length AS index_length FROM information_schema.tables "
    "WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name"
)
_INDEXES = (
    "SELECT table_name AS name, column_name AS column_, index_type AS type "
    "FROM information_schema.statistics WHERE table_schema = DATABASE()"
)
_VARCHARS = (
    "SELECT table_name AS name, column_name AS column_, character_octet_length AS octets "
    "FROM information_schema.columns WHERE table_schema = DATABASE() AND data_type = 'varchar'"
)


def _of_mysql(session: sa.Connection, server: Server, database: str) -> Iterator[StoredTable]:
    if server.flavour == "MySQL" and server.version >= (8,):
        session.exec_driver_sql("SET SESSION information_schema_stats_expiry = 0")
    indexed: dict[str, set[str]] = defaultdict(set)
    octets: dict[str, dict[str, int]] = defaultdict(dict)
    fulltext = set()
    for row in session.exec_driver_sql(_INDEXES):
        # MySQL indexes expressions too, which are no column.
        indexed[row.name].update({row.column_} - {None})
        if row.type == "FULLTEXT":
            fulltext.add(row.name)
    for row in session.exec_driver_sql(_VARCHARS):
        octets[row.name][row.column_] = row.octets
    versions = _row_versions(session, server, database)
    for row in session.exec_driver_sql(_TABLES):
        yield StoredTable(
            name=row.name,
            rows=row.rows_,
            data_bytes=row.data_length,
            index_bytes=row.index_length,
            engine=row.engine or "",
            row_format=row.row_format or "",
            fulltext=row.name in fulltext,
            indexed=tuple(sorted(indexed[row.name])),
            octets=octets[row.name],
            row_versions=versions.get(row.name),
        )


def _row_versions(session: sa.Connection, server: Server, database: str) -> dict[str, int]:
    """Of each table that MySQL shows them of; none without the privilege PROCESS."""
    if server.flavour != "MySQL" or server.version < (8, 0, 29):
        return {}
    # InnoDB spells the database's name as a file's (MySQL manual, "Mapping of Identifiers").
    folder = re.sub(r"\W", lambda match: f"@{ord(match[0]):04x}", database, flags=re.ASCII)
    query = sa.text(
        "SELECT name AS name, total_row_versions AS versions "
        "FROM information_schema.innodb_tables WHERE SUBSTRING_INDEX(name, '/', 1) = :folder"
    )
    try:
        rows = session.execute(query, {"folder": folder}).all()
    except DBAPIError as error:
        if not lacks_process(error):
            raise
        return {}
    return {row.name.rpartition("/")[2]: row.versions for row in rows}


# --- the others

# Of a partitioned table the parts hold the rows; its own size says nothing.
_POSTGRESQL = """
    SELECT c.relname AS name, c.reltuples AS rows_, c.relpages AS pages,
        CASE c.relkind WHEN 'r' THEN pg_table_size(c.oid) END AS data_bytes,
        CASE c.relkind WHEN 'r' THEN pg_indexes_size(c.oid) END AS index_bytes
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') ORDER BY c.relname
"""


def _of_postgresql(session: sa.Connection, server: Server) -> Iterator[StoredTable]:
    for row in session.exec_driver_sql(_POSTGRESQL):
        # Never counted: -1, up to 13 zero rows on zero pages (PostgreSQL manual, pg_class).
        counted = row.rows_ >= 0 and (server.version >= (14,) or row.pages > 0)
        rows = round(row.rows_) if counted else None
        yield StoredTable(row.name, rows, row.data_bytes, row.index_bytes)


def _of_sqlite(session: sa.Connection, _server: Server) -> Iterator[StoredTable]:
    size = session.exec_driver_sql(
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    ).scalar_one()
    for name in sa.inspect(session).get_table_names():
        yield StoredTable(name, None, size, 0)
