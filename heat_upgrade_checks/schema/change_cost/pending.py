"""What every operation of the pending migrations costs on the tables that are there."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from heat_upgrade_checks.schema.change_cost.mysql import MYSQL
from heat_upgrade_checks.schema.change_cost.postgresql import POSTGRESQL
from heat_upgrade_checks.schema.change_cost.rules import UNKNOWN, Case, Rule, Waits, Work
from heat_upgrade_checks.schema.change_cost.server import Flavour, Server, StoredTable
from heat_upgrade_checks.schema.change_cost.sqlite import SQLITE
from heat_upgrade_checks.schema.description import Table
from heat_upgrade_checks.schema.migrations import Migration, Operation, in_context

_RULES: dict[Flavour, tuple[Rule, ...]] = {
    "MariaDB": MYSQL,
    "MySQL": MYSQL,
    "PostgreSQL": POSTGRESQL,
    "SQLite": SQLITE,
}


@dataclass(frozen=True)
class Cost:
    """What one operation of a pending migration costs on one table that is there already.

    `waits` is what waits for the end of the work. `provided` is empty, or what the server did not
    show and the class of work depends on.
    """

    revision: str
    table: str
    does: str
    work: Work
    waits: Waits
    provided: str
    file: str
    line: int


def costs(
    coming: Iterable[Migration],
    live: Iterable[Table],
    server: Server,
    stored: Mapping[str, StoredTable],
) -> tuple[Cost, ...]:
    """The cost of every operation of the pending migrations that touches an existing table.

    :param stored: by name; of a table that is missing nothing is taken for granted.
    """
    tables = {table.name: table for table in live}
    found: list[Cost] = []
    for migration, operation, new in in_context(coming, tables.values()):
        found += _of_operation(migration, operation, new, tables, server, stored)
    return tuple(found)


def _of_operation(
    migration: Migration,
    operation: Operation,
    new: bool,
    tables: Mapping[str, Table],
    server: Server,
    stored: Mapping[str, StoredTable],
) -> Iterator[Cost]:
    def cost(
        table: str, work: Work, waits: Waits, provided: str = "", does: str = operation.does
    ) -> Cost:
        its = (migration.file, operation.line)
        return Cost(migration.revision, table, does, work, waits, provided, *its)

    name, parts = operation.table, operation.parts
    if parts == ("read_rows",):
        return
    if "create_table" not in parts:
        if name in tables:
            found = tuple(_of_parts(operation, tables[name], server, stored))
            dearest = max(found, key=lambda r: (get_args(Work).index(r.work), r.provided))
            waits = max((rule.waits for rule in found), key=get_args(Waits).index)
            yield cost(name, dearest.work, waits, dearest.provided)
        elif not new:
            yield cost(name, "unknown", "reads and writes")
    # PostgreSQL keeps writers from the referred table until db_sync's one transaction ends.
    waits = "writes" if server.flavour == "PostgreSQL" else "nothing"
    for referred in sorted({*operation.refers} & tables.keys() - {name}):
        yield cost(referred, "catalog", waits, does=f"lets {name} refer to it")


def _of_parts(
    operation: Operation, live: Table, server: Server, stored: Mapping[str, StoredTable]
) -> Iterator[Rule]:
    columns = {column.name: column for column in live.columns}
    column = columns.get(operation.columns[0]) if operation.columns else None
    case = Case(operation, server, stored.get(live.name, StoredTable(live.name)), column)
    rules = _RULES[server.flavour]
    for part in operation.parts:
        fits = (rule for rule in rules if part in rule.parts.split() and rule.when(case))
        yield next(fits, UNKNOWN)
    if not operation.parts:
        yield UNKNOWN
