from heat_upgrade_checks.evidence.stacks.leftovers import Leftovers
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check


@check("stacks.convergence", phases=["pre"], guide="prerequisites")
def check_no_legacy_stack_remains(leftovers: Leftovers, gate: Judgement) -> None:
    """Every stack is a convergence stack."""
    gate.looked_at(leftovers.extent)
    if leftovers.legacy:
        first = leftovers.legacy[0]
        gate.warn(
            "legacy stacks",
            f"{leftovers.legacy_count} root stacks are worked on without convergence, such as "
            f"{first.name} ({first.id}); the legacy engine is deprecated since 2025.2",
            hint="Migrate each while it is COMPLETE and its engine runs, before a release comes "
            "that has no legacy engine. In a rolling upgrade such a stack must be at rest.",
            commands=[
                gate.heat_manage("migrate_convergence_1", stack.id)
                for stack in leftovers.legacy[:5]
            ],
            data={"stacks": [stack.id for stack in leftovers.legacy]},
        )
