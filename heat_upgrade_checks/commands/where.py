"""`where`: how far the plan's upgrade has come."""

from pathlib import Path

import click

from heat_upgrade_checks import plan as plans
from heat_upgrade_checks.where import command


def run(plan: Path | None, *, as_json: bool) -> int:
    """Print where the upgrade stands and the next safe step, and return the exit code.

    :raises UsageError: the plan cannot be used.
    """
    loaded, _ = plans.load(plans.chosen(plan))
    answer = command.run(loaded, plan, as_json=as_json)
    click.echo(answer.text)
    return answer.exit_code
