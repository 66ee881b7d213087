from heat_upgrade_checks.evidence.broker.new_vhost import NewVhost
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check

from . import isolation_in_its_phase


@check("vhost.exists", phases=["installed", "synced", "vhost"], guide="cold 2-5, rolling 4")
def check_the_new_vhost_exists(
    new_vhost: NewVhost,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """The vhost of the target release exists."""
    isolation_in_its_phase(current_configuration, target_configuration, gate)
    gate.looked_at(
        f"vhost {new_vhost.name} among {len(new_vhost.vhosts)} at {new_vhost.management}"
    )
    if new_vhost.exists:
        return
    alike = [name for name in new_vhost.vhosts if name.strip("/") == new_vhost.name.strip("/")]
    gate.block(
        f"vhost {new_vhost.name}",
        f"does not exist at {new_vhost.management}"
        + (f", but {', '.join(alike)} does" if alike else ""),
        hint="Correct transport_url of the target: rabbit://host/heat names heat, and "
        "rabbit://host//heat names /heat."
        if alike
        else "Make it; then give Heat's account its permissions, and copy policies and limits.",
        commands=[] if alike else [["rabbitmqctl", "add_vhost", new_vhost.name]],
    )
