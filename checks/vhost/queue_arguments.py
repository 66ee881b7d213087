from heat_upgrade_checks.evidence.broker.new_vhost import NewVhost
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat.declarations import (
    BrokerObject,
    clashes,
    contradictions,
    declared,
    without_durability,
)
from heat_upgrade_checks.heat.queues import REPLY

from . import isolation_in_its_phase


@check(
    "vhost.queue-arguments", phases=["installed", "synced", "vhost"], guide="cold 2-5, rolling 4"
)
def check_nothing_left_over_clashes(
    new_vhost: NewVhost,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """Nothing in the target's vhost stops the target release from declaring its queues."""
    shared = isolation_in_its_phase(current_configuration, target_configuration, gate).shared
    new_vhost.must_exist()
    gate.looked_at(new_vhost.extent)
    options = new_vhost.options
    for contradiction in contradictions(options):
        gate.block(
            "[oslo_messaging_rabbit]",
            f"{contradiction}; no engine of the target release starts",
            hint="Correct the target's configuration.",
        )
    if new_vhost.objects is None or new_vhost.settings is None:
        gate.cannot_tell(new_vhost.objects_unknown or new_vhost.settings_unknown)
        return
    fallback = without_durability(options, new_vhost.objects)
    if fallback:
        gate.warn(
            f"exchange {options.control_exchange}",
            "is not durable and the target release declares it durable; it falls back to queues "
            "that a restart of the broker deletes with their messages",
            hint="Set amqp_durable_queues as in the current release, or give the target a vhost "
            "of its own."
            if shared
            else "Delete the exchange before the first engine of the target release starts.",
        )
    for found in new_vhost.objects:
        if shared and _of_another_service(found):
            continue
        wanted = declared(
            found.kind, found.name, fallback or options, new_vhost.settings.default_queue_type
        )
        if wanted is not None and clashes(found, wanted):
            _clash(found, wanted, new_vhost, shared and gate.mode == "rolling", gate)


def _of_another_service(found: BrokerObject) -> bool:
    """Whether this is where another program than Heat's waits for answers: all may share a vhost.

    The queue manager names it `reply_<host>:<program>:<n>`.
    """
    _, _, program = found.name.partition(":")
    return found.name.startswith(REPLY) and not program.startswith("heat-")


def _clash(
    found: BrokerObject, wanted: BrokerObject, new_vhost: NewVhost, in_use: bool, gate: Judgement
) -> None:
    hint = (
        "The current release works with it. Set the options in [oslo_messaging_rabbit] of the "
        "target that the current release has, or give the target a vhost of its own."
        if in_use
        else f"Delete the {found.kind} from vhost {new_vhost.name} if nothing uses it, or name "
        "another vhost in transport_url."
    )
    delete: list[list[str]] = []
    if found.kind == "queue" and not in_use:
        command = ["rabbitmqctl", "delete_queue", "-p", new_vhost.name, found.name]
        delete = [[*command, "--if-empty", "--if-unused"]]
    gate.block(
        f"{found.kind} {found.name}",
        f"is {found}; the target release declares it {wanted}, which RabbitMQ refuses with "
        "PRECONDITION_FAILED",
        hint=hint,
        commands=delete,
        data={"vhost": new_vhost.name, "is": str(found), "declared": str(wanted)},
    )
