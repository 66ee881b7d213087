"""`verify`: the journal of the plan's upgrade, checked anew."""

from datetime import UTC, datetime
from pathlib import Path

import click

from heat_upgrade_checks import plan as plans
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates import verify as verifying
from heat_upgrade_checks.gates.question import digests_of


def run(plan: Path | None, reports: Path) -> int:
    """Print what the journal is worth now, and return the exit code.

    :raises UsageError: the plan cannot be used.
    """
    loaded, digest = plans.load(plans.chosen(plan))
    folder = reports / loaded.name
    digests = digests_of(Site(loaded, folder), digest)
    verification = verifying.verify(folder, loaded, digests, datetime.now(UTC))
    for line in verifying.lines(verification):
        click.echo(line)
    return verification.exit_code
