"""Which resources wait for a signal from outside, and would the next step cut the wait off?

A wait is a thread of one engine that asks the database every second. No message tells of it, and
an engine that is stopped kills it after graceful_shutdown_timeout (oslo.service, 60 s).
"""

from collections.abc import Callable, Iterator

from heat_upgrade_checks.evidence.broker.old_queues import OldQueues
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.stacks.in_flight import ResourceInFlight, StackInFlight
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.engine_hosts import leaving
from heat_upgrade_checks.reading.isolation import isolation_of
from heat_upgrade_checks.reading.placement import Placement
from heat_upgrade_checks.reading.work import end_of_a_wait, named, root_of
from heat_upgrade_checks.wording import counted, duration

from . import look_at


@check("stacks.waiting-on-signals", phases=["pre"], guide="prerequisites")
def check_waits_are_known(database: Database, gate: Judgement) -> None:
    """No wait for a signal from outside is cut off by the next step."""
    look_at(database, gate)
    for stack, resource in _waiting(database):
        _say(gate.warn, database, stack, resource)


@check("stacks.waiting-on-signals", phases=["engine"], guide="rolling 5-6")
def check_no_wait_ends_with_this_engine(
    database: Database,
    placement: Placement,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """No wait for a signal from outside is cut off by the next step."""
    look_at(database, gate)
    isolation = isolation_of(gate.plan, current_configuration, target_configuration).settled()
    gone = leaving(gate.host, gate.plan, database, placement, isolation)
    ids = {row.engine_id for row in gone if row.alive}
    for stack, resource in _waiting(database):
        held_here = _holder(stack, resource) in ids
        _say(gate.block if held_here else gate.warn, database, stack, resource)


@check("stacks.waiting-on-signals", phases=["last-engine"], guide="rolling 7")
def check_no_wait_is_left_on_the_old_side(
    old_queues: OldQueues,
    placement: Placement,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """No wait for a signal from outside is cut off by the next step."""
    database = old_queues.read_between()
    look_at(
        database,
        gate,
        ", read between two samples of the old queues; "
        f"{counted(len(placement.engines), 'live engine')}",
    )
    isolation = isolation_of(gate.plan, current_configuration, target_configuration).settled()
    moved = isolation.on_the_new_side(placement)
    for stack, resource in _waiting(database):
        if _holder(stack, resource) not in moved:
            _say(gate.block, database, stack, resource)


def _waiting(database: Database) -> Iterator[tuple[StackInFlight, ResourceInFlight]]:
    """What waits, and what may: a type that its template does not tell may be one that waits."""
    for stack in database.in_flight:
        # Nothing is lost with a wait in a stack that has failed.
        if stack.status != "IN_PROGRESS" and not stack.lock:
            continue
        for resource in stack.resources:
            unknown = resource.status == "IN_PROGRESS" and not resource.type
            if resource.waits_for_signal or unknown:
                yield stack, resource


def _holder(stack: StackInFlight, resource: ResourceInFlight) -> str:
    return resource.engine_id or stack.lock


def _say(
    say: Callable[..., None], database: Database, stack: StackInFlight, resource: ResourceInFlight
) -> None:
    holder = _holder(stack, resource)
    stacks = {each.id: each for each in database.in_flight}
    left = _seconds_left(stack, resource)
    hint, commands = end_of_a_wait(root_of(stack, stacks))
    what = (
        f"{resource.type} waits for a signal"
        if resource.type
        else "may wait for a signal, for its template does not tell its type"
    )
    say(
        f"resource {resource.name} of stack {stack.name} ({stack.id}), project {stack.project}",
        f"{what}, {_words(resource, left)}; "
        + (f"engine {named(holder, database)} holds it" if holder else "unheld"),
        hint=hint,
        commands=commands,
        data={
            "stack_id": stack.id,
            "project": stack.project,
            "owner_id": stack.owner_id,
            "resource": resource.name,
            "type": resource.type,
            "holder": holder,
            "seconds_left": left,
        },
    )


def _seconds_left(stack: StackInFlight, resource: ResourceInFlight) -> float:
    """Until the resource's own timeout or the stack's ends the wait, whichever comes first."""
    left = stack.timeout - stack.age
    if resource.signal_timeout is not None:
        left = min(left, resource.signal_timeout - resource.age)
    return max(0.0, round(left, 3))


def _words(resource: ResourceInFlight, left: float) -> str:
    if not left:
        return "beyond its timeout"
    if resource.signal_timeout is None:
        return f"for an unknown time; the stack's timeout ends it in {duration(left)}"
    return f"for at most {duration(left)} more"
