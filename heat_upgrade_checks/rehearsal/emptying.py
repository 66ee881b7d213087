"""A database that only a rehearsal uses: whether it is empty, and how it becomes so again."""

import time
from collections.abc import Iterator

import sqlalchemy as sa

from heat_upgrade_checks.secrets import shown
from heat_upgrade_checks.wording import counted

_CONNECT_TIMEOUT = 10
# A program that outlived the tool may hold a session and begin a statement anew.
_ROUNDS, _PAUSE = 5, 0.3

_MYSQL_CONTENT = """
    SELECT table_type, table_name FROM information_schema.tables WHERE table_schema = DATABASE()
    UNION ALL SELECT routine_type, routine_name FROM information_schema.routines
        WHERE routine_schema = DATABASE()
    UNION ALL SELECT 'EVENT', event_name FROM information_schema.events
        WHERE event_schema = DATABASE()
"""
_MYSQL_KINDS = {"BASE TABLE": "TABLE", "SYSTEM VERSIONED": "TABLE"}

# What depends on something else (an index, a table's own type or sequence, what an extension
# brought) goes with it and is not listed. Names are the server's own, quoted where it takes that.
_POSTGRESQL_CONTENT = """
    WITH user_schema AS (
        SELECT oid, nspname FROM pg_namespace
        WHERE left(nspname, 3) <> 'pg_' AND nspname <> 'information_schema'
    ), part AS (
        SELECT classid, objid FROM pg_depend
        WHERE deptype IN ('e', 'i') OR (deptype = 'a' AND refobjsubid > 0)
    )
    SELECT 'SCHEMA', quote_ident(nspname) FROM user_schema WHERE nspname <> 'public'
    UNION ALL
    SELECT 'EXTENSION', quote_ident(extname) FROM pg_extension WHERE extname <> 'plpgsql'
    UNION ALL
    SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
            WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END,
        c.oid::regclass::text
    FROM pg_class c JOIN user_schema n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        AND ('pg_class'::regclass::oid, c.oid) NOT IN (SELECT classid, objid FROM part)
    UNION ALL
    SELECT CASE p.prokind WHEN 'a' THEN 'AGGREGATE' WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
        p.oid::regprocedure::text
    FROM pg_proc p JOIN user_schema n ON n.oid = p.pronamespace
    WHERE ('pg_proc'::regclass::oid, p.oid) NOT IN (SELECT classid, objid FROM part)
    UNION ALL
    SELECT 'TYPE', t.oid::regtype::text
    FROM pg_type t JOIN user_schema n ON n.oid = t.typnamespace
    LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c')
        AND ('pg_type'::regclass::oid, t.oid) NOT IN (SELECT classid, objid FROM part)
"""


def content(connection: sa.Connection) -> list[tuple[str, str]]:
    """Everything in the session's database: the word that drops it, and its name for a statement.

    An account sees only what it has a privilege on.
    """
    if connection.dialect.name == "postgresql":
        return [(kind, name) for kind, name in connection.exec_driver_sql(_POSTGRESQL_CONTENT)]
    quote = connection.dialect.identifier_preparer.quote_identifier
    return [
        (_MYSQL_KINDS.get(kind, kind), quote(name))
        for kind, name in connection.exec_driver_sql(_MYSQL_CONTENT)
    ]


def empty(url: str) -> str:
    """Drop all that is in a database; "", or what could not be dropped, as a phrase.

    :raises SQLAlchemyError: the server cannot be reached.
    """
    arguments = {"connect_timeout": _CONNECT_TIMEOUT}
    engine = sa.create_engine(
        url, poolclass=sa.NullPool, connect_args=arguments, isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        for _ in range(_ROUNDS):
            ended = _end_other_sessions(connection)
            for statement in _drops(connection):
                try:
                    connection.exec_driver_sql(statement)
                except sa.exc.DBAPIError:
                    # It went with another object, or the next round finds it again.
                    continue
            if not content(connection) and not ended:
                return ""
            time.sleep(_PAUSE)
        rest = content(connection)
    if not rest:
        return ""
    return f"{counted(len(rest), 'object')} such as {rest[0][1]} in {shown(engine.url)}"


def _drops(connection: sa.Connection) -> Iterator[str]:
    if connection.dialect.name == "mysql":
        yield "SET SESSION foreign_key_checks = 0"
        yield from (f"DROP {kind} {name}" for kind, name in content(connection))
    else:
        yield from (f"DROP {kind} IF EXISTS {name} CASCADE" for kind, name in content(connection))


def _end_other_sessions(connection: sa.Connection) -> int:
    """End this account's other sessions in the database, which a killed tool's children hold."""
    if connection.dialect.name == "postgresql":
        ended = connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user "
            "AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        return len(ended.all())
    ids = connection.exec_driver_sql(
        "SELECT id FROM information_schema.processlist WHERE db = DATABASE() "
        "AND user = SUBSTRING_INDEX(CURRENT_USER(), '@', 1) AND id <> CONNECTION_ID()"
    ).scalars()
    for number in (numbers := list(ids)):
        try:
            connection.exec_driver_sql(f"KILL {int(number)}")
        except sa.exc.DBAPIError:
            # It ended by itself.
            continue
    return len(numbers)
