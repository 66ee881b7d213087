"""Is there a backup of this database that would bring it back?"""

from datetime import timedelta

from heat_upgrade_checks import check
from heat_upgrade_checks.evidence.backup import Backup, Backups
from heat_upgrade_checks.evidence.database import Database
from heat_upgrade_checks.judgement import Judgement

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
_NOW = "Make one now, and run this phase again."
# A dump's own end marker has no time zone; only a larger gap shows that an old file was copied.
_ANY_TIME_ZONE = timedelta(hours=26)
_CLOCKS_DIFFER = timedelta(minutes=5)


def _of_this_database(backups: Backups, database: Database, gate: Judgement) -> Backup:
    """The newest backup; without one of this database its freshness and content mean nothing."""
    newest = backups.newest
    if newest is None or not _is_of(newest, backups.database):
        gate.not_applicable("there is no backup of this database; see backup.exists")
        raise AssertionError("not_applicable() does not return")
    gate.looked_at(f"{backups.extent}; compared with {database.extent}")
    return newest


def _is_of(backup: Backup, database: str) -> bool:
    return not backup.databases or database in backup.databases


@check("backup.exists", phases=["pre", "stopped"], guide="prerequisites")
def check_backup_exists(backups: Backups, gate: Judgement) -> None:
    """A backup of this database exists."""
    gate.looked_at(backups.extent)
    newest = backups.newest
    if newest is None:
        gate.block(backups.pattern, "no file matches", hint=_NOW)
    elif not _is_of(newest, backups.database):
        gate.block(
            newest.path,
            f"holds {', '.join(newest.databases)}, not {backups.database}",
            hint=f"Back up {backups.database}, or correct backup.path in the plan.",
        )


@check("backup.fresh", phases=["pre", "stopped"], guide="prerequisites")
def check_backup_is_fresh(backups: Backups, database: Database, gate: Judgement) -> None:
    """The newest backup is younger than the plan allows and than the last schema change."""
    backup = _of_this_database(backups, database, gate)
    taken_at = backup.modified_at
    if backup.finished_at and backup.modified_at - backup.finished_at > _ANY_TIME_ZONE:
        taken_at = backup.finished_at
    age, allowed = gate.now - taken_at, gate.plan.backup.max_age if gate.plan.backup else None
    if age < -_CLOCKS_DIFFER:
        gate.cannot_tell(
            f"{backup.path} was last modified in the future, at {taken_at:%Y-%m-%d %H:%M} UTC; "
            "correct the clock of this machine or of the one that wrote it, then back up again"
        )
    if allowed is not None and age > allowed:
        gate.block(
            backup.path,
            f"was taken at {taken_at:%Y-%m-%d %H:%M} UTC, {_hours(age)} ago; "
            f"the plan allows {_hours(allowed)}",
            hint=_NOW,
        )
    if database.changed_at and taken_at < database.changed_at:
        gate.block(
            backup.path,
            f"is older than the last schema change, {database.changed_at:%Y-%m-%d %H:%M:%S} UTC",
            hint=_NOW,
        )
    live = _revision(database)
    if backup.revision and live and backup.revision != live:
        gate.block(
            backup.path,
            f"holds schema revision {backup.revision}, the database is at {live}",
            hint=_NOW,
        )


@check("backup.complete", phases=["pre", "stopped"], guide="prerequisites")
def check_backup_is_complete(backups: Backups, database: Database, gate: Judgement) -> None:
    """The newest backup decodes to its end and holds all of Heat's tables."""
    backup = _of_this_database(backups, database, gate)
    if backup.damage:
        gate.block(backup.path, backup.damage, hint=_NOW)
        return
    missing = sorted(_HEAT_TABLES - set(backup.tables))
    if missing:
        gate.block(
            backup.path,
            f"lacks {len(missing)} of Heat's tables: {', '.join(missing)}",
            hint="Back up the whole database, or correct backup.path in the plan.",
        )


def _revision(database: Database) -> str:
    if database.revisions:
        return database.revisions[0]
    return "" if database.migrate_version is None else str(database.migrate_version)


def _hours(duration: timedelta) -> str:
    minutes = int(duration.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min"
