"""`watch`: a recording of the plan's upgrade, shown while it grows."""

from pathlib import Path

from heat_upgrade_checks import plan as plans
from heat_upgrade_checks.commands.durations import duration
from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.output import complain
from heat_upgrade_checks.report import index_page
from heat_upgrade_checks.watch import recorder
from heat_upgrade_checks.watch.screen import WatchScreen


def run(plan: Path | None, interval: str, reports: Path) -> int:
    """Record until Ctrl-C or SIGTERM, tell the upgrade's page anew, and return the exit code.

    :raises UsageError: the interval or the plan cannot be used, or nothing can be written.
    """
    seconds = duration("--interval", interval).total_seconds()
    if seconds < 1:
        raise UsageError("--interval: sample no more often than every second")
    loaded, _ = plans.load(plans.chosen(plan))
    folder = reports / loaded.name
    with WatchScreen(loaded.name) as screen:
        recorder.run(Site(loaded, folder), seconds, screen.show)
        untold = index_page.refresh(folder)
        screen.end(folder / "index.html")
    if untold:
        complain(untold)
    return 0
