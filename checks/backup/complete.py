from heat_upgrade_checks.evidence.backup.newest import Backups
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat import tables

from . import ANOTHER


@check("backup.complete", phases=["pre", "stopped"], guide="prerequisites")
def check_backup_is_complete(backups: Backups, database: Database, gate: Judgement) -> None:
    """The newest backup decodes to its end and holds all of Heat's tables."""
    backup = backups.of_this_database()
    gate.looked_at(f"{backups.extent}; compared with {database.extent}")
    if backup.damage:
        encrypted = backup.format.startswith("encrypted")
        gate.block(backup.path, backup.damage, hint="" if encrypted else ANOTHER)
        return
    # A later table is required where the live database has it.
    needed = tables.ALWAYS | (tables.LATER & {*database.tables})
    missing = sorted(needed - {*backup.tables})
    if missing:
        gate.block(
            backup.path,
            f"lacks {len(missing)} of Heat's tables: {', '.join(missing)}",
            hint="Back up the whole database, or correct backup.path in the plan.",
        )
