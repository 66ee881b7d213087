"""What Heat is working on, as the rows of its database tell: stacks, resources, locks, movement."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from heat_upgrade_checks.evidence.database.heat_tables import (
    RESOURCE,
    RESOURCE_DATA,
    STACK,
    STACK_LOCK,
)
from heat_upgrade_checks.evidence.database.session import portions, utc
from heat_upgrade_checks.evidence.stacks import illegible
from heat_upgrade_checks.evidence.stacks.declared import Place, declared
from heat_upgrade_checks.evidence.stacks.movements import last_events, last_movements
from heat_upgrade_checks.evidence.stacks.scan import scan
from heat_upgrade_checks.evidence.stacks.snapshots import (
    SnapshotDeletion,
    being_deleted,
    deletions,
    with_snapshots,
)

_STACK_COLUMNS = [
    STACK.c[name]
    for name in (
        "id",
        "name",
        "tenant",
        "owner_id",
        "raw_template_id",
        "action",
        "status",
        "timeout",
        "convergence",
        "backup",
        "created_at",
        "updated_at",
    )
]
_RESOURCE_COLUMNS = [
    RESOURCE.c[name]
    for name in ("name", "stack_id", "action", "status", "engine_id", "current_template_id")
]

# heat/engine/environment.py, HOOK_TYPES. heat/engine/resource.py, _break_if_required: the row is
# there exactly as long as the hook is set (resource_data knows no soft deletion).
_HOOKS = ("pre-create", "pre-update", "pre-delete", "post-create", "post-update", "post-delete")
_ITS_HOOK = (RESOURCE_DATA.c.resource_id == RESOURCE.c.id) & RESOURCE_DATA.c.key.in_(_HOOKS)
RESOURCE_AND_HOOK = RESOURCE.outerjoin(RESOURCE_DATA, _ITS_HOOK)
AT_WORK = (
    (RESOURCE.c.status == "IN_PROGRESS")
    | RESOURCE.c.engine_id.is_not(None)
    | RESOURCE_DATA.c.key.is_not(None)
)


@dataclass(frozen=True)
class ResourceInFlight:
    """A resource that is IN_PROGRESS, or that an engine holds; `engine_id` is its holder or "".

    `type` is resolved; "" where it is not IN_PROGRESS or its template does not tell. `age` is in
    seconds since its last event, or since its stack's action began. `signal_timeout` is in seconds;
    None where what it waits for has none of its own, or only a running engine knows it. `hook` is
    the one at which it is paused, before its action or after, or "": a thread of an engine looks
    every second whether it was cleared, and as a rule holds nothing.
    """

    name: str
    action: str
    status: str
    engine_id: str
    type: str = ""
    waits_for_signal: bool = False
    signal_timeout: float | None = None
    age: float = 0.0
    hook: str = ""


@dataclass(frozen=True)
class StackInFlight:
    """A stack that is worked on, of any project, nested, hidden and backup included.

    It is IN_PROGRESS, locked, FAILED with a resource that an engine still holds, or has a snapshot
    that is being deleted. `age` and `timeout` are seconds; so is `still`, since its last event or
    sync_point, or since its action began. `lock` is the engine that holds its stack_lock, or "".
    `snapshots`: it has some; `deletions` are those that are being deleted.
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
    snapshots: bool = False
    deletions: tuple[SnapshotDeletion, ...] = ()

    @property
    def only_its_snapshots(self) -> bool:
        """Whether nothing of it is worked on but snapshots that are being deleted."""
        return bool(self.deletions) and self.status != "IN_PROGRESS" and not self.holders

    @property
    def paused(self) -> tuple[ResourceInFlight, ...]:
        """The resources at a hook, which no row tells the engine of."""
        if self.lock:
            return ()
        return tuple(each for each in self.resources if each.hook and not each.engine_id)

    @property
    def abandoned(self) -> bool:
        """Whether it has FAILED, and all that goes on of it are waits for signals from outside.

        As after `stack cancel --no-rollback`, which ends no thread. Nothing is lost with them:
        whoever waits was told of the failure, and the next action makes such a resource anew.
        """
        held = [each for each in self.resources if each.engine_id]
        at_rest = self.status != "IN_PROGRESS" and not self.lock
        return at_rest and bool(held) and all(each.waits_for_signal for each in held)

    @property
    def holders(self) -> tuple[str, ...]:
        """The engine ids that hold the stack or one of its resources."""
        held = {resource.engine_id for resource in self.resources} | {self.lock}
        return tuple(sorted(held - {""}))


@dataclass(frozen=True)
class InFlight:
    """The stacks that are worked on; `illegible` says of which others that is not known."""

    stacks: tuple[StackInFlight, ...]
    illegible: tuple[str, ...]


