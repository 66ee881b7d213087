"""Is there a backup of this database that would bring it back?"""

from datetime import timedelta

from heat_upgrade_checks.evidence.backup.live_rows import LiveRows
from heat_upgrade_checks.evidence.backup.newest import Backup, Backups
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check

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
_NOW = "Make one now, and run this phase again."
# A dump's own end marker has no time zone; only a larger gap shows that an old file was copied.
_ANY_TIME_ZONE = timedelta(hours=26)
_CLOCKS_DIFFER = timedelta(minutes=5)
# Their rows come and go with stacks; those of the other counted tables with every event, too.
_SLOW_TABLES = {
    "raw_template",
    "resource",
    "snapshot",
    "software_config",
    "software_deployment",
    "stack",
    "user_creds",
}
# A few stacks that were made or purged since the backup, with their resources.
_A_FEW_ROWS = 50
# A table with more rows than this was not empty a day before.
_NOT_EMPTY = 5


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


@check("backup.complete", phases=["pre", "stopped"], guide="prerequisites")
def check_backup_is_complete(backups: Backups, database: Database, gate: Judgement) -> None:
    """The newest backup decodes to its end and holds all of Heat's tables."""
    backup = _of_this_database(backups, database, gate)
    if backup.damage:
        gate.block(backup.path, backup.damage, hint=_NOW)
        return
    needed = _HEAT_TABLES | (_LATER_TABLES & {*database.tables})
    missing = sorted(needed - {*backup.tables})
    if missing:
        gate.block(
            backup.path,
            f"lacks {len(missing)} of Heat's tables: {', '.join(missing)}",
            hint="Back up the whole database, or correct backup.path in the plan.",
        )


@check("backup.matches-database", phases=["pre", "stopped"], guide="prerequisites")
def check_backup_matches_database(backups: Backups, database: Database, gate: Judgement) -> None:
    """The newest backup agrees with the live database in its revision, rows and stacks."""
    backup = _of_this_database(backups, database, gate)
    if backup.damage:
        gate.not_applicable("the backup is not whole; see backup.complete")
    live = backups.live
    if live is None or live.error:
        gate.cannot_tell(live.error if live else "the live database was not asked; run again")
        return
    _compare_revisions(backup, _revision(database), gate)
    if backup.rows is None:
        gate.note(
            backup.path,
            f"is a {backup.format}: its rows and stacks cannot be counted without restoring it",
            hint="Let a rehearsal restore it.",
        )
        return
    gate.looked_at(
        f"{gate.extent}; {sum(backup.rows.values())} rows of {len(backup.rows)} tables, "
        f"{sum(live.rows.values())} in the live database, {len(live.stacks)} of "
        f"{len(backup.stacks)} sampled stacks found there"
    )
    for table, held in sorted(backup.rows.items()):
        # A table that the live database lacks is of another revision, which was told above.
        if table in live.rows:
            _compare_rows(backup, table, held, live.rows[table], gate)
    _compare_stacks(backup, live, gate)


def _compare_revisions(backup: Backup, live: str, gate: Judgement) -> None:
    if not live:
        gate.cannot_tell(
            "the live database names no schema revision to compare with; see schema.at-head"
        )
    elif not backup.revision:
        if backup.rows is None:
            gate.note(backup.path, f"is a {backup.format}: its schema revision cannot be read")
        else:
            gate.block(
                backup.path,
                "holds no schema revision: alembic_version has no row in it",
                hint="Back up the data, too: no --no-data, --where or --schema-only.",
            )
    elif backup.revision != live:
        gate.block(
            backup.path,
            f"holds schema revision {backup.revision}, the database is at {live}",
            hint=_NOW,
        )


def _compare_rows(backup: Backup, table: str, held: int, live: int, gate: Judgement) -> None:
    data = {"table": table, "backup": held, "database": live}
    if held == 0 and live > _NOT_EMPTY:
        gate.block(
            backup.path,
            f"holds no row of {table}, the database has {live}",
            hint="Back up all rows of all tables, or correct backup.path in the plan.",
            data=data,
        )
        return
    tolerance = gate.plan.backup.tolerance if gate.plan.backup else 0.0
    allowed = max(_A_FEW_ROWS, tolerance * live)
    if table not in _SLOW_TABLES or abs(held - live) <= allowed:
        return
    summary = f"holds {held} rows of {table}, the database has {live}"
    if held > live and not backup.rows_are_exact:
        gate.note(
            backup.path,
            f"holds at most {held} rows of {table}, the database has {live}",
            hint="Rows that stand in one line cannot be counted exactly; dump with mariadb-dump.",
            data=data,
        )
    elif held > live:
        gate.warn(
            backup.path,
            summary,
            hint="If they were purged since, back up again; else find out where the rows went.",
            data=data,
        )
    else:
        gate.block(backup.path, summary, hint=_NOW, data=data)


def _compare_stacks(backup: Backup, live: LiveRows, gate: Judgement) -> None:
    if backup.stacks and not live.stacks:
        count = len(backup.stacks)
        known = "its only sampled stack is" if count == 1 else f"none of {count} sampled stacks is"
        gate.block(
            backup.path,
            f"{known} in the live database: it is of another deployment, or all were purged",
            hint="Correct backup.path in the plan; if stacks were purged, back up again.",
            data={"stacks": list(backup.stacks)},
        )
    elif not backup.stacks and live.rows["stack"]:
        gate.note(backup.path, "shows no id of a stack, so whose backup it is was not compared")


def _revision(database: Database) -> str:
    if database.revisions:
        return database.revisions[0]
    return "" if database.migrate_version is None else str(database.migrate_version)


def _hours(duration: timedelta) -> str:
    minutes = int(duration.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min"
