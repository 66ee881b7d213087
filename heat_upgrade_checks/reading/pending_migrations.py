"""Which of the target's migrations db_sync would run."""

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.code.migration_files import Migrations
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.schema.migrations import Migration, UnknownRevision, pending


def pending_on(migrations: Migrations, database: Database, phase: str) -> tuple[Migration, ...]:
    """The migrations that wait for this database, each after those that it builds on.

    :raises NotConfigured: in `pre` the target may not be installed yet.
    :raises Unobserved: they cannot be read, or do not know where the database is.
    """
    if not migrations.interpreter and phase == "pre":
        raise NotConfigured(
            "the plan does not name target.python yet, so its migrations cannot be read; "
            "phase installed asks again"
        )
    if not migrations.interpreter:
        raise Unobserved("the migrations cannot be read; add target.python to the plan")
    try:
        return pending(migrations.migrations, database.revisions, database.migrate_version)
    except UnknownRevision as unknown:
        raise Unobserved(
            f"the target's migrations do not know where {database.name} is ({unknown}); correct "
            "target.python in the plan, or find out which release migrated the database"
        ) from None
