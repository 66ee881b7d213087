from collections.abc import Iterable

from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.database.schema_state import SchemaState
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat import administration, revisions
from heat_upgrade_checks.wording import some


@check("schema.charset", phases=["pre"], guide="prerequisites")
def check_new_tables_can_refer_to_old_ones(
    database: Database, schema_state: SchemaState, target_release: Release, gate: Judgement
) -> None:
    """New tables get the charset and collation of the tables that they refer to."""
    charsets = schema_state.charsets
    if charsets is None:
        gate.not_applicable(
            f"{database.server} takes a table's charset from the database, for old and new alike"
        )
    gate.looked_at(
        f"default of database {database.name} ({charsets.default.collation}) against column id of "
        f"{', '.join(sorted(charsets.ids))}; head of {target_release.extent}"
    )
    if "snapshot" not in charsets.ids:
        gate.cannot_tell(
            f"table snapshot of database {database.name} has no text column id; it is not Heat's, "
            "or it was changed by hand: compare it with heat/db/models.py"
        )
        return
    differ = {
        table: text
        for table, text in sorted(charsets.ids.items())
        if text.collation != charsets.default.collation
    }
    if not differ:
        return
    done = revisions.place(database.revisions)
    head = revisions.head(
        target_release.version, target_release.schema_heads, target_release.migrate_head
    )
    creating = [r for r in revisions.REVISIONS[done + 1 : head + 1] if r.refers_to in differ]
    unknown = head == len(revisions.REVISIONS) and not revisions.is_at_head(
        database.revisions, target_release.schema_heads
    )
    reason = (
        f"revision {creating[0].id} refers to {creating[0].refers_to}.id and will fail"
        if creating
        else "a revision of the target that is not known here may refer to it"
        if unknown
        else "no pending revision refers to it"
    )
    goal = differ.get("snapshot") or next(iter(differ.values()))
    sql = (
        f"ALTER DATABASE {administration.mysql_name(database.name)} "
        f"CHARACTER SET {goal.charset} COLLATE {goal.collation}"
    )
    (gate.block if creating or unknown else gate.warn)(
        f"database {database.name}",
        f"gives new tables {charsets.default.collation}, but {_columns(differ)} "
        f"{'has' if len(differ) == 1 else 'have'} {goal.collation}; {reason}",
        hint=f"Before db_sync, let new tables be like the old ones: {sql}",
        commands=[administration.run(database.server, database.name, sql)],
        data={
            "default": charsets.default.collation,
            "tables": {table: text.collation for table, text in differ.items()},
        },
    )


def _columns(tables: Iterable[str]) -> str:
    return some((f"{table}.id" for table in tables), 3)
