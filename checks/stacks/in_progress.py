from heat_upgrade_checks.evidence.broker.old_queues import OldQueues
from heat_upgrade_checks.evidence.broker.waiting_messages import WaitingMessages
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.stacks.leftovers import Leftovers
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.isolation import isolation_of
from heat_upgrade_checks.reading.placement import Placement
from heat_upgrade_checks.reading.work import State, remedy, work_in_flight
from heat_upgrade_checks.wording import counted

from . import look_at, say_work

_GOES_ON = {State.WORKED_ON, State.WAITING}


@check("stacks.in-progress", phases=["pre"], guide="prerequisites")
def check_work_in_flight_is_known(
    database: Database,
    placement: Placement,
    waiting_work: WaitingMessages,
    leftovers: Leftovers,
    gate: Judgement,
) -> None:
    """No work is in flight that the next step would cut off."""
    look_at(database, gate, f"; {leftovers.extent}")
    for work in work_in_flight(database, placement, waiting_work.current):
        # What nobody works on is told by stacks.stuck, a lock without work by stacks.stale-locks.
        if work.state in _GOES_ON:
            say_work(gate.warn, work)
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
            hint="Where they stay so, the engine that took them was lost. Heat deletes no snapshot "
            "that is being taken: take them anew; these go with their stacks.",
        )


@check("stacks.in-progress", phases=["stopped"], guide="cold 1")
def check_nothing_was_cut_off(old_queues: OldQueues, placement: Placement, gate: Judgement) -> None:
    """No work is in flight that the next step would cut off."""
    database = old_queues.read_between()
    look_at(database, gate)
    for work in work_in_flight(database, placement, 0):
        if work.state is State.AT_REST:
            continue
        if any(row.alive for row in database.services):
            # As while one waits for the end of work before the engines are stopped.
            say_work(gate.block, work)
        elif work.stack.only_its_snapshots:
            hint, commands = remedy(work)
            say_work(
                gate.block,
                work,
                f"Nobody works on it now. Start the current release again. {hint} Let it end.",
                commands,
            )
        else:
            say_work(
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
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """No work is in flight that the next step would cut off."""
    database = old_queues.read_between()
    look_at(
        database,
        gate,
        ", read between two samples of the old queues; "
        f"{counted(len(placement.engines), 'live engine')}",
    )
    isolation = isolation_of(gate.plan, current_configuration, target_configuration).settled()
    moved = isolation.on_the_new_side(placement)
    for work in work_in_flight(database, placement, 0):
        if work.state is State.AT_REST or (work.engines and work.engines <= moved):
            say_work(gate.note, work)
        elif work.state is State.WORKED_ON:
            say_work(gate.block, work, "Keep the old engine running until it ends.")
        else:
            say_work(gate.block, work)
