"""Is there work in the old queues that nobody will read any more?"""

from collections.abc import Callable

from heat_upgrade_checks import check
from heat_upgrade_checks.evidence.broker import OldQueues, Queue
from heat_upgrade_checks.evidence.database import Database
from heat_upgrade_checks.judgement import Judgement
from heat_upgrade_checks.queues import addressed_engine, holds_work


@check("queues.empty", phases=["last-engine"], guide="rolling 7")
def check_old_queues_hold_no_work(
    old_queues: OldQueues, database: Database, gate: Judgement
) -> None:
    """The old vhost holds no unprocessed work."""
    _judge(old_queues, database, gate, gate.block)


@check("queues.empty", phases=["stopped"], guide="cold 1")
def check_stopped_engines_left_no_work(
    old_queues: OldQueues, database: Database, gate: Judgement
) -> None:
    """The old vhost holds no unprocessed work."""
    _judge(old_queues, database, gate, gate.warn)


def _judge(
    old_queues: OldQueues, database: Database, gate: Judgement, say: Callable[..., None]
) -> None:
    gate.looked_at(old_queues.extent)
    if not old_queues.exists:
        say(
            f"vhost {old_queues.vhost}",
            "does not exist; whatever waited in it is lost",
            hint="Delete the old vhost only after phase post. Look for stacks that are stuck now.",
        )
        return
    shared = gate.mode == "rolling" and gate.plan.broker.isolation == "shared"
    engines = {row.engine_id for row in database.services}
    for queue in _fullest(old_queues):
        owner = addressed_engine(queue.name)
        if not holds_work(queue.name) or (shared and owner is None):
            continue
        if queue.ready is None or queue.unacknowledged is None:
            gate.cannot_tell(
                f"the broker does not say how many messages queue {queue.name} holds; "
                "find out why it is not running, or enable its statistics"
            )
        elif queue.ready + queue.unacknowledged:
            orphaned = owner is not None and owner not in engines
            say(
                f"queue {queue.name}",
                f"{queue.ready + queue.unacknowledged} messages wait "
                f"({queue.unacknowledged} unacknowledged)"
                + ("; its engine is gone" if orphaned else ""),
                hint="Nobody will read them: look at the stacks in flight, then delete this queue."
                if orphaned
                else "Let the old engines drain it, then run this phase again.",
                data={"ready": queue.ready, "unacknowledged": queue.unacknowledged},
            )


def _fullest(old_queues: OldQueues) -> list[Queue]:
    """Each queue as its fullest sample shows it: all samples must be zero.

    A count that is missing in any sample stays missing.
    """
    worst: dict[str, Queue] = {}
    for sample in old_queues.samples:
        for queue in sample.queues:
            known = worst.setdefault(queue.name, queue)
            if _messages(queue) > _messages(known):
                worst[queue.name] = queue
    return [worst[name] for name in sorted(worst)]


def _messages(queue: Queue) -> float:
    if queue.ready is None or queue.unacknowledged is None:
        return float("inf")
    return queue.ready + queue.unacknowledged
