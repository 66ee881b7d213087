"""What a migration did to a schema, told by alembic from what it was before."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

# What the database has and the earlier schema had not was added; alembic would remove it.
_DONE = {"remove": "added", "add": "removed"}


def changes(before: sa.MetaData, after: sa.Connection) -> Iterator[str]:
    """Each thing that came, went or changed, as a phrase: "column snapshot.action added".

    :param before: the schema as it was reflected before the migration.
    :param after: a connection to the database that was migrated.
    """
    context = MigrationContext.configure(after, opts={"compare_type": True})
    for difference in compare_metadata(context, before):
        # What is modified comes as a list, one entry for each attribute of a column.
        if isinstance(difference, list):
            yield from (_modified(*each) for each in difference)
        else:
            kind, *parts = difference
            verb, _, what = kind.partition("_")
            yield f"{_named(what, parts)} {_DONE[verb]}"


def _named(what: str, parts: list[Any]) -> str:
    if what == "table":
        return f"table {parts[0].name}"
    if what == "column":
        _, table, column = parts
        return f"column {table}.{column.name}"
    (item,) = parts
    name = {"fk": "foreign key"}.get(what, what)
    return f"{name} {item.name or ''} of table {item.table.name}"


def _modified(
    kind: str, _schema: str, table: str, column: str, _: Any, is_now: Any, was: Any
) -> str:
    what = kind.removeprefix("modify_").replace("_", " ")
    return f"column {table}.{column} changed: {what} {was!r} became {is_now!r}"
