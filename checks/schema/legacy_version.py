from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat.revisions import LAST_NUMBER


@check("schema.legacy-version", phases=["pre"], guide="prerequisites")
def check_legacy_migrations_are_complete(
    database: Database, current_release: Release, gate: Judgement
) -> None:
    """The numbered migrations ran to their last where alembic has not taken over."""
    number = database.migrate_version
    gate.looked_at(
        f"alembic_version ({', '.join(database.revisions) or 'empty'}) and migrate_version "
        f"({'empty' if number is None else number}), database {database.name}"
    )
    if database.revisions:
        if number is not None and number != LAST_NUMBER:
            gate.note(
                database.name,
                f"was at migration {number} when alembic took over; later ones never ran",
                hint="Compare its tables with those of a new database of the current release.",
            )
    elif number is None:
        gate.cannot_tell(
            f"database {database.name} has Heat's tables, but its account sees no row in "
            "alembic_version or migrate_version; let it read both, or restore them if they are "
            "empty"
        )
    elif number != LAST_NUMBER:
        gate.block(
            database.name,
            f"is at migration {number}, not {LAST_NUMBER}; db_sync from 2023.2 on would skip the "
            "missing ones for ever",
            hint="Run db_sync of 2023.1 (20.x) or of an older release first.",
            # Any other heat-manage may be the one that skips them.
            commands=[gate.plan.current.heat_manage("db_sync")]
            if current_release.migrate_head is not None
            else [],
            data={"found": number, "expected": LAST_NUMBER},
        )
