from datetime import timedelta

from heat_upgrade_checks.evidence.backup.newest import Backups
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check

from . import ANOTHER

_CLOCKS_DIFFER = timedelta(minutes=5)


@check("backup.fresh", phases=["pre", "stopped"], guide="prerequisites")
def check_backup_is_fresh(backups: Backups, database: Database, gate: Judgement) -> None:
    """The newest backup is younger than the plan allows and than the last schema change."""
    backup = backups.of_this_database()
    untold = "" if database.changed_at else "; when its schema changed last it does not tell"
    gate.looked_at(f"{backups.extent}; compared with {database.extent}{untold}")
    taken_at = backup.taken_at
    age, allowed = gate.now - taken_at, gate.plan.backup.max_age if gate.plan.backup else None
    if backup.modified_at - gate.now > _CLOCKS_DIFFER:
        gate.cannot_tell(
            f"{backup.path} was last modified in the future, at "
            f"{backup.modified_at:%Y-%m-%d %H:%M} UTC; "
            "correct the clock of this machine or of the one that wrote it, then back up again"
        )
    if allowed is not None and age > allowed:
        gate.block(
            backup.path,
            f"was taken at {taken_at:%Y-%m-%d %H:%M} UTC, {_hours(age)} ago; "
            f"the plan allows {_hours(allowed)}",
            hint=ANOTHER,
        )
    if database.changed_at and taken_at < database.changed_at:
        gate.block(
            backup.path,
            f"is older than the last schema change, {database.changed_at:%Y-%m-%d %H:%M:%S} UTC",
            hint=f"{ANOTHER} OPTIMIZE TABLE rebuilds a table, which looks like a change of it.",
        )


def _hours(duration: timedelta) -> str:
    minutes = int(duration.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min"
