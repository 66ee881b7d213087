"""Will the target release still know what the stacks are made of?"""

from collections.abc import Iterable

from heat_upgrade_checks.evidence.stacks.resource_types import ResourceTypes, Use
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.wording import counted, some

_NAMED = 3


_FATES = {
    "gone": "is unknown to the target release",
    "placeholder": "is a placeholder in the target release, which does nothing",
}


@check("stacks.resource-types", phases=["pre", "installed"], guide="plan to upgrade")
def check_types_in_use_live_on(resource_types: ResourceTypes, gate: Judgement) -> None:
    """No live stack uses a resource type that the target release drops."""
    gate.looked_at(resource_types.extent)
    if resource_types.missing and gate.phase == "pre":
        gate.not_applicable(
            f"the plan does not name {' and '.join(resource_types.missing)} yet, so the releases' "
            "types cannot be compared; phase installed asks again"
        )
    for sentence in resource_types.incomplete:
        gate.cannot_tell(sentence)
    for lost in resource_types.lost:
        if lost.switched_off:
            gate.note(
                lost.name,
                f"{_FATES[lost.fate]}; {counted(lost.switched_off, 'resource')} of live stacks "
                f"behind a condition that is false would come back with it, in {_stacks(lost.off)}",
                hint="Do not switch the condition on; take the resource out of the template.",
                data={"fate": lost.fate, "off": [vars(use) for use in lost.off]},
            )
        if not lost.used:
            continue
        gate.block(
            lost.name,
            f"{_FATES[lost.fate]}; used by {counted(lost.used, 'resource')} of live stacks, in "
            f"{_stacks(lost.uses)}",
            hint="Update these stacks to templates without it while the current release runs, and "
            "delete the snapshots that hold it.",
            data={
                "fate": lost.fate,
                "used": lost.used,
                "uses": [vars(use) for use in lost.uses],
            },
        )


def _stacks(uses: Iterable[Use]) -> str:
    stacks = dict.fromkeys(f"{use.stack} ({use.stack_id})" for use in uses)
    return some(stacks, _NAMED, ", ...")
