from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.stacks.in_flight import StackInFlight
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.isolation import isolation_of
from heat_upgrade_checks.reading.placement import Placement
from heat_upgrade_checks.reading.work import State, Work, remedy, work_in_flight

from . import look_at


@check("stacks.legacy-in-progress", phases=["vhost", "engine"], guide="rolling 4-5")
def check_no_legacy_stack_is_in_flight(
    database: Database,
    placement: Placement,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """No legacy stack is in flight and no stack is locked on the old side.

    heat/engine/service.py, reset_stack_status: each worker of an engine does it when it starts, not
    the first alone.
    """
    isolation = isolation_of(gate.plan, current_configuration, target_configuration).settled()
    if isolation.shared:
        gate.not_applicable("on a shared vhost each release sees that the other's engines live")
    look_at(database, gate)
    moved = isolation.on_the_new_side(placement)
    for work in work_in_flight(database, placement, 0):
        stack = work.stack
        # A nested stack that nobody holds belongs to those who hold its root.
        holders = work.engines or set(work.root.holders)
        if work.state is State.AT_REST:
            continue  # No work: see stacks.stale-locks.
        if stack.only_its_snapshots:
            continue  # No engine takes the deletion of a snapshot from another.
        if holders and holders <= moved:
            continue  # Engines on the new vhost see each other.
        if not stack.convergence or stack.lock:
            _judge_legacy(work, gate)
        elif gate.phase == "vhost":
            gate.warn(
                _named(stack),
                f"{stack.action} {stack.status}: if it is updated or deleted through a target API "
                "before it ends, the target's engine takes the old one for dead, marks its "
                "resources FAILED and makes them twice",
                hint="Let it end, or keep users off the target's API until it has.",
                data=_told(stack),
            )


def _judge_legacy(work: Work, gate: Judgement) -> None:
    stack = work.stack
    kind = "convergence stack" if stack.convergence else "legacy stack"
    if work.state is State.LOST:
        hint, commands = remedy(work)
        gate.block(
            _named(stack), f"{kind}, {work}", hint=hint, commands=commands, data=_told(stack)
        )
        return
    locked = f", locked by engine {stack.lock}" if stack.lock else ""
    then = (
        "an action through a target API takes the lock from it"
        if stack.convergence
        else "any target engine that starts takes the lock and marks the stack FAILED"
    )
    gate.block(
        _named(stack),
        f"{kind}, {stack.action} {stack.status}{locked}: from another vhost its engine seems dead, "
        f"so {then} while it is worked on",
        hint="Let it end and keep users from new actions until the last old engine is gone, or "
        "upgrade cold.",
        data=_told(stack),
    )


def _named(stack: StackInFlight) -> str:
    return f"stack {stack.name} ({stack.id}), project {stack.project}"


def _told(stack: StackInFlight) -> dict[str, object]:
    return {"stack_id": stack.id, "project": stack.project, "holders": list(stack.holders)}
