from heat_upgrade_checks.evidence.broker.connections import Connections
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.clients import Role, in_doubt, role
from heat_upgrade_checks.reading.placement import Placement

from .. import tell_of_others


@check("services.stopped", phases=["stopped"], guide="cold 1")
def check_nothing_of_heat_runs(
    database: Database, placement: Placement, connections: Connections, gate: Judgement
) -> None:
    """No engine and no API of Heat runs any more."""
    gate.looked_at(f"{database.extent}; {connections.extent}")
    for engine in placement.engines:
        reads = f" and reads its queue on vhost {', '.join(engine.vhosts)}" if engine.vhosts else ""
        gate.block(
            f"engine {engine}",
            f"has reported within two intervals{reads}",
            hint="Stop it. One that was killed counts as alive for two intervals: wait as long."
            if not engine.vhosts
            else "Stop it.",
            data={"engine_id": engine.engine_id, "host": engine.host},
        )
    for listener in placement.strangers:
        gate.block(
            f"engine {listener.engine_id}",
            f"reads its queue on vhost {listener.vhost}, though no service row of it is alive",
            hint="Find its process, a worker that outlived its master perhaps, and end it.",
            data={"engine_id": listener.engine_id},
        )
    for side in connections.sides:
        for client in side.clients:
            if role(client, side) in {Role.ENGINE, Role.API}:
                gate.block(
                    str(client),
                    f"has {client.connections} connections to vhost {side.vhost}",
                    hint=f"Stop it.{in_doubt(client)}",
                    data={"pid": client.pid, "peer_host": client.peer_host, "user": client.user},
                )
        tell_of_others(side, gate, "Find out what it is.")
