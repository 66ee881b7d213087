from collections.abc import Callable, Sequence

from heat_upgrade_checks.evidence.stacks.baseline import Baseline
from heat_upgrade_checks.evidence.stacks.preserved import Difference, Preserved
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check

# What each kind of difference means without an operation that accounts for it, and what to do.
_UNACCOUNTED = {
    "stack-missing": (
        "is missing from the database",
        "If a user deleted it and purge_deleted removed its row since, it is well; otherwise "
        "restore it from the backup.",
    ),
    "stack-deleted": (
        "is marked deleted, but not by a delete of Heat's",
        "Find out who marked it; its resources may still exist. Restore it from the backup.",
    ),
    "stack-failed": (
        "has failed, and no operation of a user's accounts for it",
        "Read its reason in the events, then let Heat check or update it.",
    ),
    "stack-in-progress": (
        "is in progress, and no operation of a user's accounts for it",
        "See stacks.stuck; let Heat update it.",
    ),
    "resource-lost": (
        "is lost, and no event of Heat's accounts for it",
        "Look whether the physical resource still exists, then restore the row from the backup.",
    ),
    "resource-replaced": (
        "has another physical id, and no event of Heat's accounts for it",
        "Look whether the former physical resource still exists and which one is in use.",
    ),
    "resource-failed": (
        "has failed, and no event of Heat's accounts for it",
        "Let Heat check the stack.",
    ),
    "output-lost": (
        "is lost, and no operation on the stack accounts for it",
        "Compare the stack's template with the one in the backup.",
    ),
}


# What users did meanwhile, one note per kind.
_ACCOUNTED = {
    "stack-deleted": "stacks were deleted, as Heat does it",
    "stack-in-progress": "stacks are at an operation that began since",
    "resource-lost": "resources were removed by an operation on their stack",
    "resource-replaced": "resources were replaced by an operation on their stack",
    "resource-failed": "resources have failed, with an event of Heat's since",
    "output-lost": "outputs were removed by an operation on their stack",
}


_NAMED = 10


@check("stacks.preserved", phases=["pre"], guide="prerequisites")
def check_baseline_is_stored(baseline: Baseline, gate: Judgement) -> None:
    """Every stack, resource and output known at pre is still there, with status as good."""
    # What there is to judge comes at post; a baseline that could not be stored is an error.
    gate.looked_at(baseline.extent)


@check("stacks.preserved", phases=["post"], guide="rolling 8, cold 6")
def check_nothing_was_lost(preserved: Preserved, gate: Judgement) -> None:
    """Every stack, resource and output known at pre is still there, with status as good."""
    gate.looked_at(preserved.extent)
    for total in preserved.totals:
        listed = [
            difference
            for difference in preserved.differences
            if (difference.kind, difference.by_operation) == (total.kind, total.by_operation)
        ]
        unlisted = total.count - len(listed)
        if not total.by_operation:
            summary, hint = _UNACCOUNTED[total.kind]
            for difference in listed:
                _say_one(gate.block, difference, summary, hint)
            if unlisted:
                gate.block(f"{unlisted} more", f"of which each {summary}", hint=hint)
        elif total.kind == "stack-failed":
            for difference in listed:
                summary = "an operation that began, or went on, after the baseline has failed"
                _say_one(gate.warn, difference, summary, "Its owner may want to know of it.")
            if unlisted:
                gate.warn(f"{unlisted} more stacks", "have failed in an operation of their own")
        else:
            _note(gate, total.count, _ACCOUNTED[total.kind], listed)


def _say_one(say: Callable[..., None], difference: Difference, summary: str, hint: str) -> None:
    stack = f"stack {difference.stack} ({difference.stack_id}), project {difference.project}"
    part = "output" if difference.kind == "output-lost" else "resource"
    change = " -> ".join(filter(None, (difference.before, difference.after)))
    say(
        f"{part} {difference.part} of {stack}" if difference.part else stack,
        f"{summary}: {change}" if change else summary,
        hint=hint,
        commands=[["openstack", "stack", "event", "list", difference.stack_id]],
        data={
            "kind": difference.kind,
            "stack_id": difference.stack_id,
            "project": difference.project,
            "part": difference.part,
            "before": difference.before,
            "after": difference.after,
        },
    )


def _note(gate: Judgement, count: int, words: str, listed: Sequence[Difference]) -> None:
    names = [
        f"{difference.stack}/{difference.part}" if difference.part else difference.stack
        for difference in listed[:_NAMED]
    ]
    more = f" and {count - len(names)} more" if count > len(names) else ""
    gate.note(
        f"{count} {words}",
        f"since the baseline: {', '.join(names)}{more}",
        data={"stack_ids": [difference.stack_id for difference in listed]},
    )
