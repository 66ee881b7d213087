from heat_upgrade_checks.evidence.stacks.leftovers import Leftovers
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check


@check("stacks.orphan-sync-points", phases=["pre", "stopped", "post"], guide="prerequisites")
def check_every_sync_point_has_a_traversal(leftovers: Leftovers, gate: Judgement) -> None:
    """Every sync point belongs to a traversal that goes on."""
    gate.looked_at(leftovers.extent)
    if leftovers.sync_points:
        gate.warn(
            "sync points",
            f"{leftovers.sync_points} of {leftovers.sync_point_stacks} stacks belong to traversals "
            "that ended",
            hint="Lost engines left them: look for stacks that failed then. They do no harm by "
            "themselves and go with their stacks.",
        )
