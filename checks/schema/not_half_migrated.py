from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.database.schema_state import SchemaState
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat import revisions


@check("schema.not-half-migrated", phases=["pre", "synced"], guide="prerequisites, cold 5")
def check_no_migration_is_half_done(
    database: Database, schema_state: SchemaState, target_release: Release, gate: Judgement
) -> None:
    """Every recorded migration was carried out to its end, and no other one was begun."""
    at = ", ".join(database.revisions) or "no revision of alembic's"
    added = [revision for revision in revisions.REVISIONS if revision.adds]
    gate.looked_at(
        f"what {', '.join(revision.id for revision in added)} add, in database {database.name}, "
        f"which is at {at}; head of {target_release.extent}"
    )
    # One that only the target knows has all of those behind it that are known here.
    strange = {*database.revisions} - revisions.PLACES.keys() - {*target_release.schema_heads}
    head = revisions.head(
        target_release.version, target_release.schema_heads, target_release.migrate_head
    )
    if head == len(revisions.REVISIONS) and not revisions.is_at_head(
        database.revisions, target_release.schema_heads
    ):
        gate.cannot_tell(
            f"what the migrations of Heat {target_release.version} add is not known here; use a "
            "version of this tool that knows that release"
        )
    elif strange:
        gate.not_applicable(
            f"database {database.name} is at {at}, which neither the target nor this tool knows; "
            "see schema.at-head"
        )
    done = revisions.place(database.revisions)
    for revision in () if strange else added:
        present, recorded = schema_state.has(revision.adds), revisions.PLACES[revision.id] <= done
        thing = f"{'column' if '.' in revision.adds else 'table'} {revision.adds}"
        if present and not recorded:
            gate.block(
                thing,
                f"is there already, but revision {revision.id}, which adds it, is not recorded; "
                "db_sync will fail on it",
                hint="A db_sync was cut off after this step, or the column was added by hand. "
                "Restore the backup from before it, or remove what the revision added.",
                data={"revision": revision.id, "at": list(database.revisions)},
            )
        elif recorded and not present:
            gate.block(
                thing,
                f"is missing, though revision {revision.id}, which adds it, is recorded",
                hint="If the account may see all tables, the revision was stamped and not carried "
                "out: restore the backup, then run db_sync.",
                data={"revision": revision.id, "at": list(database.revisions)},
            )
    if done < len(revisions.REVISIONS) and revisions.REVISIONS[done].last_in is None:
        left = [revision.id for revision in revisions.REVISIONS[done + 1 :]]
        gate.block(
            f"database {database.name}",
            f"stopped at {at}, amid a release's migrations; {', '.join(left)} did not run",
            hint="Find the reason in db_sync's log and remove it (schema.charset names the known "
            "one), then run db_sync of the same release again.",
            data={"pending": left},
        )
