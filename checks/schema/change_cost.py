"""How long will a migration of the schema keep the database busy, and what waits meanwhile?"""

from collections.abc import Iterable
from dataclasses import asdict

from heat_upgrade_checks.evidence.code.migration_files import Migrations
from heat_upgrade_checks.evidence.database.live_schema import LiveSchema
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.database.table_sizes import TableSizes
from heat_upgrade_checks.evidence.gates.last_rehearsal import LastRehearsal
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat.administration import PURGE_DAYS
from heat_upgrade_checks.reading.pending_migrations import pending_on
from heat_upgrade_checks.schema.change_cost.figures import (
    MeasuredRevision,
    exceeds,
    expected_seconds,
    refusal,
)
from heat_upgrade_checks.schema.change_cost.pending import Cost, costs
from heat_upgrade_checks.schema.change_cost.rules import Work
from heat_upgrade_checks.schema.change_cost.server import Galera, Server, StoredTable
from heat_upgrade_checks.schema.migrations import Migration
from heat_upgrade_checks.wording import duration

# Bytes, indexes included (H12): to write that anew takes minutes on any disk.
_LARGE = 5 * 2**30


_MEANS: dict[Work, str] = {
    "catalog": "only the catalog changes",
    "scan": "every row is read and checked",
    "index": "every row is read into an index",
    "rows": "every row may change",
    "rebuild": "the table is written anew",
    "copy": "the table is copied",
    "unknown": "what that costs is not known here",
}


_REHEARSE = ["heat-upgrade-check", "rehearse"]


@check("schema.change-cost", phases=["pre", "installed"], guide="prerequisites")
def check_pending_changes_fit_the_window(
    target_migrations: Migrations,
    database: Database,
    live_schema: LiveSchema,
    table_sizes: TableSizes,
    rehearsal: LastRehearsal,
    gate: Judgement,
) -> None:
    """The pending migrations do no long work on large tables, and fit the window."""
    gate.looked_at(target_migrations.extent)
    coming = pending_on(target_migrations, database, gate.phase)
    names = ", ".join(migration.revision for migration in coming) or "none"
    gate.looked_at(f"{table_sizes.extent}; pending: {names}")
    tables = {table.name: table for table in table_sizes.tables}
    found = costs(coming, live_schema.tables, table_sizes.server, tables)
    for cost in found:
        _judge(cost, tables.get(cost.table), table_sizes.server, gate)
    if table_sizes.server.galera:
        _judge_method(coming, table_sizes.server.galera, gate)
    rows = {table.name: table.rows for table in table_sizes.tables}
    _judge_window(expected_seconds(found, _measured(rehearsal), rows), rehearsal, gate)


def _judge(cost: Cost, table: StoredTable | None, server: Server, gate: Judgement) -> None:
    data = asdict(cost) | {
        "waits": _waits(cost, server),
        "bytes": table and table.bytes,
        "rows": table and table.rows,
    }
    does = f"{cost.revision} {cost.does}"
    if cost.work == "unknown":
        gate.warn(
            cost.table or cost.file,
            f"{does} (line {cost.line}): {_MEANS[cost.work]}",
            hint="Read it, and measure it in a rehearsal.",
            commands=[_REHEARSE],
            data=data,
        )
        return
    refused = refusal(cost, table, server.galera) if server.galera else ""
    if refused:
        gate.block(
            cost.table,
            f"{does}: Galera refuses it, {refused}; db_sync would end halfway",
            hint="Purge first. If that is not enough, raise the limit for db_sync, or let "
            "wsrep_trx_fragment_size divide what has too many bytes.",
            commands=[_purge(gate)],
            data=data,
        )
        return
    large = exceeds(cost, table, _LARGE)
    means = f"{_MEANS[cost.work]} {cost.provided}".rstrip()
    says = f"{does}: {means}, {data['waits']} ({_size(table, server)})"
    if large is None:
        gate.cannot_tell(
            f"{cost.table}: {says}; grant the account SELECT on it, or ANALYZE it as administrator"
        )
    elif large:
        gate.warn(
            cost.table,
            says,
            hint="Purge deleted stacks first, then measure the migration in a rehearsal.",
            commands=[_purge(gate), _REHEARSE],
            data=data,
        )
    else:
        gate.note(cost.table, says, data=data)


def _purge(gate: Judgement) -> list[str]:
    return gate.heat_manage("purge_deleted", str(PURGE_DAYS))


def _waits(cost: Cost, server: Server) -> str:
    if server.flavour == "PostgreSQL" and cost.waits != "nothing":
        # alembic's one transaction keeps every lock.
        return f"{cost.waits} wait until db_sync ends"
    works = cost.work not in {"catalog", "rows"}
    if works and server.galera and server.galera.method == "TOI":
        return "every write to the Galera cluster waits"
    return f"{cost.waits} wait" if cost.waits != "nothing" else "nothing waits"


def _size(table: StoredTable | None, server: Server) -> str:
    if table is None or table.bytes is None:
        return "size unknown"
    at_most = "at most " if server.flavour == "SQLite" else ""
    rows = "rows unknown" if table.rows is None else f"about {table.rows} rows"
    return f"{rows}, {at_most}{_bytes(table.bytes)}"


def _bytes(number: int) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number / 2**10:.0f} KiB"


def _judge_method(coming: Iterable[Migration], galera: Galera, gate: Judgement) -> None:
    """With RSU a statement stays on its node, and rows that follow it fail on the others."""
    operations = [operation for migration in coming for operation in migration.operations]
    on_rows = {"insert_rows", "read_rows", "update_rows"}
    if galera.method == "RSU" and any(
        not each.parts or {*each.parts} - on_rows for each in operations
    ):
        gate.block(
            "wsrep_OSU_method",
            "is RSU: db_sync would alter the tables of one Galera node only",
            hint="SET GLOBAL wsrep_OSU_method = 'TOI' on the node that db_sync reaches.",
        )


def _measured(rehearsal: LastRehearsal) -> dict[str, MeasuredRevision]:
    record = rehearsal.record
    if record is None or record.restored is None or record.migrated is None:
        return {}
    rows = record.restored.rows
    return {
        each.revision: MeasuredRevision(each.seconds, rows) for each in record.migrated.revisions
    }


def _judge_window(seconds: float | None, rehearsal: LastRehearsal, gate: Judgement) -> None:
    if gate.plan.window is None:
        return
    window = gate.plan.window.total_seconds()
    if seconds is None:
        gate.warn(
            "window",
            f"is {duration(window)}; how long the migration takes is not measured",
            hint="Rehearse it on a backup.",
            commands=[_REHEARSE],
        )
    elif seconds > window:
        gate.block(
            "window",
            f"is {duration(window)}; the migration will take {duration(seconds)}, as long as in "
            f"{rehearsal.extent}, grown with the rows since",
            hint="Purge deleted stacks first, or plan a longer window.",
            commands=[_purge(gate)],
            data={"seconds": seconds},
        )
