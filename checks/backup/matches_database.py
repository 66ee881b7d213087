from heat_upgrade_checks.evidence.backup.live_rows import LiveRows
from heat_upgrade_checks.evidence.backup.newest import Backup, Backups
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.wording import counted

from . import ANOTHER

# A few stacks that were made or purged since the backup, with their resources.
_A_FEW_ROWS = 50


# Rows that are older than the backup and may be missing in it whatever the tolerance says.
_STRAY_ROWS = 5


_ALL_ROWS = "Back up all rows of all tables, or correct backup.path in the plan."


@check("backup.matches-database", phases=["pre", "stopped"], guide="prerequisites")
def check_backup_matches_database(backups: Backups, database: Database, gate: Judgement) -> None:
    """The newest backup agrees with the live database in its revision, rows and stacks."""
    backup = backups.of_this_database()
    gate.looked_at(f"{backups.extent}; compared with {database.extent}")
    if backup.damage:
        gate.not_applicable("the backup is not whole; see backup.complete")
    live = backups.live
    if live is None or live.error:
        gate.cannot_tell(live.error if live else "the live database was not asked; run again")
        return
    if backup.rows is None:
        _not_compared(backup, gate)
        return
    _compare_revisions(backup, _revision(database), gate)
    gate.looked_at(
        f"{gate.extent}; {sum(backup.rows.values())} rows of {counted(len(backup.rows), 'table')}, "
        f"{sum(live.rows.values())} in the live database, {len(live.stacks)} of "
        f"{len(backup.stacks)} sampled stacks found there"
    )
    for table, held in sorted(backup.rows.items()):
        # A table that the live database lacks is of another revision, which was told above.
        if table in live.rows:
            _compare_rows(backup, table, held, live, gate)
    _compare_stacks(backup, live, gate)


def _not_compared(backup: Backup, gate: Judgement) -> None:
    """A copy of a server's files, which holds pages and no statements."""
    gate.warn(
        backup.path,
        f"is a {backup.format}: its schema revision, rows and stacks were not compared, because "
        "only a server that is started on the restored copy shows them",
        hint="Restore it beside the live server and compare there; or dump the database with "
        "mariadb-dump, too, name that in backup.path, and let a rehearsal restore it.",
        commands=[["heat-upgrade-check", "rehearse"]],
    )


def _compare_revisions(backup: Backup, live: str, gate: Judgement) -> None:
    if not live:
        gate.cannot_tell(
            "the live database names no schema revision to compare with; see schema.at-head"
        )
    elif not backup.revision:
        gate.block(
            backup.path,
            "holds no schema revision: alembic_version has no row in it",
            hint="Back up the data, too: no --no-data, --where or --schema-only.",
        )
    elif backup.revision != live:
        gate.block(
            backup.path,
            f"holds schema revision {backup.revision}, the database is at {live}",
            hint=ANOTHER,
        )


def _compare_rows(
    backup: Backup, table: str, held: int, database: LiveRows, gate: Judgement
) -> None:
    live, due = database.rows[table], database.due[table]
    data = {"table": table, "backup": held, "database": live, "due": due}
    tolerance = gate.plan.backup.tolerance if gate.plan.backup else 0.0
    if due and not held:
        gate.block(
            backup.path,
            f"holds no row of {table}, the database has {live}",
            hint=_ALL_ROWS,
            data=data,
        )
        return
    if due - held > max(_STRAY_ROWS, tolerance * due):
        gate.block(
            backup.path,
            f"holds {held} rows of {table}, the database has {due} that are older than the backup",
            hint=_ALL_ROWS,
            data=data,
        )
        return
    if abs(held - live) <= max(_A_FEW_ROWS, tolerance * live):
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
        gate.block(backup.path, summary, hint=ANOTHER, data=data)


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
    elif not backup.stacks and live.due["stack"]:
        gate.warn(
            backup.path,
            "shows no id of a stack, so whose backup it is was not compared",
            hint="Dump with mariadb-dump or pg_dump without options that change how rows stand.",
        )


def _revision(database: Database) -> str:
    if database.revisions:
        return database.revisions[0]
    return "" if database.migrate_version is None else str(database.migrate_version)
