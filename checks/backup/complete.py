from heat_upgrade_checks.evidence.backup.newest import Backups
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check

from . import ANOTHER

_HEAT_TABLES = {
    "event",
    "raw_template",
    "raw_template_files",
    "resource",
    "resource_data",
    "resource_properties_data",
    "service",
    "snapshot",
    "software_config",
    "software_deployment",
    "stack",
    "stack_lock",
    "stack_tag",
    "sync_point",
    "user_creds",
}


# Required where the live database has them: from 2023.2 (21) and from 2026.1 (26) on.
_LATER_TABLES = {"alembic_version", "resource_snapshot"}


@check("backup.complete", phases=["pre", "stopped"], guide="prerequisites")
def check_backup_is_complete(backups: Backups, database: Database, gate: Judgement) -> None:
    """The newest backup decodes to its end and holds all of Heat's tables."""
    backup = backups.of_this_database()
    gate.looked_at(f"{backups.extent}; compared with {database.extent}")
    if backup.damage:
        gate.block(backup.path, backup.damage, hint=ANOTHER)
        return
    needed = _HEAT_TABLES | (_LATER_TABLES & {*database.tables})
    missing = sorted(needed - {*backup.tables})
    if missing:
        gate.block(
            backup.path,
            f"lacks {len(missing)} of Heat's tables: {', '.join(missing)}",
            hint="Back up the whole database, or correct backup.path in the plan.",
        )
