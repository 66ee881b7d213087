from heat_upgrade_checks.evidence.api.backends import Backends, Listens
from heat_upgrade_checks.evidence.broker.connections import Connections
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.clients import Role, in_doubt, role
from heat_upgrade_checks.reading.placement import Placement, not_told

from .. import tell_of_others


@check("services.stopped", phases=["stopped"], guide="cold 1")
def check_nothing_of_heat_runs(
    database: Database,
    placement: Placement,
    connections: Connections,
    api_backends: Backends,
    gate: Judgement,
) -> None:
    """No engine and no API of Heat runs any more."""
    gate.looked_at(f"{database.extent}; {connections.extent}; {api_backends.extent}")
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
    for listener in placement.strangers_of({side.vhost for side in connections.sides}):
        gate.block(
            f"engine {listener.engine_id}",
            f"reads its queue on vhost {listener.vhost}, though no service row of it is alive",
            hint="Find its process, a worker that outlived its master perhaps, and end it.",
            data={"engine_id": listener.engine_id},
        )
    vhosts = {side.vhost for side in connections.sides}
    for listener in placement.uncounted:
        if listener.vhost in vhosts:
            gate.cannot_tell(not_told(listener))
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
    _judge_backends(api_backends, gate)


def _judge_backends(api_backends: Backends, gate: Judgement) -> None:
    """An API that is idle has no connection; its port tells whether it runs."""
    for backend in api_backends.backends:
        if backend.listens is Listens.HEAT:
            gate.block(
                f"API at {backend.url}",
                f"{backend.said} as Heat's API does",
                hint="Stop it: what it is asked meanwhile is answered by nobody, and may reach the "
                "new engines.",
            )
        elif backend.listens is Listens.UNKNOWN:
            gate.cannot_tell(
                f"whether the API at {backend.url} has stopped is not known: it {backend.said}; "
                "stop it, or take it out of api.backends in the plan if its host is gone for good"
            )
        elif backend.listens is Listens.NOT_HEAT:
            gate.warn(
                f"API at {backend.url}",
                f"{backend.said}: that Heat's API has stopped behind the server that answers there "
                "is concluded, for one that hangs looks the same",
                hint="See on its host that heat-api has stopped.",
            )
    if not api_backends.backends:
        gate.warn(
            "APIs of Heat",
            "that they have stopped is concluded from the broker, which shows none: one that was "
            "asked nothing since its start has no connection",
            hint="Name each as api.backends in the plan, so that this phase looks at its port; or "
            "see on each of its hosts that heat-api and heat-api-cfn have stopped.",
        )
