"""Which sessions of MariaDB or MySQL hold metadata locks on Heat's tables, where the server tells.

MariaDB does with the plugin metadata_lock_info, which is not loaded by itself; MySQL 8 does in
performance_schema, to accounts that may read it. Without either, a table that LOCK TABLES keeps is
still told by SHOW OPEN TABLES, while nobody runs a statement.
"""

import time
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from heat_upgrade_checks.evidence.database.errors import is_denied

_LOOKS = 3
_BETWEEN_LOOKS = 0.3


@dataclass(frozen=True)
class Locks:
    """Sessions with any lock on Heat's tables, and those whose lock outlives transactions."""

    holders: frozenset[int]
    lockers: frozenset[int]


def locks(session: sa.Connection) -> Locks | None:
    """Those of other sessions; None where the server does not tell."""
    if getattr(session.dialect, "is_mariadb", False):
        if not session.execute(_HAS_PLUGIN).scalar_one():
            return None
        query = _MARIADB
    else:
        query = _MYSQL
    try:
        rows = session.execute(query).all()
    except DBAPIError as error:
        if not is_denied(error):
            raise
        return None
    return Locks(
        frozenset(row.id for row in rows),
        frozenset(row.id for row in rows if row.outlives),
    )


def tables_kept(session: sa.Connection, name: str) -> tuple[str, ...]:
    """Heat's tables that are in use at each of three looks, while no other session runs anything.

    A statement uses its tables, too; what is in use without one is kept by LOCK TABLES.
    """
    kept: set[str] | None = None
    quoted = session.dialect.identifier_preparer.quote_identifier(name)
    for look in range(_LOOKS):
        if look:
            time.sleep(_BETWEEN_LOOKS)
        rows = session.exec_driver_sql(f"SHOW OPEN TABLES FROM {quoted} WHERE In_use > 0")
        used = {row[1] for row in rows}
        kept = used if kept is None else kept & used
        if not kept or session.execute(_STATEMENTS).scalar_one():
            return ()
    return tuple(sorted(kept or ()))


_HAS_PLUGIN = sa.text(
    """
    SELECT COUNT(*) FROM information_schema.tables
    WHERE table_schema = 'information_schema' AND table_name = 'METADATA_LOCK_INFO'
    """
)
# LOCK TABLES takes the two modes on tables, FLUSH TABLES WITH READ LOCK and BACKUP STAGE those of
# the backup lock; what transactions and statements take is of other modes.
_MARIADB = sa.text(
    """
    SELECT thread_id AS id, MAX(
        lock_mode IN ('MDL_SHARED_READ_ONLY', 'MDL_SHARED_NO_READ_WRITE')
        OR lock_mode LIKE 'MDL_BACKUP_FTWRL%' OR lock_mode LIKE 'MDL_BACKUP_BLOCK%'
        OR lock_mode LIKE 'MDL_BACKUP_WAIT%'
    ) AS outlives
    FROM information_schema.metadata_lock_info
    WHERE thread_id <> CONNECTION_ID() AND (
        table_schema = DATABASE() OR lock_mode LIKE 'MDL_BACKUP_FTWRL%'
        OR lock_mode LIKE 'MDL_BACKUP_BLOCK%' OR lock_mode LIKE 'MDL_BACKUP_WAIT%'
    ) GROUP BY thread_id
    """
)
_MYSQL = sa.text(
    """
    SELECT t.processlist_id AS id, MAX(
        m.object_type = 'GLOBAL' OR m.lock_type IN ('SHARED_READ_ONLY', 'SHARED_NO_READ_WRITE')
    ) AS outlives
    FROM performance_schema.metadata_locks m
    JOIN performance_schema.threads t ON t.thread_id = m.owner_thread_id
    WHERE m.lock_status = 'GRANTED' AND t.processlist_id <> CONNECTION_ID() AND (
        m.object_schema = DATABASE() OR (m.object_type = 'GLOBAL' AND m.lock_type = 'SHARED')
    ) GROUP BY t.processlist_id
    """
)
_STATEMENTS = sa.text(
    """
    SELECT COUNT(*) FROM information_schema.processlist
    WHERE command IN ('Query', 'Execute') AND id <> CONNECTION_ID()
    """
)
