"""How far the migration of the schema has come."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from heat_upgrade_checks.evidence.code.migration_files import Migrations
from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.database.live_schema import LiveSchema
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.schema.migrations import (
    ADDS_COLUMN,
    CREATES_TABLE,
    Migration,
    UnknownRevision,
    pending,
)


class At(StrEnum):
    """Where the schema is. BOTH: the two releases have the same head, so db_sync changes nothing.

    HALF_WAY is beyond the current release's head and not at the target's.
    """

    CURRENT = "current"
    TARGET = "target"
    BOTH = "both"
    HALF_WAY = "half-way"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Schema:
    """The state of the schema.

    `why` tells of HALF_WAY and UNKNOWN what was seen. `unrecorded` is a table or column that a
    migration added before it was cut off: db_sync would stumble over it.
    """

    at: At
    revisions: tuple[str, ...]
    why: str = ""
    unrecorded: str = ""


def schema_of(
    database: Database | None,
    current: tuple[str, Release | None],
    target: tuple[str, Release | None],
    migrations: Migrations | None,
    live: LiveSchema | None,
    unobserved: Mapping[str, str],
) -> Schema:
    """Compare the database with both releases, each given with its name in words.

    `unobserved` has the reason for each source that gave no facts.
    """
    if database is None:
        return Schema(At.UNKNOWN, (), unobserved.get("database", "the database was not read"))
    found = database.revisions or _numbers(database.migrate_version)
    words = f"database {database.name} is at {', '.join(found)}"

    def unknown(why: str) -> Schema:
        return Schema(At.UNKNOWN, found, why)

    if not found:
        return unknown(
            f"database {database.name} has Heat's tables, but its account sees no row in "
            "alembic_version or migrate_version; let it read both, or restore them if they are "
            "empty"
        )
    at_current, at_target = _is_at(database, current[1]), _is_at(database, target[1])
    if at_target:
        return Schema(At.BOTH if at_current else At.TARGET, found)
    if at_current is None:
        return unknown(
            unobserved.get("current_release")
            or f"the head of {current[0]} is known only to its own code; add current.python to "
            "the plan"
        )
    if at_target is None:
        if at_current:
            return Schema(At.CURRENT, found)
        return unknown(
            f"{words}, which is not the head of {current[0]}; more is known only to the code of "
            f"{target[0]}: install it, or correct target.python in the plan"
        )
    if migrations is None or live is None:
        return unknown(
            unobserved.get("target_migrations")
            or unobserved.get("live_schema")
            or "what the target's db_sync would do was not read"
        )
    try:
        to_run = pending(migrations.migrations, database.revisions, database.migrate_version)
    except UnknownRevision:
        return unknown(
            f"{words}, which the migrations of {target[0]} do not know; correct target.python in "
            "the plan, or find out which release migrated it"
        )
    left = tuple(migration.revision for migration in to_run)
    if thing := next(_there_already(to_run, live), ""):
        return Schema(
            At.HALF_WAY, found, f"{words}, and {thing} is there although unrecorded", thing
        )
    if at_current:
        return Schema(At.CURRENT, found)
    release = current[1]
    if not database.revisions or (release and {*release.schema_heads} & {*left}):
        return unknown(
            f"{words}, which is before the head of {current[0]}; run its own db_sync first, or "
            "correct current.python in the plan"
        )
    return Schema(At.HALF_WAY, found, f"{words}, and {', '.join(left)} did not run")


def _numbers(number: int | None) -> tuple[str, ...]:
    return () if number is None else (str(number),)


def _is_at(database: Database, release: Release | None) -> bool | None:
    """Whether the database is at this release's head; None where that head is not known."""
    if release is None:
        return None
    if release.schema_heads:
        return {*database.revisions} == {*release.schema_heads}
    if release.migrate_head is None:
        return None
    # Alembic's table means that a newer release has taken over (heat/db/migration.py, 21.0).
    return (database.revisions or _numbers(database.migrate_version)) == _numbers(
        release.migrate_head
    )


def _there_already(to_run: tuple[Migration, ...], live: LiveSchema) -> Iterator[str]:
    """What the migrations that did not run would add, and is in the database."""
    columns = {table.name: {column.name for column in table.columns} for table in live.tables}
    for migration in to_run:
        for operation in migration.operations:
            there = columns.get(operation.table)
            if there is None:
                continue
            if operation.does == CREATES_TABLE:
                yield f"table {operation.table}"
            elif operation.does.startswith(ADDS_COLUMN):
                yield from (
                    f"column {operation.table}.{column}"
                    for column in operation.columns
                    if column in there
                )
