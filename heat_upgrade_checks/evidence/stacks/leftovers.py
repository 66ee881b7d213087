"""Rows that look like work and are not, and stacks that the next release treats in another way.

Neither `resource.engine_id` nor `stack.backup` has an index, so each of these two tables is scanned
once; only what is found leaves the server.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from heat_upgrade_checks.evidence.database.heat_tables import (
    RESOURCE,
    SNAPSHOT,
    SOFTWARE_DEPLOYMENT,
    STACK,
    STACK_LOCK,
    SYNC_POINT,
)
from heat_upgrade_checks.evidence.database.session import ask_in_session, portions
from heat_upgrade_checks.evidence.database.state import (
    ServiceRow,
    longest_report_interval,
    reporting,
)
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.stacks.snapshots import being_deleted
from heat_upgrade_checks.wording import counted

_KEPT = 1000


@dataclass(frozen=True)
class Lock:
    """A row of stack_lock. `status` is that of the stack, "DELETED" where it is soft-deleted."""

    stack_id: str
    stack_name: str
    project: str
    action: str
    status: str
    engine_id: str


@dataclass(frozen=True)
class HeldResource:
    """A resource that an engine holds though its stack is not IN_PROGRESS.

    `root_id` is the outermost stack around it; `root_action` is "" where that is deleted.
    """

    name: str
    status: str
    stack_id: str
    stack_name: str
    project: str
    stack_status: str
    root_id: str
    root_action: str
    engine_id: str


@dataclass(frozen=True)
class StackAtRest:
    """A stack that nobody works on, with the stack it is nested in or a backup of.

    `status` tells nothing of a backup stack: it is a copy of its stack's from when an update made
    it (heat/engine/stack.py, _backup_stack), and stays IN_PROGRESS when that update fails.
    """

    id: str
    name: str
    project: str
    owner_id: str
    action: str
    status: str


@dataclass(frozen=True)
class Leftovers(Facts):
    """What was left behind, in one snapshot.

    `held`, `backups` and `legacy` (root stacks that an engine thread works on as a whole, without
    convergence) list the first 1,000 each, beside their true numbers. `sync_points` belong to no
    traversal that goes on. `deployments` and `snapshots` are IN_PROGRESS on their own; a snapshot
    that is being deleted is none of them.
    """

    services: tuple[ServiceRow, ...]
    locks: tuple[Lock, ...]
    held: tuple[HeldResource, ...]
    held_count: int
    backups: tuple[StackAtRest, ...]
    backup_count: int
    legacy: tuple[StackAtRest, ...]
    legacy_count: int
    sync_points: int
    sync_point_stacks: int
    deployments: int
    snapshots: int

    @property
    def extent(self) -> str:
        """What was read."""
        return (
            f"{counted(len(self.locks), 'stack lock')}, {self.held_count} resources held "
            "in stacks at rest, "
            f"{self.backup_count} backup stacks at rest, {self.legacy_count} legacy stacks, "
            f"{self.sync_points} sync points without a traversal, database"
        )


def observe(site: Site) -> Leftovers:
    """Look for them in one read-only snapshot."""
    longest = longest_report_interval(site)
    return ask_in_session(site, lambda session: _read(session, longest))


def _read(session: sa.Connection, longest: int) -> Leftovers:
    held = _held_at_rest(session)
    special = session.execute(_SPECIAL).all()
    # To Heat a stack whose `backup` is NULL is none.
    backups = [row.id for row in special if row.backup]
    legacy = [row.id for row in special if not row.backup]
    at_rest = _without_action(session, backups)
    doomed = list(being_deleted(session))
    # Its deletion is a traversal of its own, with the snapshot in the place of a resource.
    going_on = SYNC_POINT.c.entity_id.in_(doomed)
    sync_points, sync_point_stacks = session.execute(_SYNC_POINTS.where(~going_on)).one()
    return Leftovers(
        services=reporting(session, longest),
        locks=tuple(map(_lock, session.execute(_LOCKS))),
        held=tuple(held[:_KEPT]),
        held_count=len(held),
        backups=at_rest[:_KEPT],
        backup_count=len(at_rest),
        legacy=_described(session, legacy[:_KEPT]),
        legacy_count=len(legacy),
        sync_points=sync_points,
        sync_point_stacks=sync_point_stacks,
        deployments=session.execute(_DEPLOYMENTS).scalar_one(),
        snapshots=session.execute(_SNAPSHOTS.where(SNAPSHOT.c.id.not_in(doomed))).scalar_one(),
    )


def _held_at_rest(session: sa.Connection) -> list[HeldResource]:
    """A join would begin with the stacks, of which nearly all are at rest."""
    held = sorted(session.execute(_HELD), key=lambda row: (row.stack_id, row.name))
    columns = [STACK.c[name] for name in ("id", "name", "tenant", "action", "status")]
    found: dict[str, Any] = {}
    for ids in portions(sorted({row.stack_id for row in held})):
        at_rest = (STACK.c.status != "IN_PROGRESS") | STACK.c.deleted_at.is_not(None)
        query = sa.select(*columns).where(STACK.c.id.in_(ids), at_rest)
        found |= {row.id: row for row in session.execute(query)}
    actions: dict[str, str] = {}
    for ids in portions(sorted({row.root_stack_id or row.stack_id for row in held})):
        query = sa.select(STACK.c.id, STACK.c.action).where(
            STACK.c.id.in_(ids), STACK.c.deleted_at.is_(None)
        )
        actions |= {id: action for id, action in session.execute(query)}
    return [
        HeldResource(
            name=row.name,
            status=row.status,
            stack_id=stack.id,
            stack_name=stack.name,
            project=stack.tenant or "",
            stack_status=f"{stack.action} {stack.status}",
            root_id=row.root_stack_id or stack.id,
            root_action=actions.get(row.root_stack_id or stack.id, ""),
            engine_id=row.engine_id,
        )
        for row in held
        if (stack := found.get(row.stack_id))
    ]


_LOCKS = (
    sa.select(STACK_LOCK.c.stack_id, STACK_LOCK.c.engine_id)
    .add_columns(*(STACK.c[name] for name in ("name", "tenant", "action", "status", "deleted_at")))
    .select_from(STACK_LOCK.join(STACK, STACK.c.id == STACK_LOCK.c.stack_id))
    .order_by(STACK_LOCK.c.stack_id)
)
_HELD = sa.select(
    *(RESOURCE.c[name] for name in ("name", "status", "stack_id", "root_stack_id", "engine_id"))
).where(RESOURCE.c.engine_id.is_not(None))
# Ids alone: a scan costs what its columns cost, and the rest is had by primary key. To Heat a stack
# whose `convergence` is NULL is a legacy one.
_SPECIAL = sa.select(STACK.c.id, STACK.c.backup).where(
    STACK.c.deleted_at.is_(None),
    STACK.c.backup.is_(True) | (STACK.c.convergence.is_not(True) & STACK.c.owner_id.is_(None)),
)
_OWNER = STACK.alias("owner")
# A traversal goes on where its stack is IN_PROGRESS and has begun no other since.
_SYNC_POINTS = (
    sa.select(sa.func.count(), sa.func.count(SYNC_POINT.c.stack_id.distinct()))
    .select_from(
        SYNC_POINT.outerjoin(
            STACK,
            sa.and_(
                STACK.c.id == SYNC_POINT.c.stack_id,
                STACK.c.deleted_at.is_(None),
                STACK.c.status == "IN_PROGRESS",
                STACK.c.current_traversal == SYNC_POINT.c.traversal_id,
            ),
        )
    )
    .where(STACK.c.id.is_(None))
)
_DEPLOYMENTS = sa.select(sa.func.count()).where(SOFTWARE_DEPLOYMENT.c.status == "IN_PROGRESS")
_SNAPSHOTS = (
    sa.select(sa.func.count())
    .select_from(SNAPSHOT.join(STACK, STACK.c.id == SNAPSHOT.c.stack_id))
    .where(SNAPSHOT.c.status == "IN_PROGRESS", STACK.c.status != "IN_PROGRESS")
)


def _lock(row: Any) -> Lock:
    status = row.status if row.deleted_at is None else "DELETED"
    return Lock(row.stack_id, row.name, row.tenant or "", row.action, status, row.engine_id)


def _without_action(session: sa.Connection, backups: Sequence[str]) -> tuple[StackAtRest, ...]:
    """The backup stacks whose own stack is at rest: an update makes one, and ends with it."""
    working = sa.select(STACK.c.id).join(_OWNER, _OWNER.c.id == STACK.c.owner_id)
    in_use = {
        id
        for ids in portions(backups)
        for id in session.execute(
            working.where(STACK.c.id.in_(ids), _OWNER.c.status == "IN_PROGRESS")
        ).scalars()
    }
    return _described(session, [id for id in backups if id not in in_use])


def _described(session: sa.Connection, stack_ids: Sequence[str]) -> tuple[StackAtRest, ...]:
    columns = [STACK.c[name] for name in ("id", "name", "tenant", "owner_id", "action", "status")]
    found = []
    for ids in portions(stack_ids):
        query = sa.select(*columns).where(STACK.c.id.in_(ids)).order_by(STACK.c.id)
        for id, name, project, owner_id, action, status in session.execute(query):
            found.append(StackAtRest(id, name, project or "", owner_id or "", action, status))
    return tuple(found)
