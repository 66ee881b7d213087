"""Who works on a stack in flight: a live engine, an outside signal, or nobody any more.

Nothing in Heat looks for lost work, and an empty queue proves nothing: a message is acknowledged
before its work begins. What tells is who holds the stack's resources or its lock, whether that
engine still reports and still reads its queue, and when anything of the stack moved last.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.stacks.in_flight import ResourceInFlight, StackInFlight
from heat_upgrade_checks.evidence.stacks.snapshots import SnapshotDeletion
from heat_upgrade_checks.reading.placement import Placement
from heat_upgrade_checks.reading.unnamed_engines import alive_for, at_its_hooks, at_its_snapshots

_DEFAULT_REPORT_INTERVAL = 60


class State(IntEnum):
    """What is known of a stack in flight, the biggest trouble first.

    UNCERTAIN may be lost or not; asking again will tell. AT_REST is no work at all: a lock that a
    dead engine left on a stack whose action has ended, or a backup stack that outlived its update.
    """

    LOST = 0
    UNCERTAIN = 1
    WAITING = 2
    WORKED_ON = 3
    AT_REST = 4


@dataclass(frozen=True)
class Work:
    """One stack in flight; `root` is the outermost stack in flight around it, or itself.

    `engines` hold it, or may hold it.
    """

    stack: StackInFlight
    root: StackInFlight
    state: State
    who: str
    engines: frozenset[str]

    def __str__(self) -> str:
        stack = self.stack
        if stack.status != "IN_PROGRESS":
            return f"{stack.action} {stack.status}, but {self.who}"
        late = f", beyond its timeout of {stack.timeout} s" if stack.age > stack.timeout else ""
        return f"{stack.action} IN_PROGRESS for {stack.age:.0f} s{late}: {self.who}"


def work_in_flight(database: Database, placement: Placement, messages: int) -> list[Work]:
    """Every stack in flight, the biggest trouble first, each stack before those nested in it.

    `messages` wait in the work queues that engines read now: what nobody holds may be among them.
    """
    stacks = {stack.id: stack for stack in database.in_flight}
    found = []
    for stack in database.in_flight:
        judged: StackInFlight | None = stack
        if stack.backup and not stack.holders:
            # It is part of its stack's update, and has its IN_PROGRESS from there.
            judged = stacks.get(stack.owner_id)
        if judged is None:
            state, who, engines = State.AT_REST, "a failed update left it behind", set[str]()
        else:
            state, who = _judge(judged, database, placement, messages)
            unnamed = {*at_its_hooks(judged, database), *at_its_snapshots(judged, database)}
            engines = {*judged.holders, *unnamed}
        found.append(Work(stack, root_of(stack, stacks), state, who, frozenset(engines)))
    return _in_order(found)


def root_of(stack: StackInFlight, stacks: dict[str, StackInFlight]) -> StackInFlight:
    """The outermost stack in flight around a nested one: what an operator acts on."""
    while stack.owner_id in stacks:
        stack = stacks[stack.owner_id]
    return stack


def patience(database: Database) -> int:
    """Seconds without movement after which unheld work counts as lost: Heat's own rule for engines.

    An engine is down when it has not reported for two intervals (heat/common/service_utils.py).
    """
    intervals = (row.report_interval for row in database.services)
    return 2 * max(intervals, default=_DEFAULT_REPORT_INTERVAL)


def named(engine_id: str, database: Database) -> str:
    """An engine with its host, where a service row still tells it."""
    hosts = {row.engine_id: row.host for row in database.services}
    return f"{hosts[engine_id]} ({engine_id})" if engine_id in hosts else engine_id


def _judge(
    stack: StackInFlight, database: Database, placement: Placement, messages: int
) -> tuple[State, str]:
    alive = {row.engine_id for row in database.services if row.alive}
    reading = {engine.engine_id for engine in placement.engines if engine.vhosts}
    dead = [holder for holder in stack.holders if holder not in alive]
    silent = [holder for holder in stack.holders if holder in alive - reading]
    at_rest = stack.status != "IN_PROGRESS"
    if at_rest and stack.deletions:
        return min(_judge_deletion(each, database, messages) for each in stack.deletions)
    # A stack at rest is worked on by those that live.
    if dead and (not at_rest or dead == list(stack.holders)):
        said = f"engine {named(dead[0], database)} is dead and holds {_held(stack, dead[0])}"
        return (State.AT_REST if at_rest else State.LOST), said
    if stack.abandoned:
        holder = stack.holders[0]
        return State.AT_REST, f"engine {named(holder, database)} holds {_held(stack, holder)}"
    if silent:
        return State.UNCERTAIN, (
            f"engine {named(silent[0], database)} holds {_held(stack, silent[0])} and reports, "
            "but reads no queue that the broker shows; it may have just ended"
        )
    at_hooks = at_its_hooks(stack, database)
    if stack.holders or at_hooks:
        working = [each for each in stack.resources if each.status == "IN_PROGRESS" or each.hook]
        waits = bool(working) and all(each.waits_for_signal or each.hook for each in working)
        told = [
            f"engine {named(holder, database)} holds {_held(stack, holder)}"
            for holder in stack.holders
            if holder in alive
        ]
        if at_hooks:
            engines = _first(named(id, database) for id in at_hooks)
            one = f"engine {engines}" if len(at_hooks) == 1 else f"one of the engines {engines}"
            told.append(f"{one} has paused at {_first(map(_described, stack.paused))}")
        return (State.WAITING if waits else State.WORKED_ON), ", ".join(told)
    if stack.paused:
        return State.LOST, (
            f"no live engine is as old as the pause of {_first(map(_described, stack.paused))}"
        )
    if messages:
        return State.UNCERTAIN, (
            f"no engine holds any of it, and {messages} messages wait in the queues; "
            "one may be for it"
        )
    if stack.still > patience(database):
        # heat/engine/stack.py, converge_stack: before it goes to work on the first resource.
        if stack.action == "DELETE" and stack.snapshots and stack.age <= stack.timeout:
            return State.UNCERTAIN, (
                "no engine holds any of it, but one may be deleting its snapshots; after "
                f"{stack.timeout} s, its timeout, it counts as lost"
            )
        return State.LOST, f"no engine holds any of it, and nothing moved for {stack.still:.0f} s"
    return State.UNCERTAIN, (
        f"no engine holds any of it, but it moved {stack.still:.0f} s ago; "
        f"after {patience(database)} s without movement it counts as lost"
    )


def _judge_deletion(
    deletion: SnapshotDeletion, database: Database, messages: int
) -> tuple[State, str]:
    """Who deletes a snapshot: a thread of an engine, or several, begun by messages."""
    of = f"the deletion of its snapshot {deletion.name} ({deletion.id})"
    going = f"{of} goes on for {deletion.age:.0f} s"
    if deletion.is_overdue:
        return State.LOST, f"{going}, beyond its timeout of {deletion.timeout} s: no engine does it"
    if engines := alive_for(deletion.age, database):
        named_engines = _first(named(id, database) for id in engines)
        one = "engine" if len(engines) == 1 else "some of the engines"
        return State.WORKED_ON, f"{going}, in {one} {named_engines}"
    if messages:
        return State.UNCERTAIN, (
            f"no live engine is as old as {of}, and {messages} messages wait in the queues; "
            "one may be for it"
        )
    return State.LOST, f"no live engine is as old as {of}"


def _held(stack: StackInFlight, engine_id: str) -> str:
    """What one engine holds of a stack, and what that waits for."""
    held = [_described(each) for each in stack.resources if each.engine_id == engine_id]
    held += ["its lock"] if stack.lock == engine_id else []
    return _first(held)


def _first(said: Iterable[str]) -> str:
    every = list(said)
    return ", ".join(every[:3]) + (f" and {len(every) - 3} more" if len(every) > 3 else "")


def _described(resource: ResourceInFlight) -> str:
    kind = f" ({resource.type})" if resource.type else ""
    waits = ", which waits for a signal," if resource.waits_for_signal else ""
    if resource.hook:
        waits = f", which waits for its hook {resource.hook} to be cleared"
    return f"{resource.name}{kind}{waits}"


def _in_order(found: Iterable[Work]) -> list[Work]:
    families: dict[str, list[Work]] = defaultdict(list)
    for work in found:
        families[work.root.id].append(work)
    ordered = sorted(
        families.values(), key=lambda family: (min(work.state for work in family), _age(family))
    )
    return [
        work
        for family in ordered
        for work in sorted(
            family, key=lambda each: (each.stack.id != each.root.id, -each.stack.age)
        )
    ]


def _age(family: list[Work]) -> float:
    return -max(work.stack.age for work in family)


def remedy(work: Work) -> tuple[str, list[list[str]]]:
    """What to do about a stack in flight while engines run: a sentence and commands for it.

    A nested stack is helped through the one around it. heat/engine/service.py: an update or a
    deletion begins a new traversal, which takes resources over from dead engines; the lock of a
    legacy stack is taken over from a dead engine by the next engine that starts.
    """
    root = work.root
    hooks = [_clear(work.stack, each) for each in work.stack.resources if each.hook]
    match work.state:
        case State.WORKED_ON | State.WAITING if hooks:
            return "Have the hook cleared, so that it goes on, and wait until it ends.", hooks
        case State.WORKED_ON:
            return "Wait until it ends.", []
        case State.UNCERTAIN:
            return "Run this phase again.", []
        case State.WAITING:
            return end_of_a_wait(root)
        case State.AT_REST if work.stack.abandoned:
            return "It has failed already; its next action makes what waits anew.", []
        case State.AT_REST:
            return "No work: see stacks.stale-locks.", []
    if work.stack.only_its_snapshots:
        delete = ["openstack", "stack", "snapshot", "delete", work.stack.id]
        return "Delete it again.", [[*delete, each.id] for each in work.stack.deletions]
    reset = (
        "Or: heat-manage reset_stack_status marks it FAILED; it needs every engine down before, or "
        "it damages what they work on."
    )
    if not root.convergence:
        return f"The next engine that starts marks it FAILED. {reset}", []
    if root.action == "DELETE":
        return f"Delete it again. {reset}", [["openstack", "stack", "delete", root.id]]
    if root.action == "SUSPEND":
        # Heat refuses to update such a stack, and to cancel.
        return f"Suspend it again. {reset}", [["openstack", "stack", "suspend", root.id]]
    return (
        f"Update it, so that a live engine takes it over, or cancel its action. {reset}",
        [["openstack", "stack", "update", "--existing", root.id], *cancel(root)],
    )


def _clear(stack: StackInFlight, resource: ResourceInFlight) -> list[str]:
    """The command that clears a hook: the client has an option for those before an action."""
    if resource.hook.startswith("pre-"):
        option = f"--{resource.hook}"
        return ["openstack", "stack", "hook", "clear", option, stack.id, resource.name]
    data = json.dumps({"unset_hook": resource.hook})
    signal = ["openstack", "stack", "resource", "signal", "--data", data]
    return [*signal, stack.id, resource.name]


def end_of_a_wait(root: StackInFlight) -> tuple[str, list[list[str]]]:
    """What ends a wait for a signal in this stack or in one nested in it."""
    if commands := cancel(root):
        return "Have the signal sent, wait until it ends, or cancel the stack's action.", commands
    return "Have the signal sent, or wait until it ends.", []


def cancel(stack: StackInFlight) -> list[list[str]]:
    """The command that cancels a stack's action, where Heat lets it be cancelled.

    heat/engine/service.py, stack_cancel_update: a CREATE only without a rollback, and else only an
    UPDATE.
    """
    options = {"CREATE": ["--no-rollback"], "UPDATE": []}
    if stack.status != "IN_PROGRESS" or stack.action not in options:
        return []
    return [["openstack", "stack", "cancel", *options[stack.action], stack.id]]
