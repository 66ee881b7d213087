"""`where`: how far the plan's upgrade has come."""

from pathlib import Path

import click

from heat_upgrade_checks import plan as plans
from heat_upgrade_checks.gates.own_commands import CalledWith
from heat_upgrade_checks.where import command


def run(plan: Path | None, reports: Path, *, as_json: bool) -> int:
    """Print where the upgrade stands and the next safe step, and return the exit code.

    :raises UsageError: the plan cannot be used.
    """
    plan_file = plans.chosen(plan)
    loaded, _ = plans.load(plan_file)
    answer = command.run(loaded, CalledWith(plan_file, reports), as_json=as_json)
    click.echo(answer.text)
    return answer.exit_code
