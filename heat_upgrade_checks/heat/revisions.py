"""The revisions of Heat's schema, and how far each leads (heat/db/migrations/versions)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from heat_upgrade_checks.heat import releases

# sqlalchemy-migrate's last number, from Rocky (11) to 2023.1 (20): 086_drop_watch_rule_watch_data.
LAST_NUMBER = 86


@dataclass(frozen=True)
class Revision:
    """One of alembic's revisions: the table or `table.column` that it adds.

    `refers_to` is the table to whose `id` it makes a foreign key. Up to Heat's major release
    `last_in` a release ends with it; None for one that only leads to the next.
    """

    id: str
    adds: str = ""
    refers_to: str = ""
    last_in: int | None = None


# Those of 21 to 27, oldest first.
REVISIONS = (
    Revision("c6214ca60943", last_in=25),
    Revision("d2db381e3324", adds="sync_point.extra_data"),
    Revision("88be64598c0f", adds="resource_snapshot", refers_to="snapshot"),
    Revision("97b2a986f922", adds="snapshot.action", last_in=27),
)
PLACES = {revision.id: place for place, revision in enumerate(REVISIONS)}


def tables_touched(revisions: Iterable[str]) -> frozenset[str]:
    """The tables that db_sync last made or altered on its way to these revisions.

    Empty where one of them is not known here, or alembic has not taken over yet.
    """
    reached = set(revisions)
    if not reached or not reached <= PLACES.keys():
        return frozenset()
    later = REVISIONS[1 : place(reached) + 1]
    # The first is stamped on tables that are there: all that it makes is alembic's own.
    return frozenset(each.adds.partition(".")[0] for each in later) or frozenset(
        {"alembic_version"}
    )


def place(revisions: Iterable[str]) -> int:
    """How far these revisions lead; one that is not known here comes after all that are.

    A database without any is stamped with the first one (heat/db/migration.py).
    """
    return max((PLACES.get(id, len(REVISIONS)) for id in revisions), default=0)


def head(version: str, schema_heads: Sequence[str], migrate_head: int | None) -> int:
    """How far a release's db_sync leads: by its own code, or, where that is silent, its version."""
    if schema_heads or migrate_head is not None:
        return place(schema_heads)
    major = releases.parse(version).major
    heads = ((place, r.last_in) for place, r in enumerate(REVISIONS) if r.last_in is not None)
    return next((place for place, last_in in heads if major <= last_in), len(REVISIONS))


def is_at_head(revisions: Iterable[str], schema_heads: Iterable[str]) -> bool:
    """Whether db_sync has nothing left to do, as far as the release's own code tells."""
    return {*schema_heads} == {*revisions} != set()
