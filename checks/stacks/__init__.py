"""What checks of stacks say of work in flight."""

from collections.abc import Callable

from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.reading.work import Work, remedy


def look_at(database: Database, gate: Judgement, besides: str = "") -> None:
    """State what was looked at of the work in flight, and what of it could not be told."""
    gate.looked_at(f"{database.extent}{besides}")
    for sentence in database.incomplete:
        gate.cannot_tell(sentence)


def named(work: Work) -> str:
    """The stack as its owner would find it."""
    stack = work.stack
    nested = f", nested in {work.root.name}" if work.root is not stack else ""
    kind = "backup stack" if stack.backup else "stack"
    return f"{kind} {stack.name} ({stack.id}), project {stack.project}{nested}"


def say_work(
    say: Callable[..., None],
    work: Work,
    hint: str | None = None,
    commands: list[list[str]] | None = None,
) -> None:
    """Say with `say` what is known of this work, and what helps."""
    stack, advice = work.stack, remedy(work)
    say(
        named(work),
        str(work),
        hint=advice[0] if hint is None else hint,
        commands=advice[1] if commands is None else commands,
        data={
            "stack_id": stack.id,
            "root_id": work.root.id,
            "project": stack.project,
            "owner_id": stack.owner_id,
            "state": work.state.name.lower(),
            "age": stack.age,
            "convergence": stack.convergence,
            "holders": list(stack.holders),
            "resources": [resource.name for resource in stack.resources],
        },
    )
