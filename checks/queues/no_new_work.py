from heat_upgrade_checks.evidence.broker.connections import Connections
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.clients import Role, role
from heat_upgrade_checks.reading.engine_hosts import leaving
from heat_upgrade_checks.reading.isolation import isolation_of
from heat_upgrade_checks.reading.placement import Placement
from heat_upgrade_checks.wording import counted


@check("queues.no-new-work", phases=["engine"], guide="rolling 5-6")
def check_no_api_gives_the_leaving_engine_work(
    database: Database,
    placement: Placement,
    connections: Connections,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """No API gives new work to the engine that is taken away."""
    isolation = isolation_of(gate.plan, current_configuration, target_configuration).settled()
    old = connections.old
    gate.looked_at(connections.extent)
    gone = leaving(gate.host, gate.plan, database, placement, isolation)
    ids = {row.engine_id for row in gone}
    if not any(each.engine_id in ids and old.vhost in each.vhosts for each in placement.engines):
        gate.not_applicable(f"no engine on {gate.host} works on vhost {old.vhost}")
    apis = [client for client in old.clients if role(client, old) is Role.API]
    if apis:
        gate.warn(
            f"vhost {old.vhost}",
            f"is still given work by {counted(len(apis), 'API')}; what users ask for while the "
            "engine stops may be lost for good",
            hint="Keep users away until the engine has stopped."
            if isolation.shared
            else "Move the APIs to the new vhost first, or keep users away until it has stopped.",
            data={"apis": [str(client) for client in apis]},
        )
