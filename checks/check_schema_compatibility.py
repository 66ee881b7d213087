"""Can the releases work on the database, before and after it is migrated?"""

from collections.abc import Callable

from heat_upgrade_checks.evidence.code.migration_files import Migrations
from heat_upgrade_checks.evidence.code.models import Models
from heat_upgrade_checks.evidence.database.live_schema import LiveSchema
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.pending_migrations import pending_on
from heat_upgrade_checks.schema.comparison import differences
from heat_upgrade_checks.schema.meaning import Side, meaning, restraint
from heat_upgrade_checks.schema.migrations import Migration, Operation, in_context


@check("schema.serves-current", phases=["synced", "vhost", "engine"], guide="rolling 2-6")
def check_current_release_can_work_on_the_schema(
    current_models: Models, live_schema: LiveSchema, gate: Judgement
) -> None:
    """The current release can work on the database as it is."""
    _compare(
        current_models,
        live_schema,
        gate,
        side="current",
        hint="Stop every service of the current release, or restore the backup.",
    )


@check("schema.serves-target", phases=["synced", "post"], guide="cold 5, rolling 2-3")
def check_target_release_can_work_on_the_schema(
    target_models: Models, live_schema: LiveSchema, gate: Judgement
) -> None:
    """The target release can work on the database as it is."""
    _compare(
        target_models,
        live_schema,
        gate,
        side="target",
        hint="Run the target's db_sync; where it changes nothing, find out who altered the table.",
    )


@check("schema.expand-only", phases=["pre", "installed"], guide="rolling 1")
def check_pending_migrations_only_add(
    target_migrations: Migrations, database: Database, live_schema: LiveSchema, gate: Judgement
) -> None:
    """The pending migrations only add to what the current release works with."""
    coming = pending_on(target_migrations, database, gate)
    if coming is None:
        return
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


def _compare(models: Models, live: LiveSchema, gate: Judgement, *, side: Side, hint: str) -> None:
    gate.looked_at(f"{live.extent}; {models.extent}")
    for each in differences(models.tables, live.tables, live.dialect):
        if each.kind == "extra-column":
            continue
        data = {"kind": each.kind, "models": each.models, "database": each.database}
        referred = each.kind == "referred"
        (gate.warn if referred else gate.block)(
            each.object,
            meaning(each, side),
            hint=restraint(each.models, side) if referred else hint,
            data=data,
        )
