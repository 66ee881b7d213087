"""Snapshots of stacks, and those that are being deleted, which no status of a stack tells of.

Since 2026.1 (26) a deletion keeps the snapshot's row until it ends (heat/engine/service.py,
delete_snapshot); before, it leaves no trace in the database.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from heat_upgrade_checks.evidence.database.heat_tables import SNAPSHOT
from heat_upgrade_checks.evidence.database.session import portions, utc

# What revision 97b2a986f922 of 26 adds; the schema of an earlier release has none.
_ACTION = "action"
# Not what it holds, which is large.
_COLUMNS = [SNAPSHOT.c[name] for name in ("id", "stack_id", "name", "created_at", "updated_at")]
# Seconds that an engine may take from a timeout to its row.
_GRACE = 60


@dataclass(frozen=True)
class SnapshotDeletion:
    """A snapshot that is being deleted; no row tells by which engine.

    `age` is in seconds since that began; after `timeout` seconds Heat marks it FAILED.
    """

    id: str
    name: str
    age: float
    timeout: int

    @property
    def is_overdue(self) -> bool:
        """Whether an engine that was at it would have given up by now."""
        return self.age > self.timeout + _GRACE


def being_deleted(connection: sa.Connection) -> dict[str, str]:
    """The snapshots that are being deleted, with their stacks."""
    columns = sa.inspect(connection).get_columns(SNAPSHOT.name)
    if not any(column["name"] == _ACTION for column in columns):
        return {}
    query = sa.select(SNAPSHOT.c.id, SNAPSHOT.c.stack_id).where(
        SNAPSHOT.c.status == "IN_PROGRESS", sa.column(_ACTION) == "DELETE"
    )
    return {id: stack_id for id, stack_id in connection.execute(query)}


def deletions(
    connection: sa.Connection, snapshot_ids: Sequence[str], now: datetime, timeout: int
) -> dict[str, list[SnapshotDeletion]]:
    """By stack, these snapshots, which are being deleted; one whose begin is not told began now."""
    found: dict[str, list[SnapshotDeletion]] = defaultdict(list)
    for ids in portions(snapshot_ids):
        query = sa.select(*_COLUMNS).where(SNAPSHOT.c.id.in_(ids)).order_by(SNAPSHOT.c.id)
        for row in connection.execute(query):
            # The row is written when the deletion begins, and then when it ends.
            begun = row.updated_at or row.created_at
            age = (now - utc(begun)).total_seconds() if begun else 0.0
            deletion = SnapshotDeletion(row.id, row.name or "", round(age, 3), timeout)
            found[row.stack_id].append(deletion)
    return found


def with_snapshots(connection: sa.Connection, stack_ids: Sequence[str]) -> set[str]:
    """Those of these stacks that have a snapshot."""
    queries = (
        sa.select(SNAPSHOT.c.stack_id).where(SNAPSHOT.c.stack_id.in_(ids))
        for ids in portions(stack_ids)
    )
    return {id for query in queries for id in connection.execute(query).scalars()}
