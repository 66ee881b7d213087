"""Heat's stacks compared with the baseline that the upgrade's first phase stored."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.database.heat_tables import EVENT, STACK
from heat_upgrade_checks.evidence.database.session import ask_in_session
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.stacks.failed_by_upgrade import engine_went_down
from heat_upgrade_checks.evidence.stacks.stored_stacks import COLUMNS, STACKS_AT_ONCE, described
from heat_upgrade_checks.records import journal
from heat_upgrade_checks.records.baseline import FILE, Reader, StoredResource, StoredStack
from heat_upgrade_checks.records.findings import Verdict
from heat_upgrade_checks.records.gate import Gate

LISTED = 100
"""How many differences of each kind are listed; the others are only counted."""

Kind = Literal[
    "stack-missing",
    "stack-deleted",
    "stack-failed",
    "stack-in-progress",
    "resource-lost",
    "resource-replaced",
    "resource-failed",
    "output-lost",
]


@dataclass(frozen=True)
class Difference:
    """A stack of the baseline, or a part of it, that is no longer as it was.

    `part` is the name of the resource or output, "" for the stack itself. `before` and `after` are
    states, or ids where something has another id now. `by_operation` tells whether Heat's own
    records account for it: an operation on the stack that began, or went on, after the baseline.
    """

    kind: Kind
    stack_id: str
    stack: str
    project: str
    part: str
    before: str
    after: str
    by_operation: bool


@dataclass(frozen=True)
class Total:
    """How many differences of one kind there are, listed or not."""

    kind: Kind
    by_operation: bool
    count: int


@dataclass(frozen=True)
class Preserved(Facts):
    """What became of the baseline.

    `gate` is the folder of the gate that stored it at `taken_at`, by the database's clock. The
    counts are those of the baseline; of each kind the first `LISTED` differences are listed.
    """

    gate: str
    taken_at: datetime
    stacks: int
    resources: int
    outputs: int
    totals: tuple[Total, ...]
    differences: tuple[Difference, ...]

    @property
    def extent(self) -> str:
        """What was compared."""
        return (
            f"{self.stacks} stacks with {self.resources} resources and {self.outputs} outputs, "
            f"stored by gate {self.gate} at {self.taken_at:%Y-%m-%d %H:%M:%S} UTC, compared with "
            "Heat's database"
        )


def observe(site: Site) -> Preserved:
    """Compare the baseline of the last `pre` gate that opened, some hundred stacks at a time.

    :raises Unobserved: there is no such baseline, or it is not as that gate left it.
    """
    folder = _gate_with_baseline(site)
    _verify(folder)
    return ask_in_session(site, lambda connection: _compare(connection, folder))


def _gate_with_baseline(site: Site) -> Path:
    for entry in reversed(journal.entries(site.upgrade_folder)):
        gate = entry.gate
        if (
            isinstance(gate, Gate)
            and (gate.phase, gate.partial) == ("pre", False)
            and gate.verdict in {Verdict.GO, Verdict.GO_WITH_WARNINGS}
        ):
            return entry.folder
    raise Unobserved(
        f"no gate of phase pre that opened is in {site.upgrade_folder}, so nothing tells what "
        "existed before the upgrade; run each phase with the same --reports, or bring that "
        "folder back"
    )


def _verify(folder: Path) -> None:
    """The file is the one that the gate recorded."""
    try:
        recorded = json.loads((folder / "evidence.json").read_bytes())
        expected = recorded["observations"]["baseline"]["facts"]["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        raise Unobserved(
            f"{folder / 'evidence.json'} records no baseline, so {FILE} cannot be verified; bring "
            "the folder back as that gate wrote it"
        ) from None
    try:
        with (folder / FILE).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Unobserved(
            f"{folder / FILE}: {error.strerror}; bring the file back as that gate wrote it"
        ) from None
    if found != expected:
        raise Unobserved(
            f"{folder / FILE} was cut off or changed after its gate wrote it (its SHA-256 is "
            "another); bring the file back from a copy"
        )


def _compare(connection: sa.Connection, folder: Path) -> Preserved:
    reader = Reader(folder / FILE)
    # Heat stores whole seconds.
    since = reader.header.clock.replace(microsecond=0, tzinfo=None)
    stacks = reader.stacks()
    totals: Counter[tuple[Kind, bool]] = Counter()
    listed: list[Difference] = []
    while before := list(islice(stacks, STACKS_AT_ONCE)):
        for difference in _differences(connection, before, since):
            group = (difference.kind, difference.by_operation)
            totals[group] += 1
            if totals[group] <= LISTED:
                listed.append(difference)
    return Preserved(
        gate=folder.name,
        taken_at=reader.header.clock,
        stacks=reader.counts.stacks,
        resources=reader.counts.resources,
        outputs=reader.counts.outputs,
        totals=tuple(Total(*group, count) for group, count in sorted(totals.items())),
        differences=tuple(listed),
    )


def _differences(
    connection: sa.Connection, before: Sequence[StoredStack], since: datetime
) -> Iterator[Difference]:
    # Not every server knows a truth value in a list of columns.
    lost_engine = sa.case((engine_went_down(STACK.c.status_reason), 1), else_=0)
    query: sa.Select[Any] = sa.select(
        *COLUMNS, STACK.c.deleted_at, lost_engine.label("lost_engine")
    )
    ids = [stack.id for stack in before]
    rows = {row.id: row for row in connection.execute(query.where(STACK.c.id.in_(ids)))}
    live = [row for row in rows.values() if row.deleted_at is None]
    now = {stack.id: stack for stack in described(connection, live)}
    yield from _gone(connection, [stack for stack in before if stack.id not in now], rows)
    changed = {
        stack.id: found
        for stack in before
        if stack.id in now and (found := list(compared(stack, now[stack.id])))
    }
    events = _events(connection, list(changed), since)
    for stack in before:
        for difference in changed.get(stack.id, ()):
            yield accounted(
                difference,
                operated=stack.status == "IN_PROGRESS"
                or now[stack.id].updated_at != stack.updated_at
                or (stack.id, "") in events,
                recorded=(stack.id, difference.part) in events,
                lost_engine=bool(rows[stack.id].lost_engine),
            )


def _gone(
    connection: sa.Connection,
    gone: Sequence[StoredStack],
    rows: Mapping[str, sa.Row[Any]],
) -> Iterator[Difference]:
    """Stacks without a row, or with one that is marked deleted."""
    if not gone:
        return
    columns = STACK.c
    namesakes = sa.select(columns.id, columns.name, columns.tenant, columns.owner_id).where(
        columns.deleted_at.is_(None), columns.name.in_({stack.name for stack in gone})
    )
    successors = {
        (row.name, row.tenant or "", row.owner_id or ""): row.id
        for row in connection.execute(namesakes)
    }
    for stack in gone:
        row = rows.get(stack.id)
        successor = successors.get((stack.name, stack.project, stack.owner_id))
        yield _of(
            stack,
            "stack-deleted" if row else "stack-missing",
            before=f"{stack.action} {stack.status}",
            after=f"stack {successor}" if successor else "",
            # How Heat ends each delete, a nested stack's included, and the rollback of a creation
            # (heat/engine/stack.py: delete, purge_db). No time is asked for: it was live in the
            # baseline, so it was deleted later.
            by_operation=row is not None
            and row.action in {"DELETE", "ROLLBACK"}
            and row.status == "COMPLETE",
        )


def compared(before: StoredStack, now: StoredStack) -> Iterator[Difference]:
    """How a stack that still lives differs from what it was, for the worse."""
    states = (f"{before.action} {before.status}", f"{now.action} {now.status}")
    if now.status == "FAILED" != before.status:
        yield _of(before, "stack-failed", "", *states)
    elif now.status == "IN_PROGRESS" and before.status == "COMPLETE":
        yield _of(before, "stack-in-progress", "", *states)
    rows = defaultdict(list)
    for resource in now.resources:
        rows[resource.name].append(resource)
    for resource in before.resources:
        named = rows[resource.name]
        same = [row for row in named if row.physical_id == resource.physical_id]
        state = f"{resource.action} {resource.status}"
        if not named:
            yield _of(before, "resource-lost", resource.name, resource.physical_id or state)
        elif resource.physical_id and not same:
            ids = ", ".join(sorted(row.physical_id or "none" for row in named))
            yield _of(before, "resource-replaced", resource.name, resource.physical_id, ids)
        elif resource.status == "COMPLETE" and _all_failed(same or named):
            worst = (same or named)[0]
            after = f"{worst.action} {worst.status}"
            yield _of(before, "resource-failed", resource.name, state, after)
    for output in sorted(set(before.outputs) - set(now.outputs)):
        yield _of(before, "output-lost", output)


def _all_failed(rows: Iterable[StoredResource]) -> bool:
    return all(row.status == "FAILED" for row in rows)


def accounted(
    difference: Difference, *, operated: bool, recorded: bool, lost_engine: bool
) -> Difference:
    """The difference with `by_operation`.

    `operated`: an operation on the stack began or went on after the baseline. `recorded`: so did an
    event of this resource. `lost_engine`: the stack failed because its engine "went down", which is
    no reason of the operation's own.
    """
    match difference.kind:
        case "resource-lost" | "resource-replaced":
            by_operation = operated and recorded
        case "resource-failed":
            # A user may mark a resource unhealthy without any operation on its stack.
            by_operation = recorded
        case "stack-failed":
            by_operation = operated and not lost_engine
        case _:
            by_operation = operated
    after = difference.after
    if difference.kind == "stack-failed" and lost_engine:
        after += ", because its engine went down"
    return replace(difference, after=after, by_operation=by_operation)


def _events(
    connection: sa.Connection, stack_ids: Sequence[str], since: datetime
) -> set[tuple[str, str]]:
    """Stacks with the names of their resources that have an event since; "" for an operation."""
    if not stack_ids:
        return set()
    of = EVENT.c
    query = (
        sa.select(of.stack_id, of.resource_name, of.physical_resource_id, of.resource_status)
        .distinct()
        .where(of.stack_id.in_(stack_ids), of.created_at >= since)
    )
    found = set()
    for row in connection.execute(query):
        if row.physical_resource_id != row.stack_id:
            found.add((row.stack_id, row.resource_name))
        elif row.resource_status == "IN_PROGRESS":
            # The stack's own event, with which each of its operations begins.
            found.add((row.stack_id, ""))
    return found


def _of(
    stack: StoredStack,
    kind: Kind,
    part: str = "",
    before: str = "",
    after: str = "",
    *,
    by_operation: bool = False,
) -> Difference:
    return Difference(kind, stack.id, stack.name, stack.project, part, before, after, by_operation)
