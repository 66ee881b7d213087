"""Engines that may be at work on a stack though no row names them."""

from collections import defaultdict

from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.stacks.in_flight import ResourceInFlight, StackInFlight
from heat_upgrade_checks.evidence.stacks.snapshots import SnapshotDeletion


def at_its_hooks(stack: StackInFlight, database: Database) -> dict[str, list[ResourceInFlight]]:
    """The engines of which one waits at a hook of the stack, and what for: no row tells which."""
    found: dict[str, list[ResourceInFlight]] = defaultdict(list)
    for resource in stack.paused:
        for engine_id in alive_for(resource.age, database):
            found[engine_id].append(resource)
    return found


def at_its_snapshots(stack: StackInFlight, database: Database) -> dict[str, list[SnapshotDeletion]]:
    """The engines of which some delete a snapshot of the stack, and which: no row tells it."""
    found: dict[str, list[SnapshotDeletion]] = defaultdict(list)
    for deletion in stack.deletions:
        for engine_id in [] if deletion.is_overdue else alive_for(deletion.age, database):
            found[engine_id].append(deletion)
    return found


def alive_for(age: float, database: Database) -> list[str]:
    """The engines that live, and did `age` seconds ago: both times are by an engine's clock."""
    return [
        row.engine_id
        for row in database.services
        if row.alive and round((database.clock - row.created_at).total_seconds(), 3) >= age
    ]
