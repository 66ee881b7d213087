from heat_upgrade_checks.evidence.broker.asked_apis import AskedApis
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.clients import Role, connected, in_doubt, role, where_it_runs
from heat_upgrade_checks.reading.isolation import isolation_of

from .. import tell_of_others

_ASK = "openstack stack list"


@check("queues.no-api-left", phases=["last-engine"], guide="rolling 6-7")
def check_no_api_publishes_to_the_old_vhost(
    asked_apis: AskedApis,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """No API is connected to the old vhost any more."""
    isolation = isolation_of(gate.plan, current_configuration, target_configuration).settled()
    if isolation.shared:
        gate.not_applicable("both releases share a vhost, so their APIs belong on it")
    gate.looked_at(asked_apis.extent)
    old = asked_apis.connections.old
    left = [client for client in old.clients if role(client, old) is Role.API]
    for client in left:
        gate.block(
            str(client),
            f"{connected(client, old)}; once the last old engine stops, nobody answers its "
            "requests",
            hint=f"Move it to the new vhost: set transport_url and restart it.{in_doubt(client)}",
            data=where_it_runs(client),
        )
    tell_of_others(old, gate, "Find out what it is; if it asks Heat for anything, move it first.")
    _judge_unseen(asked_apis, bool(left), gate)


def _judge_unseen(asked_apis: AskedApis, left: bool, gate: Judgement) -> None:
    """An API that was asked nothing has no connection, so that nothing tells its vhost."""
    for url in asked_apis.unanswered:
        why = asked_apis.unasked or "it gave no good answer"
        gate.cannot_tell(
            f"on which vhost the API at {url} asks was not seen: {why}; start it and move it to "
            "the new vhost, or take it out of api.backends in the plan if it is gone for good"
        )
    if not any(
        role(client, side) is Role.API
        for side in asked_apis.connections.sides
        for client in side.clients
    ):
        gate.cannot_tell(
            "no API of Heat is seen on either vhost, and one that was asked nothing since its "
            f"start is not seen anywhere; ask each of them once ({_ASK}), then run this phase "
            "again, or name them as api.backends in the plan and a cloud as api.cloud"
        )
    elif not asked_apis.backends and not left:
        gate.warn(
            "APIs of Heat",
            "that all of them were moved is concluded from those that the broker shows: one that "
            "was asked nothing since its start is not seen on the old vhost",
            hint="Name each as api.backends in the plan, so that this phase asks it and looks "
            f"where; or ask each of them once ({_ASK}), then run this phase again.",
        )
