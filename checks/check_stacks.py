"""Is Heat working on a stack that the next step would cut off, or has it stopped working on one?"""

from collections.abc import Callable

from heat_upgrade_checks.evidence.broker.listeners import OldQueues
from heat_upgrade_checks.evidence.broker.waiting_messages import WaitingWork
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.stacks.leftovers import Leftovers
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.placement import Placement
from heat_upgrade_checks.reading.work import State, Work, on_the_new_side, remedy, work_in_flight

_GOES_ON = {State.WORKED_ON, State.WAITING}


@check("stacks.in-progress", phases=["pre"], guide="prerequisites")
def check_work_in_flight_is_known(
    database: Database,
    placement: Placement,
    waiting_work: WaitingWork,
    leftovers: Leftovers,
    gate: Judgement,
) -> None:
    """No work is in flight that the next step would cut off."""
    gate.looked_at(f"{database.extent}; {leftovers.extent}")
    for work in work_in_flight(database, placement, waiting_work.current):
        # What nobody works on is told by stacks.stuck, a lock without work by stacks.stale-locks.
        if work.state in _GOES_ON:
            _say(gate.warn, work)
    _note_what_only_looks_like_work(leftovers, gate)


def _note_what_only_looks_like_work(leftovers: Leftovers, gate: Judgement) -> None:
    for stack in leftovers.backups:
        gate.note(
            f"backup stack {stack.name} ({stack.id}), project {stack.project}",
            f"is no work, though its row says {stack.action} {stack.status}: an update that "
            "failed left it behind",
            hint="The next update or deletion of its stack removes it.",
            data={"stack_id": stack.id, "owner_id": stack.owner_id},
        )
    if leftovers.backup_count > len(leftovers.backups):
        gate.note("backup stacks", f"{leftovers.backup_count} in all; the first are listed")
    if leftovers.deployments:
        gate.note(
            "software deployments",
            f"{leftovers.deployments} are IN_PROGRESS; without a stack in flight they are no work",
            hint="Their servers have not signalled, or are gone; no engine holds them.",
        )
    if leftovers.snapshots:
        gate.note(
            "snapshots",
            f"{leftovers.snapshots} are IN_PROGRESS though their stacks are at rest",
            hint="The engine that took them was lost; delete them and take them anew.",
        )


@check("stacks.stuck", phases=["pre"], guide="prerequisites")
def check_no_stack_is_stuck_before(
    database: Database, placement: Placement, waiting_work: WaitingWork, gate: Judgement
) -> None:
    """No stack is in flight with nobody working on it."""
    gate.looked_at(f"{database.extent}; {waiting_work.extent}")
    _judge_stuck(work_in_flight(database, placement, waiting_work.current), gate)


@check("stacks.stuck", phases=["post"], guide="rolling 8")
def check_no_stack_is_stuck_after(
    database: Database, placement: Placement, waiting_work: WaitingWork, gate: Judgement
) -> None:
    """No stack is in flight with nobody working on it."""
    gate.looked_at(f"{database.extent}; {waiting_work.extent}")
    # What waits in the old vhost is read by nobody any more, so it keeps no stack alive.
    if waiting_work.target is None:
        gate.cannot_tell("the new vhost is not known; add target.config to the plan")
        return
    _judge_stuck(work_in_flight(database, placement, waiting_work.target), gate)


def _judge_stuck(found: list[Work], gate: Judgement) -> None:
    for work in found:
        if work.state is State.LOST:
            _say(gate.block, work)
        elif work.state is State.UNCERTAIN:
            hint, _ = remedy(work)
            gate.cannot_tell(f"{_named(work)}: {work}; {hint[0].lower()}{hint[1:]}")


@check("stacks.in-progress", phases=["stopped"], guide="cold 1")
def check_nothing_was_cut_off(old_queues: OldQueues, placement: Placement, gate: Judgement) -> None:
    """No work is in flight that the next step would cut off."""
    database = old_queues.read_between()
    gate.looked_at(database.extent)
    for work in work_in_flight(database, placement, 0):
        if work.state is State.AT_REST:
            continue
        if any(row.alive for row in database.services):
            # As while one waits for the end of work before the engines are stopped.
            _say(gate.block, work)
        else:
            _say(
                gate.block,
                work,
                "Nobody works on it now. Start the current release again and let it end, or, "
                "while every engine is down, mark it FAILED with heat-manage reset_stack_status.",
                [gate.heat_manage("reset_stack_status", work.root.id)],
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
    moved = on_the_new_side(gate.plan, placement, target_configuration)
    for work in work_in_flight(database, placement, 0):
        if work.state is State.AT_REST or (work.engines and work.engines <= moved):
            _say(gate.note, work)
        elif work.state is State.WORKED_ON:
            _say(gate.block, work, "Keep the old engine running until it ends.")
        else:
            _say(gate.block, work)


def _named(work: Work) -> str:
    stack = work.stack
    nested = f", nested in {work.root.name}" if work.root is not stack else ""
    kind = "backup stack" if stack.backup else "stack"
    return f"{kind} {stack.name} ({stack.id}), project {stack.project}{nested}"


def _say(
    say: Callable[..., None],
    work: Work,
    hint: str | None = None,
    commands: list[list[str]] | None = None,
) -> None:
    stack, advice = work.stack, remedy(work)
    say(
        _named(work),
        str(work),
        hint=advice[0] if hint is None else hint,
        commands=advice[1] if commands is None else commands,
        data={
            "stack_id": stack.id,
            "root_id": work.root.id,
            "project": stack.project,
            "owner_id": stack.owner_id,
            "state": work.state.name.lower(),
            "age": stack.age,
            "convergence": stack.convergence,
            "holders": list(stack.holders),
            "resources": [resource.name for resource in stack.resources],
        },
    )
