"""Is Heat working on a stack that the next step would cut off?"""

from collections.abc import Callable

from heat_upgrade_checks import check
from heat_upgrade_checks.evidence.configuration import Configuration
from heat_upgrade_checks.evidence.database import Database, StackInFlight
from heat_upgrade_checks.judgement import Judgement
from heat_upgrade_checks.placement import Placement

_RESET = "heat-manage reset_stack_status, with all engines down, marks it FAILED."


@check("stacks.in-progress", phases=["pre"], guide="prerequisites")
def check_work_in_flight_is_alive(database: Database, gate: Judgement) -> None:
    """No work is in flight that the next step would cut off."""
    gate.looked_at(database.extent)
    alive = {row.engine_id for row in database.services if row.alive}
    for stack in database.in_flight:
        dead = [holder for holder in stack.holders if holder not in alive]
        what = _words(stack)
        if dead:
            _say(
                gate.block,
                stack,
                f"{what}, held by engine {_named(dead[0], database)}, which is dead",
                "Cancel or update the stack so that a live engine takes it over. " + _RESET,
            )
        elif not stack.holders and stack.age > stack.timeout:
            _say(
                gate.block,
                stack,
                f"{what}, beyond its timeout of {stack.timeout} s, and no engine holds it",
                "Cancel or update the stack so that a live engine takes it over. " + _RESET,
            )
        elif not stack.holders:
            _say(
                gate.warn,
                stack,
                f"{what}; no engine holds it at this moment",
                "Run this phase again: if it stays so, the stack is stuck.",
            )
        else:
            late = f", beyond its timeout of {stack.timeout} s" if stack.age > stack.timeout else ""
            _say(
                gate.warn,
                stack,
                f"{what}{late}; a live engine works on it",
                "It may end during the upgrade; each later phase asks again.",
            )


@check("stacks.in-progress", phases=["stopped"], guide="cold 1")
def check_nothing_was_cut_off(database: Database, gate: Judgement) -> None:
    """No work is in flight that the next step would cut off."""
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
    database: Database,
    placement: Placement,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """No work is in flight that the next step would cut off."""
    gate.looked_at(f"{database.extent}; {len(placement.engines)} live engines")
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


def _say(say: Callable[..., None], stack: StackInFlight, summary: str, hint: str) -> None:
    say(
        f"stack {stack.name} ({stack.id}), project {stack.project}",
        summary,
        hint=hint,
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
