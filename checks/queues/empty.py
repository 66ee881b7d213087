from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict

from heat_upgrade_checks.evidence.broker.old_queues import OldQueues, Queue
from heat_upgrade_checks.evidence.broker.peek import LeftMessage
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat.queues import LISTENER, addressed_engine, holds_work
from heat_upgrade_checks.reading.isolation import isolation_of
from heat_upgrade_checks.reading.placement import Placement


@check("queues.empty", phases=["last-engine"], guide="rolling 7")
def check_old_queues_hold_no_work(
    old_queues: OldQueues,
    database: Database,
    placement: Placement,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """The old vhost holds no unprocessed work."""
    isolation = isolation_of(gate.plan, current_configuration, target_configuration).settled()
    _judge(old_queues, database, gate, gate.block, shared=isolation.shared)
    _demand_queues_of_the_living(old_queues, placement, gate)
    if not old_queues.exists or isolation.shared:
        return
    if old_queues.publish_rate is None:
        gate.cannot_tell(
            f"the broker keeps no statistics, so whether vhost {old_queues.vhost} is still "
            "published to is unknown; enable its statistics"
        )
    elif old_queues.publish_rate:
        gate.block(
            f"vhost {old_queues.vhost}",
            f"{old_queues.publish_rate:.1f} messages a second are still published to the queues "
            "of work in it",
            hint="Wait until the old engines are idle; if it goes on, look for an API on it.",
        )


def _demand_queues_of_the_living(
    old_queues: OldQueues, placement: Placement, gate: Judgement
) -> None:
    """A list that lacks the queue which a live engine is seen to read lacks others too."""
    here = [engine for engine in placement.engines if old_queues.vhost in engine.vhosts]
    for sample in old_queues.samples:
        listed = {queue.name for queue in sample.queues}
        for engine in here:
            if (queue := f"{LISTENER}{engine.engine_id}") not in listed:
                gate.cannot_tell(
                    f"the queues listed in vhost {old_queues.vhost} lack {queue}, which live "
                    f"engine {engine} reads; run this phase again, and if it stays so look into "
                    "RabbitMQ's log"
                )
                return


@check("queues.empty", phases=["stopped"], guide="cold 1")
def check_stopped_engines_left_no_work(
    old_queues: OldQueues, database: Database, gate: Judgement
) -> None:
    """The old vhost holds no unprocessed work."""
    _judge(old_queues, database, gate, gate.warn, shared=False)


def _judge(
    old_queues: OldQueues,
    database: Database,
    gate: Judgement,
    say: Callable[..., None],
    *,
    shared: bool,
) -> None:
    """On a shared vhost the target's engines go on with what waits in the common queues."""
    gate.looked_at(old_queues.extent)
    if not old_queues.exists:
        say(
            f"vhost {old_queues.vhost}",
            "does not exist; whatever waited in it is lost",
            hint="If an old engine still runs, make the vhost and Heat's permissions on it again: "
            "the engine comes back by itself. Then look for stacks that are stuck.",
        )
        return
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
            left = [message for message in old_queues.left if message.queue == queue.name]
            say(
                f"queue {queue.name}",
                f"{queue.ready + queue.unacknowledged} messages wait "
                f"({queue.unacknowledged} unacknowledged)"
                + ("; its engine is gone" if orphaned else "")
                + "".join(f"; {stack}" for stack in _stacks(left)),
                hint="Nobody will read them: look at the stacks in flight, then delete this queue."
                if orphaned
                else "Let the old engines drain it, then run this phase again.",
                data={
                    "ready": queue.ready,
                    "unacknowledged": queue.unacknowledged,
                    "messages": [asdict(message) for message in left],
                },
            )
    if old_queues.left_error:
        gate.note(
            f"messages in vhost {old_queues.vhost}",
            f"could not be looked into: {old_queues.left_error}",
        )


def _stacks(left: list[LeftMessage]) -> list[str]:
    """What the messages ask for, each stack once."""
    asked: dict[str, list[str]] = defaultdict(list)
    for message in left:
        name = f"{message.stack_name} ({message.stack_id})" if message.stack_id else "unknown"
        late = ", of a traversal that ended" if message.superseded else ""
        asked[f"stack {name}{late}"].append(message.method or "unreadable")
    return [f"{', '.join(sorted(set(methods)))} for {stack}" for stack, methods in asked.items()]


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
