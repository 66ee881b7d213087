"""Who holds Heat's tables: while it lasts, no table that was read is altered.

Not the text of a statement, which may hold a secret.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from heat_upgrade_checks.evidence.database import metadata_locks
from heat_upgrade_checks.evidence.database.errors import lacks_process

_KEPT = 100

Kind = Literal["transaction", "elsewhere", "lock", "prepared"]


@dataclass(frozen=True)
class Transaction:
    """What another session holds; `age` in seconds since it began, by the server's clock.

    `session` is the server's number for it; `host` is empty where it came by a local socket. Of
    kind "elsewhere" is a transaction that another database was chosen in: whether it touched
    Heat's tables the server does not tell. A "lock" is that of LOCK TABLES or FLUSH TABLES WITH
    READ LOCK, of which no begin is told: `age` is since its session's last statement. What is
    "prepared" is held by no session, or by one that ended, and goes by its `name`.
    """

    session: int
    account: str
    host: str
    age: float
    kind: Kind = "transaction"
    name: str = ""


@dataclass(frozen=True)
class Transactions:
    """The 100 oldest of what the reading account is shown.

    `hidden` tells that sessions may have some that it is not shown; `locks_unseen`, that the server
    does not tell who holds metadata locks. `kept` are tables that somebody has locked, who is not
    told.
    """

    oldest: tuple[Transaction, ...]
    hidden: bool
    locks_unseen: bool = False
    kept: tuple[str, ...] = ()


def open_transactions(session: sa.Connection) -> Transactions | None:
    """Those of other sessions; None for SQLite, which keeps no list."""
    if session.dialect.name == "mysql":
        return _of_mysql(session)
    if session.dialect.name == "postgresql":
        hidden = session.execute(_POSTGRESQL_HIDDEN).scalar_one()
        rows = session.execute(_POSTGRESQL, {"kept": _KEPT})
        return Transactions(tuple(map(_transaction, rows)), hidden=hidden > 0)
    return None


def _of_mysql(session: sa.Connection) -> Transactions:
    try:
        rows = session.execute(_MYSQL, {"kept": _KEPT}).all()
    except DBAPIError as error:
        if not lacks_process(error):
            raise
        return Transactions((), hidden=True)
    locks = metadata_locks.locks(session)
    if locks is None:
        name = session.exec_driver_sql("SELECT DATABASE()").scalar_one()
        kept = metadata_locks.tables_kept(session, name)
        return Transactions(tuple(map(_transaction, rows)), False, locks_unseen=True, kept=kept)
    # A prepared transaction, without a session, keeps its locks where none of them is told.
    held = [
        _transaction(row) if not row.id else replace(_transaction(row), kind="transaction")
        for row in rows
        if row.id in locks.holders or not row.id
    ]
    return Transactions((*held, *_lockers(session, locks.lockers)), hidden=False)


def _lockers(session: sa.Connection, ids: frozenset[int]) -> Iterator[Transaction]:
    query = _SESSIONS.bindparams(sa.bindparam("ids", sorted(ids), expanding=True))
    for row in session.execute(query):
        yield Transaction(row.id, row.account, row.host, float(row.age), "lock")


def _transaction(row: sa.Row[Any]) -> Transaction:
    return Transaction(
        row.id, row.account or "", row.host or "", float(row.age), row.kind, row.name
    )


# trx_started is in the time zone of the server's machine, whatever the session's is. A session that
# chose no database may hold tables of any, one that chose another names them in full. XA PREPARE
# leaves a transaction that outlives its session, and then has the number 0.
_MYSQL = sa.text(
    """
    SELECT COALESCE(p.id, 0) AS id, p.user AS account, p.host AS host,
        TIMESTAMPDIFF(
            SECOND, CONVERT_TZ(t.trx_started, 'SYSTEM', '+00:00'), UTC_TIMESTAMP()
        ) AS age,
        CASE WHEN p.id IS NULL THEN 'prepared' WHEN p.db <> DATABASE() THEN 'elsewhere'
            ELSE 'transaction' END AS kind,
        CASE WHEN p.id IS NULL THEN 'XA' ELSE '' END AS name
    FROM information_schema.innodb_trx t
    LEFT JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
    WHERE (p.id IS NOT NULL AND p.id <> CONNECTION_ID()) OR t.trx_mysql_thread_id = 0
    ORDER BY COALESCE(p.db <> DATABASE(), FALSE), t.trx_started LIMIT :kept
    """
)
_SESSIONS = sa.text(
    """
    SELECT id, user AS account, host, time AS age FROM information_schema.processlist
    WHERE id IN :ids ORDER BY id
    """
)
# Not the workers of autovacuum, which give way to an ALTER.
_POSTGRESQL = sa.text(
    """
    SELECT pid AS id, usename AS account, coalesce(host(client_addr), '') AS host,
        extract(epoch FROM clock_timestamp() - xact_start) AS age,
        'transaction' AS kind, '' AS name
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND backend_type = 'client backend' AND xact_start IS NOT NULL
    UNION ALL
    SELECT 0, owner, '', extract(epoch FROM clock_timestamp() - prepared), 'prepared', gid
    FROM pg_prepared_xacts WHERE database = current_database()
    ORDER BY age DESC LIMIT :kept
    """
)
# Of a role whose statistics the account may not read, everything but the name is NULL (PostgreSQL's
# HAS_PGSTAT_PERMISSIONS).
_POSTGRESQL_HIDDEN = sa.text(
    """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND usesysid IS NOT NULL
        AND NOT pg_has_role('pg_read_all_stats', 'USAGE') AND NOT pg_has_role(usesysid, 'USAGE')
    """
)
