from collections.abc import Callable, Sequence
from datetime import datetime

from heat_upgrade_checks.evidence.stacks.failed_by_upgrade import (
    FailedByUpgrade,
    FailedResource,
    FailedStack,
)
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check


@check("stacks.failed-by-upgrade", phases=["engine", "post"], guide="rolling 5, 8, cold 6")
def check_upgrade_failed_nothing(failed_by_upgrade: FailedByUpgrade, gate: Judgement) -> None:
    """Nothing failed since the upgrade began because its engine was taken for dead."""
    since = failed_by_upgrade.since
    older = 0
    for stack in failed_by_upgrade.stacks:
        failed = stack.failed and _within(stack.failed_at, since)
        resources = [each for each in stack.resources if _within(each.failed_at, since)]
        if failed or any(resource.remains for resource in resources):
            _say_failed(gate.block, stack, failed, resources)
        elif resources:
            _say_failed(gate.warn, stack, failed, resources)
        else:
            older += 1
    gate.looked_at(f"{failed_by_upgrade.extent}, {older} of them only before it")


def _within(failed_at: datetime | None, since: datetime) -> bool:
    """A failure of unknown time counts as one of the upgrade's."""
    return failed_at is None or failed_at >= since


def _say_failed(
    say: Callable[..., None],
    stack: FailedStack,
    failed: bool,
    resources: Sequence[FailedResource],
) -> None:
    said = [f"failed with a lost engine {_at(stack.failed_at)}"] if failed else []
    said += map(_words, resources)
    say(
        f"stack {stack.name} ({stack.id}), project {stack.project}",
        f"is {stack.action} {stack.status}: {'; '.join(said)}",
        hint="An engine on the other vhost took a living one for dead. Look whether what both made "
        "exists twice, such as two servers; then let Heat check and update the stack, which "
        "replaces what failed.",
        commands=[
            ["openstack", "stack", "resource", "list", stack.id],
            ["openstack", "stack", "check", stack.id],
            ["openstack", "stack", "update", "--existing", stack.id],
        ],
        data={
            "stack_id": stack.id,
            "project": stack.project,
            "resources": [
                {
                    "name": resource.name,
                    "physical_id": resource.physical_id,
                    "remains": resource.remains,
                    "twins": [twin.physical_id for twin in resource.twins],
                }
                for resource in resources
            ],
        },
    )


def _words(resource: FailedResource) -> str:
    words = f"resource {resource.name} failed with a lost engine {_at(resource.failed_at)}"
    if not resource.remains:
        return f"{words} and was put right since"
    return f"{words} and was made a second time" if resource.twins else words


def _at(moment: datetime | None) -> str:
    if moment is None:
        return "at a time that no event tells, so it counts as the upgrade's"
    return f"at {moment:%Y-%m-%d %H:%M:%S} UTC"
