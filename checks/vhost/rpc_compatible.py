from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check


@check("vhost.rpc-compatible", phases=["installed", "vhost"], guide="rolling 4")
def check_releases_speak_the_same_rpc(
    current_release: Release, target_release: Release, gate: Judgement
) -> None:
    """Engines of both releases understand each other on a shared vhost."""
    if gate.mode == "cold":
        gate.not_applicable("in a cold upgrade the two releases never run at the same time")
    if gate.plan.broker.isolation == "vhost":
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
