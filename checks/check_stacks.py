"""Is Heat working on a stack that the next step would cut off?"""

from collections.abc import Callable, Sequence

from heat_upgrade_checks import check
from heat_upgrade_checks.evidence.broker import OldQueues
from heat_upgrade_checks.evidence.configuration import Configuration
from heat_upgrade_checks.evidence.database import Database
from heat_upgrade_checks.evidence.in_flight import StackInFlight
from heat_upgrade_checks.judgement import Judgement
from heat_upgrade_checks.placement import Placement

_RESET = "heat-manage reset_stack_status, with all engines down, marks it FAILED."


@check("stacks.in-progress", phases=["pre"], guide="prerequisites")
def check_work_in_flight_is_known(database: Database, gate: Judgement) -> None:
    """No work is in flight that the next step would cut off."""
    gate.looked_at(database.extent)
    alive = _alive(database)
    for stack in database.in_flight:
        late = f", beyond its timeout of {stack.timeout} s" if stack.age > stack.timeout else ""
        if stack.holders and alive.issuperset(stack.holders):
            who, hint = "a live engine works on it", "It may end during the upgrade; "
        else:
            who, hint = "no live engine holds it", "See stacks.stuck; "
        _say(
            gate.warn,
            stack,
            f"{_words(stack)}{late}; {who}",
            f"{hint}each later phase asks again.",
        )


@check("stacks.stuck", phases=["pre", "post"], guide="prerequisites, rolling 8")
def check_no_stack_is_stuck(database: Database, gate: Judgement) -> None:
    """No stack is in flight with nobody working on it."""
    gate.looked_at(database.extent)
    alive = _alive(database)
    patience = 2 * max((row.report_interval for row in database.services), default=60)
    for stack in database.in_flight:
        if stack.holders and alive.issuperset(stack.holders):
            continue
        dead = [holder for holder in stack.holders if holder not in alive]
        why = (
            f"held by engine {_named(dead[0], database)}, which is dead"
            if dead
            else "no engine holds any of it"
        )
        if stack.still > patience or dead:
            _say(
                gate.block,
                stack,
                f"{_words(stack)}; {why}, and nothing moved for {stack.still:.0f} s",
                "Update or cancel the stack so that a live engine takes it over. " + _RESET,
                commands=[["openstack", "stack", "cancel", stack.id]],
            )
        else:
            _say(
                gate.warn,
                stack,
                f"{_words(stack)}; {why}, but it moved {stack.still:.0f} s ago",
                f"Run this phase again: after {patience} s without movement it counts as stuck.",
            )


def _alive(database: Database) -> set[str]:
    return {row.engine_id for row in database.services if row.alive}


@check("stacks.in-progress", phases=["stopped"], guide="cold 1")
def check_nothing_was_cut_off(old_queues: OldQueues, gate: Judgement) -> None:
    """No work is in flight that the next step would cut off."""
    database = old_queues.read_between()
    gate.looked_at(database.extent)
    for stack in database.in_flight:
        _say(
            gate.block,
            stack,
            f"{_words(stack)}; every engine was stopped, so nobody works on it",
            f"Start the current release again and let it end. Or {_RESET}",
        )


@check("stacks.in-progress", phases=["last-engine"], guide="rolling 7")
def check_old_side_works_on_nothing(
    old_queues: OldQueues,
    placement: Placement,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """No work is in flight that the next step would cut off."""
    database = old_queues.read_between()
    gate.looked_at(
        f"{database.extent}, read between two samples of the old queues; "
        f"{len(placement.engines)} live engines"
    )
    shared = gate.plan.broker.isolation == "shared"
    moved = set() if shared else placement.on(target_configuration.vhost)
    for stack in database.in_flight:
        left = [holder for holder in stack.holders if holder not in moved]
        if stack.holders and not left:
            _say(gate.note, stack, f"{_words(stack)}; an engine on the new vhost works on it", "")
            continue
        holder = (
            f"engine {_named(left[0], database)} holds it"
            if left
            else "no engine holds it at this moment"
        )
        _say(
            gate.block,
            stack,
            f"{_words(stack)}; {holder}, so it may depend on the old side",
            "Keep the old engine running until it ends. If nothing moves, cancel or update the "
            "stack through the new API.",
        )


def _words(stack: StackInFlight) -> str:
    if stack.status == "IN_PROGRESS":
        return f"{stack.action} IN_PROGRESS for {stack.age:.0f} s"
    return f"{stack.action} {stack.status}, but locked"


def _named(engine_id: str, database: Database) -> str:
    """The engine with its host, where a service row still tells it."""
    hosts = {row.engine_id: row.host for row in database.services}
    return f"{hosts[engine_id]} ({engine_id})" if engine_id in hosts else engine_id


def _say(
    say: Callable[..., None],
    stack: StackInFlight,
    summary: str,
    hint: str,
    commands: Sequence[Sequence[str]] = (),
) -> None:
    say(
        f"stack {stack.name} ({stack.id}), project {stack.project}",
        summary,
        hint=hint,
        commands=commands,
        data={
            "stack_id": stack.id,
            "project": stack.project,
            "owner_id": stack.owner_id,
            "age": stack.age,
            "convergence": stack.convergence,
            "holders": list(stack.holders),
            "resources": [resource.name for resource in stack.resources],
        },
    )
