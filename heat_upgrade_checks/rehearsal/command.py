"""`rehearse`: one rehearsal, its record, and its exit code."""

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.records import rehearsal as record
from heat_upgrade_checks.records import reports_folder
from heat_upgrade_checks.records.findings import Verdict
from heat_upgrade_checks.records.rehearsal import Rehearsal
from heat_upgrade_checks.rehearsal.rehearse import rehearse
from heat_upgrade_checks.rehearsal.scratch import NotCleanedUp
from heat_upgrade_checks.rehearsal.screen import Screen


def run(site: Site) -> int:
    """Rehearse, and leave the record in the upgrade's folder.

    :raises UsageError: the plan does not give what a rehearsal needs, or its record cannot be
        written.
    """
    # First: a rehearsal may take hours.
    reports_folder.make(site.upgrade_folder)
    screen = Screen()
    try:
        rehearsal = rehearse(site, screen)
    except (Unobserved, NotCleanedUp) as error:
        screen.says(site.secrets.redact(str(error)))
        return Verdict.INCOMPLETE.exit_code
    screen.ended(rehearsal)
    with reports_folder.writing_to(site.upgrade_folder):
        path = record.write(site.upgrade_folder, rehearsal)
    screen.says(str(path))
    return _verdict(rehearsal).exit_code


def _verdict(rehearsal: Rehearsal) -> Verdict:
    """What the exit code says; phase pre judges the record more closely."""
    if rehearsal.failure is not None:
        return Verdict.NO_GO
    refused = rehearsal.exercise is None or rehearsal.exercise.failures
    return Verdict.GO_WITH_WARNINGS if rehearsal.differences or refused else Verdict.GO
