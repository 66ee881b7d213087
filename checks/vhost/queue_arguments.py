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
from heat_upgrade_checks.reading.isolation import isolation_of


@check("vhost.queue-arguments", phases=["vhost"], guide="rolling 4")
def check_nothing_left_over_clashes(
    new_vhost: NewVhost,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """Nothing in the new vhost stops the target release from declaring its queues."""
    isolation_of(gate.plan, current_configuration, target_configuration).settled()
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
            hint="Delete the exchange before the first engine of the target release starts.",
        )
    for found in new_vhost.objects:
        wanted = declared(
            found.kind, found.name, fallback or options, new_vhost.settings.default_queue_type
        )
        if wanted is not None and clashes(found, wanted):
            _clash(found, wanted, new_vhost, gate)


def _clash(found: BrokerObject, wanted: BrokerObject, new_vhost: NewVhost, gate: Judgement) -> None:
    delete: list[list[str]] = []
    if found.kind == "queue":
        delete = [["rabbitmqctl", "delete_queue", "-p", new_vhost.name, found.name]]
    gate.block(
        f"{found.kind} {found.name}",
        f"is {found}; the target release declares it {wanted}, which RabbitMQ refuses with "
        "PRECONDITION_FAILED",
        hint=f"Delete the {found.kind} from vhost {new_vhost.name} if nothing uses it, or name "
        "another vhost in transport_url.",
        commands=delete,
        data={"vhost": new_vhost.name, "is": str(found), "declared": str(wanted)},
    )
