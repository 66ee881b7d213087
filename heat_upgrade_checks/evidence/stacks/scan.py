"""Which stacks are worked on, found in one scan of their table."""

from collections.abc import Sequence

import sqlalchemy as sa

from heat_upgrade_checks.evidence.database.heat_tables import RESOURCE, SERVICE, STACK, STACK_LOCK
from heat_upgrade_checks.evidence.database.session import portions
from heat_upgrade_checks.evidence.stacks import illegible
from heat_upgrade_checks.evidence.stacks.snapshots import being_deleted


def ids_in_flight(connection: sa.Connection) -> list[str]:
    """The stacks that are worked on; some of them may be soft-deleted."""
    ids, _ = scan(connection)
    return sorted({*ids, *being_deleted(connection).values()})


def scan(connection: sa.Connection) -> tuple[set[str], list[str]]:
    """The stacks that are worked on as their own rows tell, and those whose rows tell nothing.

    `status` has no index. On a million stacks a scan for the ids alone, and the rest by primary
    key, takes a tenth of one statement that joins and sorts.
    """
    query = sa.select(STACK.c.id, STACK.c.action, STACK.c.status, STACK.c.deleted_at).where(
        (STACK.c.status == "IN_PROGRESS")
        | ((STACK.c.status == "FAILED") & STACK.c.deleted_at.is_(None))
        | illegible.IS_ILLEGIBLE
    )
    rows = connection.execute(query).all()
    failed = [row.id for row in rows if row.status == "FAILED"]
    working = {row.id for row in rows if row.status == "IN_PROGRESS"}
    unknown = sorted(
        row.id
        for row in rows
        if row.deleted_at is None and illegible.is_illegible(row.action, row.status)
    )
    locked = sa.select(STACK_LOCK.c.stack_id).where(STACK_LOCK.c.engine_id.is_not(None))
    working |= set(connection.execute(locked).scalars())
    return working | _still_held(connection, failed), unknown


def _still_held(connection: sa.Connection, failed: Sequence[str]) -> set[str]:
    """Of the failed stacks, those with a resource that an engine with a service row holds.

    A stack fails with its first resource (heat/engine/stack.py, mark_failed) or when its action is
    cancelled, while engines go on with others of its resources. What engines without a row held is
    left behind: see leftovers.
    """
    with_row = sa.select(SERVICE.c.engine_id).where(SERVICE.c.deleted_at.is_(None))
    engines = set(connection.execute(with_row).scalars())
    held = sa.select(RESOURCE.c.stack_id, RESOURCE.c.engine_id).where(
        RESOURCE.c.engine_id.is_not(None)
    )
    queries = [held] if failed else []
    if connection.dialect.name == "mysql":
        # It has an index on every foreign key; where none is, one scan is the least.
        queries = [held.where(RESOURCE.c.stack_id.in_(ids)) for ids in portions(failed)]
    rows = {(id, engine) for query in queries for id, engine in connection.execute(query)}
    return {id for id, engine in rows if engine in engines} & set(failed)
