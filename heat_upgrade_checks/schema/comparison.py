"""What of a release's models a database does not serve."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from heat_upgrade_checks.schema.column_types import relation
from heat_upgrade_checks.schema.description import Column, ForeignKey, Table

Kind = Literal[
    # The release cannot work.
    "missing-table",
    "missing-column",
    "unwritten-column",  # NOT NULL, and neither the release nor the server fills it in
    "not-null",  # the release may write NULL
    "not-generated",  # the release leaves it to the server, which no longer fills it in
    "narrower-type",
    "other-type",
    "unique",  # the release may write the same value twice
    "not-unique",  # the release relies on being refused
    "constrained",  # a foreign key on columns that the release writes
    # Some of its deletes fail.
    "referred",  # a foreign key that it does not know refers to its rows
    "unreferenced",  # a foreign key of the release is missing, so its deletes leave rows behind
    # Harmless.
    "extra-column",
]


@dataclass(frozen=True)
class Difference:
    """One way in which the database is not as the release's models have it.

    `object` is the table, or `table.column`; `models` and `database` are what each side has there,
    empty for nothing. Of kind "referred", `object` is the table with the foreign key and `models`
    the release's table that it refers to.
    """

    kind: Kind
    object: str
    models: str
    database: str


def differences(
    models: Iterable[Table], database: Iterable[Table], dialect: str
) -> tuple[Difference, ...]:
    """Where a release's models and a database differ, as SQLAlchemy's dialect names it.

    Tables of the database that the release does not know matter only for their foreign keys.
    """
    known = {table.name: table for table in models}
    live = {table.name: table for table in database}
    found: list[Difference] = []
    for name, table in known.items():
        if name not in live:
            found.append(Difference("missing-table", name, "a table", ""))
            continue
        found += _columns(table, live[name], dialect)
        found += _keys(table, live[name])
    for table in live.values():
        found += _foreign_keys(table, known)
        found += _lost_foreign_keys(table, known)
    return tuple(found)


def _columns(table: Table, live: Table, dialect: str) -> Iterator[Difference]:
    has = {column.name: column for column in live.columns}
    for column in table.columns:
        where = f"{table.name}.{column.name}"
        if column.name not in has:
            yield Difference("missing-column", where, column.type, "")
        else:
            yield from _column(where, column, has[column.name], dialect)
    known = {column.name for column in table.columns}
    for column in live.columns:
        if column.name in known:
            continue
        where = f"{table.name}.{column.name}"
        if column.nullable or column.server_default:
            yield Difference("extra-column", where, "", column.type)
        else:
            yield Difference("unwritten-column", where, "", f"{column.type} NOT NULL, no default")


def _column(where: str, column: Column, live: Column, dialect: str) -> Iterator[Difference]:
    if column.nullable and not column.default and not live.nullable:
        # Also where the server has a default: SQLAlchemy writes NULL for what was not set.
        yield Difference("not-null", where, f"{column.type} NULL", f"{live.type} NOT NULL")
    if column.server_default and not live.server_default:
        yield Difference("not-generated", where, "filled in by the server", "not filled in")
    fits = relation(column.type, live.type, dialect)
    if fits == "narrower":
        yield Difference("narrower-type", where, column.type, live.type)
    elif fits == "other":
        yield Difference("other-type", where, column.type, live.type)


def _keys(table: Table, live: Table) -> Iterator[Difference]:
    for key in live.keys:
        if not _implied(key, table.keys):
            yield Difference("unique", f"{table.name}.{','.join(key)}", "", "unique")
    for key in table.keys:
        if not _implied(key, live.keys):
            yield Difference("not-unique", f"{table.name}.{','.join(key)}", "unique", "")


def _implied(key: tuple[str, ...], keys: Iterable[tuple[str, ...]]) -> bool:
    """Whether rows that differ in one of `keys` differ in `key`, too."""
    return any(set(other) <= set(key) for other in keys)


def _foreign_keys(live: Table, known: Mapping[str, Table]) -> Iterator[Difference]:
    table = known.get(live.name)
    columns = {column.name for column in table.columns} if table else set()
    for key in live.foreign_keys:
        if table and any(_same(key, mine) for mine in table.foreign_keys):
            continue
        words = f"({', '.join(key.columns)}) refers to {key.table} ({', '.join(key.referred)})"
        if columns & set(key.columns):
            where = f"{live.name}.{','.join(key.columns)}"
            yield Difference("constrained", where, "", words)
        elif key.table in known and key.on_delete not in {"CASCADE", "SET NULL"}:
            yield Difference("referred", live.name, key.table, words)


def _lost_foreign_keys(live: Table, known: Mapping[str, Table]) -> Iterator[Difference]:
    """Those of the release that the database has none of, whatever it does on a delete."""
    present = {column.name for column in live.columns}
    kept = {(key.columns, key.table, key.referred) for key in live.foreign_keys}
    for key in known[live.name].foreign_keys if live.name in known else ():
        if {*key.columns} <= present and (key.columns, key.table, key.referred) not in kept:
            deletes = f" ON DELETE {key.on_delete}" if key.on_delete else ""
            refers = (
                f"({', '.join(key.columns)}) REFERENCES {key.table} ({', '.join(key.referred)})"
            )
            where = f"{live.name}.{','.join(key.columns)}"
            yield Difference("unreferenced", where, f"FOREIGN KEY {refers}{deletes}", "")


def _same(live: ForeignKey, mine: ForeignKey) -> bool:
    """Whether a delete fares with this foreign key as with the one that the models have."""
    return (live.columns, live.table, live.referred) == (
        mine.columns,
        mine.table,
        mine.referred,
    ) and (not mine.on_delete or mine.on_delete == live.on_delete)
