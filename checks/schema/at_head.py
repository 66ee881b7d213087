"""Is the database at the revision that the next step expects?"""

from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.phases import SideName


@check("schema.at-head", phases=["pre"], guide="prerequisites")
def check_schema_is_at_current_head(
    database: Database, current_release: Release, target_release: Release, gate: Judgement
) -> None:
    """The database is at the head of the release that runs on it."""
    if _is_at_target(database, current_release, target_release):
        gate.looked_at(f"{database.extent}; heads of {current_release.extent}")
        gate.block(
            database.name,
            f"is at {_words(database.revisions)} already, the head of the target, Heat "
            f"{target_release.version}: db_sync was run too early",
            hint="Run no db_sync of the current release; run phase synced instead of this one.",
            commands=[["heat-upgrade-check", "--phase", "synced"]],
            data={
                "found": list(database.revisions),
                "expected": list(current_release.schema_heads),
            },
        )
        return
    _compare(
        database,
        current_release,
        gate,
        side="current",
        hint="Run db_sync with the current release's code, or correct current in the plan.",
    )


@check("schema.at-head", phases=["synced", "post"], guide="cold 5, rolling 2-3")
def check_schema_is_at_target_head(
    database: Database, target_release: Release, gate: Judgement
) -> None:
    """The database is at the head of the release that runs on it."""
    _compare(
        database,
        target_release,
        gate,
        side="target",
        hint="Run db_sync with the target release's code before any of its services starts.",
    )


def _is_at_target(database: Database, current: Release, target: Release) -> bool:
    """Whether the target's db_sync has run, as far as both releases tell their heads."""
    heads = target.schema_heads
    known = current.schema_heads or current.migrate_head is not None
    return bool(known and heads) and current.schema_heads != heads == database.revisions


def _compare(
    database: Database, release: Release, gate: Judgement, *, side: SideName, hint: str
) -> None:
    gate.looked_at(f"{database.extent}; head of {release.extent}")
    if release.schema_heads:
        found, expected = database.revisions, release.schema_heads
    elif release.migrate_head is not None:
        # Alembic's table means that a newer release has taken over (heat/db/migration.py, 21.0).
        found = database.revisions or _numbers(database.migrate_version)
        expected = _numbers(release.migrate_head)
    else:
        gate.cannot_tell(
            f"the head of Heat {release.version} is known only to its own code; "
            f"add {side}.python to the plan"
        )
        return
    if len(found) > 1 and len(expected) == 1:
        gate.block(
            database.name,
            f"has {len(found)} rows in alembic_version ({_words(found)}), and Heat has one; "
            "db_sync does not mend that",
            hint="Find out which revision the tables really have (schema.not-half-migrated), and "
            "delete the other rows; where that is not clear, restore the last backup.",
            data={"found": list(found), "expected": list(expected)},
        )
    elif found != expected:
        gate.block(
            database.name,
            f"is at {_words(found)}; Heat {release.version} has its head at {_words(expected)}",
            hint=hint,
            commands=[gate.plan.side(side).heat_manage("db_sync")],
            data={"found": list(found), "expected": list(expected)},
        )


def _numbers(number: int | None) -> tuple[str, ...]:
    return () if number is None else (str(number),)


def _words(revisions: tuple[str, ...]) -> str:
    return ", ".join(revisions) or "no revision"
