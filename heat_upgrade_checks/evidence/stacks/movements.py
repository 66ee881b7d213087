"""When anything of a stack moved last, by its events and its sync points."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from heat_upgrade_checks.evidence.database.heat_tables import EVENT, SYNC_POINT
from heat_upgrade_checks.evidence.database.session import portions, utc


def last_events(
    connection: sa.Connection, stack_ids: Sequence[str]
) -> dict[tuple[str, str], datetime]:
    """When the newest event of each of these stacks' resources was written."""
    found = {}
    columns = EVENT.c
    for ids in portions(stack_ids):
        newest = sa.select(
            columns.stack_id, columns.resource_name, sa.func.max(columns.created_at).label("newest")
        )
        query = newest.where(columns.stack_id.in_(ids))
        for row in connection.execute(query.group_by(columns.stack_id, columns.resource_name)):
            if row.newest is not None:
                found[row.stack_id, row.resource_name] = utc(row.newest)
    return found


def last_movements(
    connection: sa.Connection, stack_ids: Sequence[str]
) -> dict[str, list[datetime]]:
    """When each stack's newest event and sync_point were written."""
    found: dict[str, list[datetime]] = defaultdict(list)
    for ids in portions(stack_ids):
        for table, column in (
            (EVENT, EVENT.c.created_at),
            (SYNC_POINT, SYNC_POINT.c.created_at),
            (SYNC_POINT, SYNC_POINT.c.updated_at),
        ):
            newest = sa.select(table.c.stack_id, sa.func.max(column).label("newest"))
            query = newest.where(table.c.stack_id.in_(ids)).group_by(table.c.stack_id)
            for row in connection.execute(query):
                if row.newest is not None:
                    found[row.stack_id].append(utc(row.newest))
    return found
