"""What Heat is working on, as the rows of its database tell: stacks, resources, locks, movement."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from heat_upgrade_checks.evidence.database_session import portions, utc
from heat_upgrade_checks.evidence.heat_tables import EVENT, RESOURCE, STACK, STACK_LOCK, SYNC_POINT


@dataclass(frozen=True)
class ResourceInFlight:
    """A resource that is IN_PROGRESS, or that an engine holds; `engine_id` is its holder or ""."""

    name: str
    action: str
    status: str
    engine_id: str


@dataclass(frozen=True)
class StackInFlight:
    """A stack that is IN_PROGRESS or locked, of any project, nested, hidden and backup included.

    `age` and `timeout` are seconds; so is `still`, since its last event or sync_point, or since its
    action began. `lock` is the engine that holds its stack_lock, or "".
    """

    id: str
    name: str
    project: str
    owner_id: str
    action: str
    status: str
    age: float
    still: float
    timeout: int
    convergence: bool
    backup: bool
    lock: str
    resources: tuple[ResourceInFlight, ...]

    @property
    def holders(self) -> tuple[str, ...]:
        """The engine ids that hold the stack or one of its resources."""
        held = {resource.engine_id for resource in self.resources} | {self.lock}
        return tuple(sorted(held - {""}))


def in_flight(
    connection: sa.Connection, now: datetime, default_timeout: int
) -> Iterator[StackInFlight]:
    """The stacks that are IN_PROGRESS or locked; one without a timeout has the default, in s."""
    locks = STACK.outerjoin(STACK_LOCK, STACK_LOCK.c.stack_id == STACK.c.id)
    query = (
        sa.select(STACK, STACK_LOCK.c.engine_id.label("lock"))
        .select_from(locks)
        .where(STACK.c.deleted_at.is_(None))
        .where((STACK.c.status == "IN_PROGRESS") | STACK_LOCK.c.engine_id.is_not(None))
        .order_by(STACK.c.created_at, STACK.c.id)
    )
    stacks = connection.execute(query).all()
    ids = [stack.id for stack in stacks]
    resources = _resources_in_flight(connection, ids)
    moved = _last_movements(connection, ids)
    for stack in stacks:
        begun = utc(stack.updated_at or stack.created_at)
        last = max([begun, *moved[stack.id]])
        yield StackInFlight(
            id=stack.id,
            name=stack.name,
            project=stack.tenant or "",
            owner_id=stack.owner_id or "",
            action=stack.action,
            status=stack.status,
            age=round((now - begun).total_seconds(), 3),
            still=round((now - last).total_seconds(), 3),
            timeout=default_timeout if stack.timeout is None else stack.timeout * 60,
            convergence=bool(stack.convergence),
            backup=bool(stack.backup),
            lock=stack.lock or "",
            resources=tuple(resources[stack.id]),
        )


def _resources_in_flight(
    connection: sa.Connection, stack_ids: Sequence[str]
) -> dict[str, list[ResourceInFlight]]:
    found: dict[str, list[ResourceInFlight]] = defaultdict(list)
    columns = RESOURCE.c
    for ids in portions(stack_ids):
        query = sa.select(RESOURCE).where(
            columns.stack_id.in_(ids),
            (columns.status == "IN_PROGRESS") | columns.engine_id.is_not(None),
        )
        for row in connection.execute(query.order_by(columns.name)):
            found[row.stack_id].append(
                ResourceInFlight(row.name, row.action, row.status, row.engine_id or "")
            )
    return found


def _last_movements(
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
