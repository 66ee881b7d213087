"""Is there work in the old queues that nobody will read any more?"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict

from heat_upgrade_checks.evidence.broker.connections import Client, Connections, VhostClients
from heat_upgrade_checks.evidence.broker.listeners import OldQueues, Queue
from heat_upgrade_checks.evidence.broker.notifications import Notifications
from heat_upgrade_checks.evidence.broker.peek import LeftMessage
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat.programs import ENGINE
from heat_upgrade_checks.heat.queues import REPLY, addressed_engine, holds_work
from heat_upgrade_checks.reading.clients import Role, in_doubt, role, tell_of_others
from heat_upgrade_checks.reading.placement import Placement
from heat_upgrade_checks.report.wording import counted


@check("queues.empty", phases=["last-engine"], guide="rolling 7")
def check_old_queues_hold_no_work(
    old_queues: OldQueues, database: Database, gate: Judgement
) -> None:
    """The old vhost holds no unprocessed work."""
    _judge(old_queues, database, gate, gate.block)
    if not old_queues.exists or gate.plan.broker.isolation == "shared":
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
            hint="If an old engine still runs, make the vhost and Heat's permissions on it again: "
            "the engine comes back by itself. Then look for stacks that are stuck.",
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


@check("queues.no-new-work", phases=["engine"], guide="rolling 5-6")
def check_no_api_gives_the_leaving_engine_work(
    placement: Placement, connections: Connections, gate: Judgement
) -> None:
    """No API gives new work to the engine that is taken away."""
    old = connections.old
    gate.looked_at(connections.extent)
    if not any(each.host == gate.host and old.vhost in each.vhosts for each in placement.engines):
        gate.not_applicable(f"no engine on {gate.host} works on vhost {old.vhost}")
    apis = [client for client in old.clients if role(client, old) is Role.API]
    if apis:
        shared = gate.plan.broker.isolation == "shared"
        gate.warn(
            f"vhost {old.vhost}",
            f"is still given work by {counted(len(apis), 'API')}; what users ask for while the "
            "engine stops may be lost for good",
            hint="Keep users away until the engine has stopped."
            if shared
            else "Move the APIs to the new vhost first, or keep users away until it has stopped.",
            data={"apis": [str(client) for client in apis]},
        )


@check("queues.no-api-left", phases=["last-engine"], guide="rolling 6-7")
def check_no_api_publishes_to_the_old_vhost(connections: Connections, gate: Judgement) -> None:
    """No API is connected to the old vhost any more."""
    if gate.plan.broker.isolation == "shared":
        gate.not_applicable("both releases share a vhost, so their APIs belong on it")
    gate.looked_at(connections.extent)
    old = connections.old
    for client in old.clients:
        if role(client, old) is Role.API:
            gate.block(
                str(client),
                f"{_connected(client, old)}; "
                "once the last old engine stops, nobody answers its requests",
                hint="Move it to the new vhost: set transport_url and restart it."
                + in_doubt(client),
                data=_told(client),
            )
    tell_of_others(old, gate, "Find out what it is; if it asks Heat for anything, move it first.")


@check("queues.old-residue", phases=["post"], guide="rolling 8")
def check_nothing_uses_the_old_vhost(
    connections: Connections,
    current_configuration: Configuration,
    target_configuration: Configuration,
    notifications: Notifications,
    gate: Judgement,
) -> None:
    """Nothing is connected to the old vhost but for notifications."""
    if current_configuration.vhost == target_configuration.vhost:
        gate.not_applicable("both releases use the same vhost, which stays")
    gate.looked_at(connections.extent)
    old = connections.old
    if not old.exists:
        return
    stays = notifications.sent and notifications.vhost == old.vhost
    senders = [each for each in old.clients if stays and each.program == ENGINE and not each.reads]
    for client in old.clients:
        if client not in senders and role(client, old) in {Role.ENGINE, Role.API}:
            gate.block(
                str(client),
                _connected(client, old),
                hint=f"Stop it, or move it to the new vhost.{in_doubt(client)}",
                data=_told(client),
            )
    tell_of_others(old, gate, "Find out what it is before this vhost is deleted.")
    if stays:
        gate.note(
            f"vhost {old.vhost}",
            "must stay: the target release sends its notifications there, now by "
            f"{counted(sum(each.connections for each in senders), 'connection')} of its engines",
            data={"processes": [str(client) for client in senders]},
        )
    elif notifications.sent and notifications.unknown:
        gate.note(
            f"vhost {old.vhost}",
            "may be where the target release sends its notifications, which could not be seen: "
            f"{notifications.unknown}",
        )
    elif not old.clients:
        gate.note(
            f"vhost {old.vhost}",
            "is not used any more and may be deleted",
            hint="Delete it when this phase has passed, unless other services used it too.",
            commands=[["rabbitmqctl", "delete_vhost", old.vhost]],
        )


def _connected(client: Client, side: VhostClients) -> str:
    calls = any(queue.startswith(REPLY) for queue in client.reads)
    waits = ", waits for answers" if calls else ""
    return f"has {client.connections} connections to vhost {side.vhost}{waits}"


def _told(client: Client) -> dict[str, object]:
    return {"pid": client.pid, "peer_host": client.peer_host, "user": client.user}
