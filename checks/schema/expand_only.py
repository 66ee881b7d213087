from collections.abc import Callable

from heat_upgrade_checks.evidence.code.migration_files import Migrations
from heat_upgrade_checks.evidence.database.live_schema import LiveSchema
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.pending_migrations import pending_on
from heat_upgrade_checks.schema.meaning import restraint
from heat_upgrade_checks.schema.migrations import Migration, Operation, in_context


@check("schema.expand-only", phases=["pre", "installed"], guide="rolling 1")
def check_pending_migrations_only_add(
    target_migrations: Migrations, database: Database, live_schema: LiveSchema, gate: Judgement
) -> None:
    """The pending migrations only add to what the current release works with."""
    gate.looked_at(target_migrations.extent)
    coming = pending_on(target_migrations, database, gate.phase)
    names = ", ".join(migration.revision for migration in coming) or "none"
    gate.looked_at(f"{target_migrations.extent}; pending on {database.name}: {names}")
    for migration, operation, new in in_context(coming, live_schema.tables):
        _judge(migration, operation, new, live_schema, gate)


def _judge(
    migration: Migration, operation: Operation, new: bool, live: LiveSchema, gate: Judgement
) -> None:
    rolling = gate.mode == "rolling"
    name = operation.table or migration.file
    does = f"{migration.revision} {operation.does}"
    data = {"file": migration.file, "line": operation.line, "kind": operation.kind}
    refuse = gate.block if rolling else gate.warn
    if operation.kind == "unknown":
        refuse(
            name,
            f"{does} (line {operation.line}): what that does to the schema is not known here",
            hint="Read it; waive this if the current release can work with what it does.",
            data=data,
        )
    elif operation.kind == "contract" and not new:
        hint = (
            "Upgrade cold: the current release cannot run on the schema that this leaves."
            if rolling
            else "Only the backup leads back to the current release afterwards."
        )
        refuse(name, f"{does}: {operation.breaks}", hint=hint, data=data)
    elif rolling and any(table.name in operation.refers for table in live.tables):
        tables = ", ".join(sorted(set(operation.refers)))
        gate.note(
            name,
            f"{does} with a foreign key to {tables}: the current release's deletes of the rows "
            "that it refers to will fail",
            hint=restraint(tables),
            data=data,
        )
    elif operation.kind == "data" and new and operation.columns:
        gate.note(
            name,
            f"{does}, which is new; in rows that the current release writes later it stays NULL",
            data=data,
        )
    elif operation.kind == "data" and not new:
        say: Callable[..., None] = gate.warn if rolling else gate.note
        hint = "Read the migration: can the current release live with what it writes?"
        say(name, f"{does}: {operation.breaks}", hint=hint, data=data)
