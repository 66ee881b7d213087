"""Who has a transaction open in Heat's database: while it lasts, no table that it read is altered.

Not the text of its statement, which may hold a secret.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from heat_upgrade_checks.evidence.database.errors import lacks_process

_KEPT = 100


@dataclass(frozen=True)
class Transaction:
    """A transaction of another session; `age` in seconds since it began, by the server's clock.

    `session` is the server's number for it; `host` is empty where it came by a local socket.
    """

    session: int
    account: str
    host: str
    age: float


@dataclass(frozen=True)
class Transactions:
    """The 100 oldest transactions that the reading account is shown.

    `hidden` tells that sessions may have some that it is not shown.
    """

    oldest: tuple[Transaction, ...]
    hidden: bool


def open_transactions(session: sa.Connection) -> Transactions | None:
    """Those of other sessions; None for SQLite, which keeps no list."""
    if session.dialect.name == "mysql":
        try:
            return Transactions(_rows(session, _MYSQL), hidden=False)
        except DBAPIError as error:
            if not lacks_process(error):
                raise
            return Transactions((), hidden=True)
    if session.dialect.name == "postgresql":
        hidden = session.execute(_POSTGRESQL_HIDDEN).scalar_one()
        return Transactions(_rows(session, _POSTGRESQL), hidden=hidden > 0)
    return None


def _rows(session: sa.Connection, query: sa.TextClause) -> tuple[Transaction, ...]:
    rows = session.execute(query, {"kept": _KEPT})
    return tuple(Transaction(row.id, row.account, row.host, float(row.age)) for row in rows)


# trx_started is in the time zone of the server's machine, whatever the session's is. Sessions on
# another database of the server hold none of Heat's tables; one that chose no database may.
_MYSQL = sa.text(
    """
    SELECT p.id AS id, p.user AS account, p.host AS host,
        TIMESTAMPDIFF(
            SECOND, CONVERT_TZ(t.trx_started, 'SYSTEM', '+00:00'), UTC_TIMESTAMP()
        ) AS age
    FROM information_schema.innodb_trx t
    JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
    WHERE p.id <> CONNECTION_ID() AND (p.db = DATABASE() OR p.db IS NULL)
    ORDER BY t.trx_started LIMIT :kept
    """
)
# Not the workers of autovacuum, which give way to an ALTER.
_POSTGRESQL = sa.text(
    """
    SELECT pid AS id, usename AS account, coalesce(host(client_addr), '') AS host,
        extract(epoch FROM clock_timestamp() - xact_start) AS age
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND backend_type = 'client backend' AND xact_start IS NOT NULL
    ORDER BY xact_start LIMIT :kept
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
