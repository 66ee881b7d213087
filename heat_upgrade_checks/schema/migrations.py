"""The migrations of a release: which are pending on a database, and what they do to its schema."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from heat_upgrade_checks.schema.description import Table

# The revision that stands for all that sqlalchemy-migrate did (heat/db/migration.py, since 21.0:
# a database with a migrate_version and no alembic_version is stamped with it).
_STANDS_FOR_MIGRATE = "c6214ca60943"

Kind = Literal["expand", "contract", "data", "unknown"]

# What a server is told to do, one after the other, for one operation.
Part = Literal[
    "add_check",
    "add_column",
    "add_constant_column",
    "add_exclusion",
    "add_expression_column",
    "add_foreign_key",
    "add_primary_key",
    "add_unique",
    "alter_type",
    "comment",
    "create_index",
    "create_table",
    "drop_check",
    "drop_column",
    "drop_foreign_key",
    "drop_index",
    "drop_not_null",
    "drop_primary_key",
    "drop_table",
    "insert_rows",
    "read_rows",
    "recreate_table",
    "rename_column",
    "rename_table",
    "set_default",
    "set_not_null",
    "update_rows",
]

CREATES_TABLE = "creates the table"
ADDS_COLUMN = "adds column"


@dataclass(frozen=True)
class Operation:
    """One thing that a migration does.

    "expand" adds what an older release need not know, "contract" takes away or narrows what it may
    work with, "data" writes rows, "unknown" is what only a human can tell. `does` is its verb
    phrase, `breaks` what that means for the older release. `table` is empty where only running it
    tells which; `columns` are those that it adds, changes or writes; `refers` are the tables that
    its foreign keys refer to. `parts` is what the server is told to do, empty where only running it
    tells; a column is added with no default, a constant one, or one that is computed for each row.
    `new_type` is what a column becomes, `VARCHAR(n)` or `TEXT`, empty where it is none of these.
    """

    kind: Kind
    table: str
    columns: tuple[str, ...]
    refers: tuple[str, ...]
    does: str
    breaks: str
    line: int
    parts: tuple[Part, ...] = ()
    new_type: str = ""


@dataclass(frozen=True)
class Migration:
    """One file of migrations; sqlalchemy-migrate's files follow each other by their number."""

    revision: str
    previous: tuple[str, ...]
    file: str
    operations: tuple[Operation, ...]


class UnknownRevision(ValueError):
    """A database is at a revision that is not among the migrations."""


def pending(
    migrations: Iterable[Migration], revisions: Iterable[str], migrate_version: int | None
) -> tuple[Migration, ...]:
    """The migrations that db_sync would run, each after those that it builds on.

    :param revisions: alembic's, as they stand in the database.
    :param migrate_version: sqlalchemy-migrate's, which stays behind when alembic takes over.
    :raises UnknownRevision: the migrations do not know where the database is.
    """
    known = {migration.revision: migration for migration in migrations}
    at = set(revisions)
    if not at and migrate_version is not None:
        at = {_STANDS_FOR_MIGRATE if _STANDS_FOR_MIGRATE in known else str(migrate_version)}
    if not at <= known.keys():
        raise UnknownRevision(", ".join(sorted(at - known.keys())))
    done: set[str] = set()
    waiting = list(at)
    while waiting:
        revision = waiting.pop()
        done.add(revision)
        waiting += set(known[revision].previous) & known.keys() - done
    return tuple(known[revision] for revision in _in_order(known.values()) if revision not in done)


def _in_order(migrations: Iterable[Migration]) -> Iterator[str]:
    left = {migration.revision: migration for migration in migrations}
    while left:
        ready = sorted(
            r for r, migration in left.items() if not set(migration.previous) & left.keys()
        )
        if not ready:
            raise UnknownRevision("revisions that follow each other in a circle")
        for revision in ready:
            del left[revision]
            yield revision


def in_context(
    migrations: Iterable[Migration], live: Iterable[Table]
) -> Iterator[tuple[Migration, Operation, bool]]:
    """Every operation of the pending migrations, and whether it touches only what is new.

    New is what those before it add and the database does not have yet: a table, or a column that
    an older release leaves NULL, for it does not know it.
    """
    there = {(table.name, column.name) for table in live for column in table.columns}
    there |= {(table.name, "") for table in live}
    added: set[tuple[str, str]] = set()
    for migration in migrations:
        for operation in migration.operations:
            its = {(operation.table, column) for column in operation.columns}
            # Of a new column a constraint is spared only if it is a foreign key: NULL is as good as
            # any reference, but neither NOT NULL nor always unique.
            harmless = operation.kind == "data" or bool(operation.refers)
            in_new_column = harmless and bool(its) and its <= added
            yield migration, operation, (operation.table, "") in added or in_new_column
            if operation.kind == "expand" and operation.table:
                if operation.does == CREATES_TABLE:
                    added |= {(operation.table, "")} - there
                elif operation.does.startswith(ADDS_COLUMN):
                    added |= its - there
