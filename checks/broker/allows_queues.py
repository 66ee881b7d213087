from heat_upgrade_checks.evidence.broker.transient_queues import TransientQueues
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check

_ALLOWED = {"permitted_by_default", ""}


@check("broker.allows-queues", phases=["pre"], guide="prerequisites")
def check_current_queues_are_allowed(
    current_transient_queues: TransientQueues, gate: Judgement
) -> None:
    """The broker lets Heat declare the queues that its options make."""
    _judge(current_transient_queues, "current", gate)


@check("broker.allows-queues", phases=["installed", "vhost"], guide="cold 2-4, rolling 4")
def check_target_queues_are_allowed(
    target_transient_queues: TransientQueues, gate: Judgement
) -> None:
    """The broker lets Heat declare the queues that its options make."""
    _judge(target_transient_queues, "target", gate)


def _judge(found: TransientQueues, side: str, gate: Judgement) -> None:
    gate.looked_at(found.extent + (f"; {found.running} runs" if found.running else ""))
    if not found.declared or not found.knows or found.running:
        return
    kinds = ", ".join(found.declared)
    options = (
        f"Set rabbit_quorum_queue and rabbit_transient_quorum_queue in [oslo_messaging_rabbit] of "
        f"the {side} release, on a vhost without its classic queues, or "
        "deprecated_features.permit.transient_nonexcl_queues = true in the brokers' rabbitmq.conf."
    )
    commands = [["rabbitmqctl", "list_deprecated_features"]]
    if found.default in _ALLOWED:
        gate.warn(
            "transient queues",
            f"are what the {side} release declares ({kinds}); that RabbitMQ {found.version} allows "
            "them is concluded from its default, and no such queue runs that shows it",
            hint="See that the brokers' rabbitmq.conf does not deny them "
            "(deprecated_features.permit.transient_nonexcl_queues = false).",
            commands=commands,
        )
        return
    gate.block(
        "transient queues",
        f"are what the {side} release declares ({kinds}), and RabbitMQ {found.version} refuses "
        f"them ({found.default}) unless its configuration permits them, which no such queue shows",
        hint=options,
        commands=commands,
        data={"declared": list(found.declared), "default": found.default},
    )
