"""`rehearse`: the plan's upgrade of the schema, on a scratch database."""

from pathlib import Path

from heat_upgrade_checks import plan as plans
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.rehearsal import command


def run(plan: Path | None, reports: Path) -> int:
    """Rehearse, leave the record in the upgrade's folder, and return the exit code.

    :raises UsageError: the plan does not give what a rehearsal needs, or its record cannot be
        written.
    """
    loaded, _ = plans.load(plans.chosen(plan))
    return command.run(Site(loaded, reports / loaded.name))
