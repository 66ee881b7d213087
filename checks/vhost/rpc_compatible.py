from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.isolation import isolation_of


@check("vhost.rpc-compatible", phases=["installed", "vhost"], guide="rolling 4")
def check_releases_speak_the_same_rpc(
    current_release: Release,
    target_release: Release,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """Engines of both releases understand each other on a shared vhost."""
    if gate.mode == "cold":
        gate.not_applicable("in a cold upgrade the two releases never run at the same time")
    isolation = isolation_of(gate.plan, current_configuration, target_configuration)
    if gate.phase == "installed" and isolation.contradiction:
        gate.looked_at(f"{current_configuration.extent}; {target_configuration.extent}")
        gate.block("broker.isolation", isolation.contradiction, hint=isolation.remedy)
        return
    if gate.phase == "vhost":
        isolation.settled()
    if not isolation.shared:
        gate.not_applicable("each release has a vhost of its own; see vhost.isolated")
    gate.looked_at(f"{current_release.extent}; {target_release.extent}")
    for name, current, target in (
        ("worker RPC", current_release.worker_rpc, target_release.worker_rpc),
        ("engine RPC", current_release.engine_rpc, target_release.engine_rpc),
    ):
        if not current or not target:
            gate.cannot_tell(
                f"the {name} version of one release is not known; give current.python and "
                "target.python in the plan"
            )
        elif current != target:
            gate.block(
                name,
                f"is {current} in the current and {target} in the target release; "
                "a message of one is lost in the other",
                hint="Give the target release a vhost of its own and set broker.isolation: vhost.",
            )
