"""Which of the target's migrations db_sync would run, for the checks that judge them."""

from heat_upgrade_checks.evidence.code.migration_files import Migrations
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.schema.migrations import Migration, UnknownRevision, pending


def pending_on(
    migrations: Migrations, database: Database, gate: Judgement
) -> tuple[Migration, ...] | None:
    """The migrations that wait for this database, each after those that it builds on.

    None where that cannot be told, which the check has then said.
    """
    gate.looked_at(migrations.extent)
    if not migrations.interpreter:
        if gate.phase == "pre":
            gate.not_applicable(
                "the plan does not name target.python yet, so its migrations cannot be read; "
                "phase installed asks again"
            )
        gate.cannot_tell("the migrations cannot be read; add target.python to the plan")
        return None
    try:
        return pending(migrations.migrations, database.revisions, database.migrate_version)
    except UnknownRevision as unknown:
        gate.cannot_tell(
            f"the target's migrations do not know where {database.name} is ({unknown}); correct "
            "target.python in the plan, or find out which release migrated the database"
        )
        return None
