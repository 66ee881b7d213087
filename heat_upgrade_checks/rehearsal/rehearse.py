"""The dress rehearsal: the backup restored, migrated by the target, and worked on by both."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from heat_upgrade_checks import __version__
from heat_upgrade_checks.errors import Unobserved, UsageError
from heat_upgrade_checks.evidence.backup import newest as backups
from heat_upgrade_checks.evidence.backup.newest import Backup
from heat_upgrade_checks.evidence.code import models, release
from heat_upgrade_checks.evidence.database.live_schema import tables
from heat_upgrade_checks.evidence.database.state import schema_revision
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.records.rehearsal import (
    EndedEarly,
    Rehearsal,
    RehearsedBackup,
    Restored,
    SideDifference,
)
from heat_upgrade_checks.rehearsal import live_server
from heat_upgrade_checks.rehearsal.changes import changes
from heat_upgrade_checks.rehearsal.errors import StepFailed
from heat_upgrade_checks.rehearsal.exercise import exercise
from heat_upgrade_checks.rehearsal.migrate import migrate
from heat_upgrade_checks.rehearsal.restore import require_restorable, restore
from heat_upgrade_checks.rehearsal.scratch import Scratch, scratch
from heat_upgrade_checks.rehearsal.screen import Screen
from heat_upgrade_checks.schema.comparison import differences
from heat_upgrade_checks.schema.description import Table
from heat_upgrade_checks.wording import duration


def rehearse(site: Site, screen: Screen) -> Rehearsal:
    """Restore the newest backup, run the target's db_sync on it, let both releases work on it.

    A backup or a migration that fails is a result, told in the record.

    :raises UsageError: the plan does not give what a rehearsal needs.
    :raises Unobserved: something of this machine's or of the live database kept it from an end.
    """
    started_at, begun = datetime.now(UTC), time.monotonic()
    current_python, target_python = _interpreters(site)
    current, target = release.observe_current(site), release.observe_target(site)
    live = live_server.observe(site)
    backup = _whole_backup(site, live.database, screen)
    with scratch(site, live, backup) as place:
        screen.says(
            f"scratch database on {place.server}" + "".join(f"; {d}" for d in place.differs)
        )
        rehearsal = Rehearsal(
            tool=__version__,
            started_at=started_at,
            seconds=0.0,
            database=live.database,
            backup=RehearsedBackup(backup.path, backup.format, backup.bytes, backup.sha256),
            current_version=current.version,
            target_version=target.version,
            server=place.server,
            differs=place.differs,
            unlike=place.unlike,
        )
        try:
            restored, before = _restored(rehearsal, backup, place, screen)
            rehearsal = replace(rehearsal, restored=restored)
            migrated = migrate(target_python, place.heats_url, place.folder)
            screen.migrated(migrated)
            with _connected(place) as connection:
                changed, after = tuple(changes(before, connection)), tuple(tables(connection))
            rehearsal = replace(
                rehearsal,
                migrated=migrated,
                changes=changed,
                differences=_differences(site, after, place),
                exercise=exercise(current_python, target_python, place.heats_url),
            )
        except StepFailed as failed:
            rehearsal = replace(rehearsal, failure=EndedEarly(failed.step, str(failed)))
    return replace(rehearsal, seconds=round(time.monotonic() - begun, 3))


def _interpreters(site: Site) -> tuple[Path | None, Path]:
    """The current release's, None where it never works on the new schema, and the target's."""
    plan = site.plan
    if plan.target.prefix or (plan.mode == "rolling" and plan.current.prefix):
        raise UsageError(
            "the scratch database cannot be reached through a prefix such as a container's; "
            "rehearse with a plan whose interpreters are on this machine"
        )
    if plan.target.python is None:
        raise UsageError(
            "the rehearsal runs the target's own db_sync; add target.python to the plan"
        )
    if plan.mode == "cold":
        return None, plan.target.python
    if plan.current.python is None:
        raise UsageError(
            "in a rolling upgrade the current release works on the new schema as well; "
            "add current.python to the plan"
        )
    return plan.current.python, plan.target.python


def _whole_backup(site: Site, database: str, screen: Screen) -> Backup:
    """The newest backup, where it is one of this database and nothing shows that it is damaged."""
    found = backups.observe(site)
    backup = found.newest
    if backup is None:
        raise UsageError(f"no file matches {found.pattern}; make a backup, then rehearse it")
    require_restorable(backup)
    if backup.databases and database not in backup.databases:
        raise UsageError(
            f"{backup.path} holds {', '.join(backup.databases)}, not {database}; see backup.exists"
        )
    screen.says(found.extent)
    return backup


def _restored(
    rehearsal: Rehearsal, backup: Backup, place: Scratch, screen: Screen
) -> tuple[Restored, sa.MetaData]:
    """What was restored, and its schema."""
    with screen.restoring() as tell:
        restored = restore(backup, rehearsal.database, place, tell)
    if restored.sha256 != backup.sha256:
        raise Unobserved(f"{backup.path} changed while it was restored; rehearse again")
    metadata = sa.MetaData()
    with _connected(place) as connection:
        metadata.reflect(connection)
        count = sa.func.count()
        rows = {
            table.name: connection.execute(sa.select(count).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }
        revisions, number = schema_revision(connection, rows)
    revision = ", ".join(revisions) or ("" if number is None else str(number))
    screen.says(f"restored {sum(rows.values())} rows in {duration(restored.seconds)}")
    return Restored(restored.seconds, rows, revision), metadata


def _connected(place: Scratch) -> sa.Connection:
    return sa.create_engine(place.url, poolclass=sa.NullPool).connect()


def _differences(
    site: Site, after: tuple[Table, ...], place: Scratch
) -> tuple[SideDifference, ...]:
    """Where the migrated database does not serve the releases that will work on it."""
    sides: dict[SideName, models.Models] = {"target": models.observe_target(site)}
    if site.plan.mode == "rolling":
        sides["current"] = models.observe_current(site)
    dialect = place.url.get_dialect().name
    return tuple(
        SideDifference(side, difference)
        for side, release_models in sides.items()
        for difference in differences(release_models.tables, after, dialect)
        # The exercise tells which rows a foreign key keeps from being deleted; one that was lost
        # before is told of the live database.
        if difference.kind not in {"extra-column", "referred", "unreferenced"}
    )
