"""Stacks and resources that Heat gave up because it took their engine for dead.

Whether an engine lives is asked through the asker's own vhost, so while two vhosts are in use each
side takes the other's engines for dead (heat/rpc/listener_client.py).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.database.heat_tables import EVENT, RESOURCE, STACK
from heat_upgrade_checks.evidence.database.session import ask_in_session, portions, utc
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.gates import earlier_gates
from heat_upgrade_checks.evidence.site import Site


@dataclass(frozen=True)
class Twin:
    """Another row of the same name in the same stack."""

    physical_id: str
    action: str
    status: str


@dataclass(frozen=True)
class FailedResource:
    """A resource that failed with "Worker went down" or "Engine went down".

    `failed_at` is when its event was written, by the engine's clock; None where none is kept.
    `remains` tells whether the row that failed is still there; else only the event tells of it,
    and `physical_id` is the one that the event names.
    """

    name: str
    physical_id: str
    action: str
    failed_at: datetime | None
    remains: bool
    twins: tuple[Twin, ...]


@dataclass(frozen=True)
class FailedStack:
    """A live stack that failed so, or that has such a resource.

    `failed` tells whether the stack itself did; `failed_at` is then the time of its event.
    """

    id: str
    name: str
    project: str
    action: str
    status: str
    failed: bool
    failed_at: datetime | None
    resources: tuple[FailedResource, ...]


@dataclass(frozen=True)
class FailedByUpgrade(Facts):
    """Every live stack that bears such a failure now, of whatever age, or had one `since`.

    `since` is when the first gate of the upgrade was started.
    """

    since: datetime
    stacks: tuple[FailedStack, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        return (
            "every live stack and its resources, and the events of those updated since the "
            f"upgrade's first gate ({self.since:%Y-%m-%d %H:%M:%S} UTC), in Heat's database; "
            f"{len(self.stacks)} stacks have a failure with an engine that went down"
        )


def engine_went_down(reason: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a status reason is the one that Heat gives for a dead engine.

    heat/engine/service.py: reset_stack_status; heat/engine/check_resource.py. A resource's reason
    may be quoted inside its stack's.
    """
    return reason.like("Engine went down%") | reason.like("%Worker went down%")


def observe(site: Site) -> FailedByUpgrade:
    """What failed so, found by the server, in one session.

    :raises Unobserved: no earlier gate tells when the upgrade began.
    """
    gates = earlier_gates.observe(site)
    if gates.began is None:
        raise Unobserved(
            f"no earlier gate of this upgrade is in {gates.folder}, so nothing tells when it "
            "began; run each phase with the same --reports"
        )
    # Heat stores whole seconds.
    since = gates.began.replace(microsecond=0)
    return ask_in_session(site, lambda connection: _read(connection, since))


def _read(connection: sa.Connection, since: datetime) -> FailedByUpgrade:
    live = sa.select(STACK.c.id).where(STACK.c.deleted_at.is_(None))
    failed = (STACK.c.status == "FAILED") & engine_went_down(STACK.c.status_reason)
    resource_failed = (RESOURCE.c.status == "FAILED") & engine_went_down(RESOURCE.c.status_reason)
    failed_themselves = set(connection.execute(live.where(failed)).scalars())
    with_resource = live.join_from(STACK, RESOURCE, RESOURCE.c.stack_id == STACK.c.id)
    ids = failed_themselves.union(
        connection.execute(with_resource.where(resource_failed)).scalars()
    )
    # A row that failed is gone once it was replaced; that took an update through the other side.
    updated = live.where(STACK.c.updated_at >= since.replace(tzinfo=None))
    ids = ids.union(connection.execute(updated).scalars())
    found = []
    for lot in portions(sorted(ids)):
        events = _events(connection, lot)
        resources = _resources(connection, lot, resource_failed)
        of = STACK.c
        query = sa.select(of.id, of.name, of.tenant, of.action, of.status).where(of.id.in_(lot))
        for row in connection.execute(query.order_by(of.id)):
            mine = events[row.id]
            own = [event.newest for event in mine if _is_of_stack(event)]
            stack = FailedStack(
                id=row.id,
                name=row.name,
                project=row.tenant or "",
                action=row.action or "",
                status=row.status or "",
                failed=row.id in failed_themselves,
                failed_at=max(map(utc, own), default=None),
                resources=tuple(_failed(resources[row.id], mine, since)),
            )
            if stack.failed or stack.resources:
                found.append(stack)
    return FailedByUpgrade(since, tuple(found))


def _events(connection: sa.Connection, ids: Sequence[str]) -> Mapping[str, list[sa.Row[Any]]]:
    """When each resource of these stacks, or a stack itself, failed so last."""
    of = EVENT.c
    query: sa.Select[Any] = (
        sa.select(
            of.stack_id,
            of.resource_name,
            of.physical_resource_id,
            sa.func.max(of.created_at).label("newest"),
        )
        .where(of.stack_id.in_(ids), of.resource_status == "FAILED", of.created_at.is_not(None))
        .where(engine_went_down(of.resource_status_reason))
        .group_by(of.stack_id, of.resource_name, of.physical_resource_id)
    )
    found = defaultdict(list)
    for row in connection.execute(query):
        found[row.stack_id].append(row)
    return found


def _is_of_stack(event: sa.Row[Any]) -> bool:
    """A stack's own events name the stack as the physical resource (heat/engine/stack.py)."""
    return bool(event.physical_resource_id == event.stack_id)


def _resources(
    connection: sa.Connection, ids: Sequence[str], failed: sa.ColumnElement[bool]
) -> Mapping[str, list[sa.Row[Any]]]:
    """All rows of these stacks; `lost` marks those that failed so."""
    of = RESOURCE.c
    # Not every server knows a truth value in a list of columns.
    lost = sa.case((failed, 1), else_=0).label("lost")
    query: sa.Select[Any] = sa.select(
        of.stack_id, of.name, of.nova_instance, of.action, of.status, lost
    )
    found = defaultdict(list)
    for row in connection.execute(query.where(of.stack_id.in_(ids)).order_by(of.name)):
        found[row.stack_id].append(row)
    return found


def _failed(
    rows: Sequence[sa.Row[Any]], events: Sequence[sa.Row[Any]], since: datetime
) -> Iterator[FailedResource]:
    """The rows that failed so, then the events since of those whose row is gone or well again."""
    times: dict[str, datetime] = {}
    for event in events:
        if not _is_of_stack(event):
            moment = utc(event.newest)
            times[event.resource_name] = max(moment, times.get(event.resource_name, moment))
    remaining = [row for row in rows if row.lost]
    for row in remaining:
        others = [other for other in rows if other.name == row.name and other is not row]
        yield FailedResource(
            name=row.name,
            physical_id=row.nova_instance or "",
            action=row.action or "",
            failed_at=times.get(row.name),
            remains=True,
            twins=tuple(map(_twin, others)),
        )
    told = {row.name for row in remaining}
    for event in events:
        if _is_of_stack(event) or event.resource_name in told or utc(event.newest) < since:
            continue
        named = [row for row in rows if row.name == event.resource_name]
        yield FailedResource(
            name=event.resource_name,
            physical_id=event.physical_resource_id or "",
            action="",
            failed_at=utc(event.newest),
            remains=False,
            twins=tuple(
                _twin(row) for row in named if row.nova_instance != event.physical_resource_id
            ),
        )


def _twin(row: sa.Row[Any]) -> Twin:
    return Twin(row.nova_instance or "", row.action or "", row.status or "")
