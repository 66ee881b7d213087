from heat_upgrade_checks.evidence.broker.connections import Connections
from heat_upgrade_checks.evidence.broker.notifications import Notifications
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat.programs import ENGINE
from heat_upgrade_checks.reading.clients import Role, connected, in_doubt, role, where_it_runs
from heat_upgrade_checks.reading.isolation import isolation_of
from heat_upgrade_checks.wording import counted

from .. import tell_of_others


@check("queues.old-residue", phases=["post"], guide="rolling 8")
def check_nothing_uses_the_old_vhost(
    connections: Connections,
    current_configuration: Configuration,
    target_configuration: Configuration,
    notifications: Notifications,
    gate: Judgement,
) -> None:
    """Nothing is connected to the old vhost but for notifications."""
    isolation = isolation_of(gate.plan, current_configuration, target_configuration)
    if isolation.alike:
        gate.not_applicable(
            "both vhosts have one name, on different brokers, and nothing else tells them apart"
        )
    if isolation.shared:
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
                connected(client, old),
                hint=f"Stop it, or move it to the new vhost.{in_doubt(client)}",
                data=where_it_runs(client),
            )
    tell_of_others(old, gate, "Find out what it is before this vhost is deleted.")
    if stays:
        gate.note(
            f"vhost {old.vhost}",
            "must stay: the target release sends its notifications there, now by "
            f"{counted(sum(each.connections for each in senders), 'connection')} of its engines",
            data={"processes": [str(client) for client in senders]},
        )
    elif notifications.sent and notifications.incomplete:
        gate.note(
            f"vhost {old.vhost}",
            "may be where the target release sends its notifications, which could not be seen: "
            f"{'; '.join(notifications.incomplete)}",
        )
    elif not old.clients:
        gate.note(
            f"vhost {old.vhost}",
            "is not used any more and may be deleted",
            hint="Delete it when this phase has passed, unless other services used it too.",
            commands=[["rabbitmqctl", "delete_vhost", old.vhost]],
        )
