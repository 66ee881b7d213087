"""The schema that Heat's database has, as its server describes it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import (
    ReflectedColumn,
    ReflectedForeignKeyConstraint,
    ReflectedIndex,
)

from heat_upgrade_checks.evidence.database.session import ask_in_session, url_of
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.schema.description import Column, ForeignKey, Table
from heat_upgrade_checks.wording import counted


@dataclass(frozen=True)
class LiveSchema(Facts):
    """The tables of one database; `dialect` is SQLAlchemy's name for how it spells types."""

    name: str
    dialect: str
    tables: tuple[Table, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        columns = sum(len(table.columns) for table in self.tables)
        return (
            f"{counted(len(self.tables), 'table')} with {columns} columns of database {self.name}"
        )


def observe(site: Site) -> LiveSchema:
    """The tables that Heat's account sees, keys and foreign keys included."""
    name = url_of(site).database or ""
    return ask_in_session(
        site,
        lambda session: LiveSchema(name, session.dialect.name, tuple(tables(session))),
    )


def tables(connection: sa.Connection) -> Iterator[Table]:
    """Every table that the connection sees, by name."""
    inspector = sa.inspect(connection)
    columns = inspector.get_multi_columns()
    primary = inspector.get_multi_pk_constraint()
    unique = inspector.get_multi_unique_constraints()
    indexes = inspector.get_multi_indexes()
    foreign = inspector.get_multi_foreign_keys()
    for key in sorted(columns, key=str):
        primary_key = tuple(primary[key]["constrained_columns"])
        drops = {
            _indexed(each): _drop(key[1], each["name"], connection, _is_constraint(each))
            for each in indexes[key]
            if each["unique"]
        }
        # MySQL lists a unique constraint as an index as well, and only there its prefixes.
        listed = {each["name"] for each in indexes[key]}
        for each in unique[key]:
            if each["name"] not in listed:
                names = tuple(each["column_names"])
                drops.setdefault(names, _drop(key[1], each["name"], connection, constraint=True))
        if primary_key:
            drops[primary_key] = ""
        keys = tuple(sorted(drops))
        yield Table(
            name=key[1],
            columns=tuple(_column(each, primary_key, connection) for each in columns[key]),
            keys=keys,
            foreign_keys=tuple(_foreign_keys(foreign[key])),
            key_drops=tuple(drops[each] for each in keys),
        )


def _column(
    column: ReflectedColumn, primary_key: tuple[str, ...], connection: sa.Connection
) -> Column:
    # A type that SQLAlchemy does not know, as a table of the site's own may have, has no spelling.
    known = not isinstance(column["type"], sa.types.NullType)
    spelled = column["type"].compile(connection.dialect) if known else "unknown"
    # SQLite numbers the rows of a table by itself where its key is one integer.
    numbered = (
        connection.dialect.name == "sqlite"
        and primary_key == (column["name"],)
        and spelled == "INTEGER"
    )
    filled = (
        column["default"] is not None
        or column.get("autoincrement") is True
        or "identity" in column
        or "computed" in column
    )
    return Column(column["name"], spelled, column["nullable"], False, filled or numbered)


def _is_constraint(index: ReflectedIndex) -> bool:
    """Whether PostgreSQL keeps a constraint by this index."""
    return bool(index.get("duplicates_constraint"))


def _drop(table: str, name: str | None, connection: sa.Connection, constraint: bool) -> str:
    """The statement that drops a unique index or constraint."""
    quote = connection.dialect.identifier_preparer.quote
    if name is None:
        return ""
    if connection.dialect.name == "mysql":
        return f"ALTER TABLE {quote(table)} DROP INDEX {quote(name)}"
    if constraint:
        return f"ALTER TABLE {quote(table)} DROP CONSTRAINT {quote(name)}"
    return f"DROP INDEX {quote(name)}"


def _indexed(index: ReflectedIndex) -> tuple[str, ...]:
    """What is unique: columns, their first characters only, or expressions."""
    lengths = index.get("dialect_options", {}).get("mysql_length", {})
    names = index.get("expressions") or [name or "" for name in index["column_names"]]
    return tuple(f"{name}({lengths[name]})" if name in lengths else name for name in names)


def _foreign_keys(found: Iterable[ReflectedForeignKeyConstraint]) -> Iterator[ForeignKey]:
    for each in found:
        yield ForeignKey(
            columns=tuple(each["constrained_columns"]),
            table=each["referred_table"],
            referred=tuple(each["referred_columns"]),
            on_delete=str(each.get("options", {}).get("ondelete", "")).upper(),
        )