def in_flight(
    connection: sa.Connection,
    now: datetime,
    default_timeout: int,
    every_stacks: Mapping[str, Any] = MappingProxyType({}),
) -> InFlight:
    """What is worked on; a stack without a timeout has the default, in seconds.

    `every_stacks` is the environment that the engines give every stack.
    """
    doomed = being_deleted(connection)
    ids, unknown = scan(connection)
    rows = _stacks(connection, sorted({*ids, *doomed.values()}))
    dated = [row for row in rows if row.updated_at or row.created_at]
    undated = [row for row in rows if not (row.updated_at or row.created_at)]
    return InFlight(
        tuple(_described(connection, dated, doomed, now, default_timeout, every_stacks)),
        (
            *illegible.described(connection, unknown),
            *(illegible.undated(row.name, row.id, row.tenant or "") for row in undated),
        ),
    )


def _described(
    connection: sa.Connection,
    stacks: Sequence[Any],
    doomed: Mapping[str, str],
    now: datetime,
    default_timeout: int,
    every_stacks: Mapping[str, Any],
) -> Iterator[StackInFlight]:
    ids = [stack.id for stack in stacks]
    moved = last_movements(connection, ids)
    begins = {stack.id: _begin(stack, moved[stack.id]) for stack in stacks}
    template_ids = {stack.id: stack.raw_template_id for stack in stacks}
    resources = _resources_in_flight(connection, now, begins, template_ids, every_stacks)
    snapshots = with_snapshots(connection, ids)
    deleted = deletions(connection, sorted(doomed), now, default_timeout)
    for stack in sorted(stacks, key=lambda each: (each.created_at or each.updated_at, each.id)):
        begun = begins[stack.id]
        last = max([begun, *moved[stack.id]])
        yield StackInFlight(
            id=stack.id,
            name=stack.name,
            project=stack.tenant or "",
            owner_id=stack.owner_id or "",
            action=stack.action or "",
            status=stack.status or "",
            age=round((now - begun).total_seconds(), 3),
            still=round((now - last).total_seconds(), 3),
            timeout=default_timeout if stack.timeout is None else stack.timeout * 60,
            convergence=bool(stack.convergence),
            backup=bool(stack.backup),
            lock=stack.lock or "",
            resources=tuple(resources[stack.id]),
            snapshots=stack.id in snapshots,
            deletions=tuple(deleted.get(stack.id, ())),
        )


def _begin(stack: Any, moved: Sequence[datetime]) -> datetime:
    """When the stack's action began.

    A legacy deletion writes no time into its row (heat/engine/stack.py, delete): its last movement
    is the latest moment at which it can have begun.
    """
    begun = utc(stack.updated_at or stack.created_at)
    if stack.action == "DELETE" and not stack.convergence:
        return max([begun, *moved])
    return begun


def _stacks(connection: sa.Connection, stack_ids: Sequence[str]) -> list[Any]:
    rows: list[Any] = []
    for ids in portions(stack_ids):
        query = (
            sa.select(*_STACK_COLUMNS, STACK_LOCK.c.engine_id.label("lock"))
            .select_from(STACK.outerjoin(STACK_LOCK, STACK_LOCK.c.stack_id == STACK.c.id))
            .where(STACK.c.id.in_(ids), STACK.c.deleted_at.is_(None))
        )
        rows += connection.execute(query).all()
    return rows


def _resources_in_flight(
    connection: sa.Connection,
    now: datetime,
    begins: Mapping[str, datetime],
    template_ids: Mapping[str, int],
    every_stacks: Mapping[str, Any],
) -> dict[str, list[ResourceInFlight]]:
    columns = RESOURCE.c
    rows: list[sa.Row[tuple[Any, ...]]] = []
    for ids in portions(list(begins)):
        query = (
            sa.select(*_RESOURCE_COLUMNS, RESOURCE_DATA.c.key.label("hook"))
            .select_from(RESOURCE_AND_HOOK)
            .where(columns.stack_id.in_(ids), AT_WORK)
        )
        rows += connection.execute(query.order_by(columns.name))
    working = [row for row in rows if row.status == "IN_PROGRESS"]
    # What an update leaves out of the stack's template stands in the one it was made from.
    places = {
        row: [
            Place(template_id, row.name)
            for template_id in (template_ids[row.stack_id], row.current_template_id)
            if template_id is not None
        ]
        for row in working
    }
    known = declared(connection, chain.from_iterable(places.values()), every_stacks)
    events = last_events(connection, sorted({row.stack_id for row in rows}))
    found: dict[str, list[ResourceInFlight]] = defaultdict(list)
    for row in rows:
        since = events.get((row.stack_id, row.name), begins[row.stack_id])
        told = next((known[place] for place in places.get(row, ()) if place in known), None)
        waits = told is not None and told.wait is not None and row.action in told.wait.actions
        found[row.stack_id].append(
            ResourceInFlight(
                row.name,
                row.action,
                row.status,
                row.engine_id or "",
                type=told.type if told else "",
                waits_for_signal=waits,
                signal_timeout=told.wait.timeout if waits and told and told.wait else None,
                age=round((now - since).total_seconds(), 3),
                hook=row.hook or "",
            )
        )
    return found
