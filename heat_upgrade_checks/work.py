"""Who works on a stack in flight: a live engine, an outside signal, or nobody any more.

Nothing in Heat looks for lost work, and an empty queue proves nothing: a message is acknowledged
before its work begins. What tells is who holds the stack's resources or its lock, whether that
engine still reports and still reads its queue, and when anything of the stack moved last.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from heat_upgrade_checks.evidence.configuration import Configuration
from heat_upgrade_checks.evidence.database import Database
from heat_upgrade_checks.evidence.in_flight import ResourceInFlight, StackInFlight
from heat_upgrade_checks.placement import Placement
from heat_upgrade_checks.plan import Plan

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
    """One stack in flight; `root` is the outermost stack in flight around it, or itself."""

    stack: StackInFlight
    root: StackInFlight
    state: State
    who: str

    def __str__(self) -> str:
        stack = self.stack
        if stack.status != "IN_PROGRESS":
            return f"{stack.action} {stack.status}, but locked: {self.who}"
        late = f", beyond its timeout of {stack.timeout} s" if stack.age > stack.timeout else ""
        return f"{stack.action} IN_PROGRESS for {stack.age:.0f} s{late}: {self.who}"


def work_in_flight(database: Database, placement: Placement, messages: int) -> list[Work]:
    """Every stack in flight, the biggest trouble first, each stack before those nested in it.

    `messages` wait in the work queues that engines read now: what nobody holds may be among them.
    """
    stacks = {stack.id: stack for stack in database.in_flight}
    found = []
    for stack in database.in_flight:
        if stack.backup and not stack.holders:
            # It is part of its stack's update, and has its IN_PROGRESS from there.
            owner = stacks.get(stack.owner_id)
            state, who = State.AT_REST, "a failed update left it behind"
            if owner is not None:
                state, who = _judge(owner, database, placement, messages)
        else:
            state, who = _judge(stack, database, placement, messages)
        found.append(Work(stack, root_of(stack, stacks), state, who))
    return _in_order(found)


def root_of(stack: StackInFlight, stacks: dict[str, StackInFlight]) -> StackInFlight:
    """The outermost stack in flight around a nested one: what an operator acts on."""
    while stack.owner_id in stacks:
        stack = stacks[stack.owner_id]
    return stack


def on_the_new_side(plan: Plan, placement: Placement, target: Configuration) -> set[str]:
    """The engines that go on when the last old one stops; on a shared vhost none is known."""
    shared = plan.broker.isolation == "shared"
    return set() if shared else placement.on(target.vhost)


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
    silent = [holder for holder in stack.holders if holder not in reading]
    if dead:
        said = f"engine {named(dead[0], database)} is dead and holds {_held(stack, dead[0])}"
        at_rest = stack.status != "IN_PROGRESS" and dead == list(stack.holders)
        return (State.AT_REST if at_rest else State.LOST), said
    if silent:
        return State.UNCERTAIN, (
            f"engine {named(silent[0], database)} holds {_held(stack, silent[0])} and reports, "
            "but reads no queue that the broker shows; it may have just ended"
        )
    if stack.holders:
        working = [each for each in stack.resources if each.status == "IN_PROGRESS"]
        waits = bool(working) and all(each.waits_for_signal for each in working)
        holders = ", ".join(
            f"engine {named(holder, database)} holds {_held(stack, holder)}"
            for holder in stack.holders
        )
        return (State.WAITING if waits else State.WORKED_ON), holders
    if messages:
        return State.UNCERTAIN, (
            f"no engine holds any of it, and {messages} messages wait in the queues; "
            "one may be for it"
        )
    if stack.still > patience(database):
        return State.LOST, f"no engine holds any of it, and nothing moved for {stack.still:.0f} s"
    return State.UNCERTAIN, (
        f"no engine holds any of it, but it moved {stack.still:.0f} s ago; "
        f"after {patience(database)} s without movement it counts as lost"
    )


def _held(stack: StackInFlight, engine_id: str) -> str:
    """What one engine holds of a stack, and what that waits for."""
    held = [_described(each) for each in stack.resources if each.engine_id == engine_id]
    held += ["its lock"] if stack.lock == engine_id else []
    return ", ".join(held[:3]) + (f" and {len(held) - 3} more" if len(held) > 3 else "")


def _described(resource: ResourceInFlight) -> str:
    kind = f" ({resource.type})" if resource.type else ""
    signal = ", which waits for a signal," if resource.waits_for_signal else ""
    return f"{resource.name}{kind}{signal}"


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


def _nested_and_younger_last(work: Work) -> tuple[bool, float]:
    return work.stack.id != work.root.id, -work.stack.age


def _age(family: list[Work]) -> float:
    return -max(work.stack.age for work in family)


def remedy(work: Work) -> tuple[str, list[list[str]]]:
    """What to do about a stack in flight: a sentence and the commands that it means.

    A nested stack is helped through the one around it. heat/engine/service.py: an update or a
    deletion begins a new traversal, which takes resources over from dead engines; the lock of a
    legacy stack is taken over from a dead engine by the next engine that starts.
    """
    root = work.root
    match work.state:
        case State.WORKED_ON:
            return "Wait until it ends.", []
        case State.UNCERTAIN:
            return "Run this phase again.", []
        case State.WAITING:
            return "Have the signal sent, wait until it ends, or cancel the action.", cancel(root)
        case State.AT_REST:
            return "No work: see stacks.stale-locks.", []
    reset = (
        "heat-manage reset_stack_status marks it FAILED; it needs every engine down before, or "
        "it damages what they work on."
    )
    command = ["heat-manage", "reset_stack_status", root.id]
    if not root.convergence:
        return f"The next engine that starts marks it FAILED. Or: {reset}", [command]
    if root.action == "DELETE":
        return f"Delete it again. Or: {reset}", [["openstack", "stack", "delete", root.id], command]
    return (
        f"Update it, so that a live engine takes it over, or cancel its action. Or: {reset}",
        [["openstack", "stack", "update", "--existing", root.id], *cancel(root), command],
    )


def cancel(stack: StackInFlight) -> list[list[str]]:
    """The command that cancels a stack's action, where Heat lets it be cancelled.

    heat/engine/service.py, stack_cancel_update: a CREATE only without a rollback, and else only an
    UPDATE.
    """
    options = {"CREATE": ["--no-rollback"], "UPDATE": []}
    if stack.action not in options:
        return []
    return [["openstack", "stack", "cancel", *options[stack.action], stack.id]]
