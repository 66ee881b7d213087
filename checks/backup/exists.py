from heat_upgrade_checks.evidence.backup.newest import Backups
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check

from . import ANOTHER


@check("backup.exists", phases=["pre", "stopped"], guide="prerequisites")
def check_backup_exists(backups: Backups, gate: Judgement) -> None:
    """A backup of this database exists."""
    gate.looked_at(backups.extent)
    newest = backups.newest
    if newest is None:
        gate.block(backups.pattern, "no file matches", hint=ANOTHER)
    elif not newest.is_of(backups.database):
        gate.block(
            newest.path,
            f"holds {', '.join(newest.databases)}, not {backups.database}",
            hint=f"Back up {backups.database}, or correct backup.path in the plan.",
        )
