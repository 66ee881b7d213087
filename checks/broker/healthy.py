from heat_upgrade_checks.evidence.broker.health import BrokerHealth, Node
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check

_REMEDIES = {"memory": "Free memory on it.", "disk space": "Free disk space on it."}


@check("broker.healthy", phases=["pre", "vhost", "last-engine"], guide="prerequisites, rolling 4")
def check_broker_is_healthy(broker_health: BrokerHealth, gate: Judgement) -> None:
    """The broker has no alarm and no partition, keeps quorum and keeps statistics."""
    gate.looked_at(broker_health.extent)
    if not broker_health.statistics:
        gate.cannot_tell(
            f"RabbitMQ at {broker_health.management} keeps no statistics; "
            "enable them (management_agent.disable_metrics_collector = false, "
            "management.rates_mode = basic)"
        )
    for node in broker_health.nodes:
        _judge(node, gate)
    for alarm in broker_health.alarms:
        gate.block(
            f"node {alarm.node}",
            f"has a {alarm.resource} alarm; the broker takes no message from anybody",
            hint=_REMEDIES.get(alarm.resource, "Look into its log for the reason."),
        )
    if broker_health.quorum_critical:
        gate.warn(
            "quorum queues",
            "one of them would lose its quorum with one more node",
            hint="Bring the missing nodes back before a node or an engine is taken away.",
        )


def _judge(node: Node, gate: Judgement) -> None:
    what = f"node {node.name}"
    if not node.running:
        gate.block(what, "is not running", hint="Start it, or take it out of the cluster.")
    elif node.partitions is None:
        gate.cannot_tell(
            f"{what} does not say whether it sees the others; run this phase again a few seconds "
            "after its start"
        )
    elif node.partitions:
        gate.block(
            what,
            f"sees itself cut off from {', '.join(node.partitions)}",
            hint="Heal the partition as RabbitMQ's guide says before anything else.",
        )
