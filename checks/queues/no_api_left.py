from heat_upgrade_checks.evidence.broker.connections import Connections
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.clients import Role, connected, in_doubt, role, where_it_runs
from heat_upgrade_checks.reading.isolation import isolation_of

from .. import tell_of_others


@check("queues.no-api-left", phases=["last-engine"], guide="rolling 6-7")
def check_no_api_publishes_to_the_old_vhost(
    connections: Connections,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """No API is connected to the old vhost any more."""
    isolation = isolation_of(gate.plan, current_configuration, target_configuration).settled()
    if isolation.shared:
        gate.not_applicable("both releases share a vhost, so their APIs belong on it")
    gate.looked_at(connections.extent)
    old = connections.old
    for client in old.clients:
        if role(client, old) is Role.API:
            gate.block(
                str(client),
                f"{connected(client, old)}; "
                "once the last old engine stops, nobody answers its requests",
                hint="Move it to the new vhost: set transport_url and restart it."
                + in_doubt(client),
                data=where_it_runs(client),
            )
    tell_of_others(old, gate, "Find out what it is; if it asks Heat for anything, move it first.")
