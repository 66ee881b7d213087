from heat_upgrade_checks.evidence.broker.waiting_messages import WaitingMessages
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.placement import Placement
from heat_upgrade_checks.reading.work import State, Work, remedy, work_in_flight

from . import look_at, named, say_work


@check("stacks.stuck", phases=["pre"], guide="prerequisites")
def check_no_stack_is_stuck_before(
    database: Database, placement: Placement, waiting_work: WaitingMessages, gate: Judgement
) -> None:
    """No stack is in flight with nobody working on it."""
    look_at(database, gate, f"; {waiting_work.extent}")
    _judge_stuck(work_in_flight(database, placement, waiting_work.current), gate)


@check("stacks.stuck", phases=["post"], guide="rolling 8")
def check_no_stack_is_stuck_after(
    database: Database, placement: Placement, waiting_work: WaitingMessages, gate: Judgement
) -> None:
    """No stack is in flight with nobody working on it."""
    look_at(database, gate, f"; {waiting_work.extent}")
    # What waits in the old vhost is read by nobody any more, so it keeps no stack alive.
    if waiting_work.target is None:
        gate.cannot_tell("the new vhost is not known; add target.config to the plan")
        return
    _judge_stuck(work_in_flight(database, placement, waiting_work.target), gate)


def _judge_stuck(found: list[Work], gate: Judgement) -> None:
    for work in found:
        if work.state is State.LOST:
            say_work(gate.block, work)
        elif work.state is State.UNCERTAIN:
            hint, _ = remedy(work)
            gate.cannot_tell(f"{named(work)}: {work}; {hint[0].lower()}{hint[1:]}")
