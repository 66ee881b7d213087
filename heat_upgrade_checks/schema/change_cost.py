"""What the pending migrations cost on a server: how much work, and what waits meanwhile.

The rules rest on the vendors' manuals: MySQL 8.0 to 8.4 "Online DDL Operations", MariaDB "InnoDB
Online DDL Operations with the INSTANT / INPLACE Alter Algorithm", PostgreSQL 11 to 17 "ALTER TABLE"
and "Explicit Locking", Galera "Schema Upgrades". What they leave open is taken for the dearer way.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from heat_upgrade_checks.schema.description import Column, Table
from heat_upgrade_checks.schema.migrations import Migration, Operation, Part, in_context

# By what they cost, the cheapest first.
Work = Literal["catalog", "scan", "index", "rows", "rebuild", "copy", "unknown"]
Waits = Literal["nothing", "writes", "reads and writes"]
Flavour = Literal["MariaDB", "MySQL", "PostgreSQL", "SQLite"]

# MySQL's limit since 8.0.29; 9.1 raised it, which only makes the rule too careful there.
ROW_VERSIONS = 64


@dataclass(frozen=True)
class StoredTable:
    """A table as the server stores it; `rows` is an estimate, sizes are bytes, None is unknown.

    `octets` are the most bytes that each VARCHAR column may take, `indexed` the columns of all
    indexes; `row_versions` is how often MySQL altered it at once since it was last rebuilt. The
    latter and the words on engine and format are MariaDB's and MySQL's only.
    """

    name: str
    rows: int | None = None
    data_bytes: int | None = None
    index_bytes: int | None = None
    engine: str = ""
    row_format: str = ""
    fulltext: bool = False
    indexed: tuple[str, ...] = ()
    octets: dict[str, int] | None = None
    row_versions: int | None = None

    @property
    def bytes(self) -> int | None:
        """Data and indexes."""
        if self.data_bytes is None or self.index_bytes is None:
            return None
        return self.data_bytes + self.index_bytes


@dataclass(frozen=True)
class Galera:
    """How a cluster takes schema changes and large transactions.

    `method` is wsrep_OSU_method. A transaction may change `max_rows` rows, 0 for any number, in
    `max_bytes` bytes unless it is sent in `fragments`; with `full_images` each changed row is sent
    as it was and as it is.
    """

    method: str
    max_rows: int
    max_bytes: int
    fragments: bool
    full_images: bool


@dataclass(frozen=True)
class Server:
    """A database server; `settings` are those of a new session that steer an ALTER TABLE."""

    flavour: Flavour
    version: tuple[int, ...]
    settings: dict[str, str]
    galera: Galera | None

    def __str__(self) -> str:
        version = ".".join(map(str, self.version))
        return f"{self.flavour} {version}{' with Galera' if self.galera else ''}"


@dataclass(frozen=True)
class Cost:
    """What one operation of a pending migration costs on one table that is there already.

    "catalog" touches no row, "scan" reads them all, "index" reads them into an index, "rows" may
    change each of them in one transaction, "rebuild" writes the table anew while it is in use,
    "copy" does so while it is not. `waits` is what waits for the end of it. `provided` is empty, or
    what the server did not show and the class depends on.
    """

    revision: str
    table: str
    does: str
    work: Work
    waits: Waits
    provided: str
    file: str
    line: int


@dataclass(frozen=True)
class MeasuredRevision:
    """How long a migration took in a rehearsal, and the rows that each table had then."""

    seconds: float
    rows: Mapping[str, int]


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


def exceeds(cost: Cost, table: StoredTable | None, limit: int) -> bool | None:
    """Whether more than `limit` bytes are worked on; None where the server does not tell."""
    if cost.work == "catalog" and not cost.provided:
        return False
    size = table.bytes if table else None
    return None if size is None else size > limit


def refusal(cost: Cost, table: StoredTable | None, galera: Galera) -> str:
    """Why Galera would refuse the change of rows, or nothing; an UPDATE is one transaction.

    Tried on MariaDB 10.11 with Galera 4: errors 1180 (rows) and 1105 (bytes).
    """
    if cost.work != "rows" or table is None:
        return ""
    if galera.max_rows and (table.rows or 0) > galera.max_rows:
        return f"about {table.rows} rows are more than wsrep_max_ws_rows, {galera.max_rows}"
    sent = (table.data_bytes or 0) * (2 if galera.full_images else 0)
    if sent > galera.max_bytes and not galera.fragments:
        return f"about {sent} bytes are more than wsrep_max_ws_size, {galera.max_bytes}"
    return ""


def expected_seconds(
    costs: Iterable[Cost],
    measured: Mapping[str, MeasuredRevision],
    rows: Mapping[str, int | None],
) -> float | None:
    """How long the pending migrations will take, from how long they took in a rehearsal.

    Each revision's time grows with the rows of the table that grew most since, and never shrinks.
    None where one that does more than to change the catalog was not measured, or it is not known
    which table it works on, or how that grew.

    :param measured: by revision.
    :param rows: of the live tables.
    """
    by_revision: dict[str, list[Cost]] = {}
    for cost in costs:
        by_revision.setdefault(cost.revision, []).append(cost)
    total = 0.0
    for revision, its in by_revision.items():
        working = [cost for cost in its if cost.work != "catalog"]
        known = measured.get(revision)
        if known is None:
            if working:
                return None
            continue
        growth = 1.0
        for each in working:
            grown = _growth(known.rows.get(each.table), rows.get(each.table))
            if grown is None:
                return None
            growth = max(growth, grown)
        total += known.seconds * growth
    return total


def _growth(before: int | None, now: int | None) -> float | None:
    if before is None or now is None or (before == 0 < now):
        return None
    return now / before if before else 1.0


# --- one operation


@dataclass(frozen=True)
class _Case:
    """A statement to a server on a table, and the column that it is about, if one."""

    operation: Operation
    server: Server
    table: StoredTable
    column: Column | None


_Condition = Callable[[_Case], bool]


@dataclass(frozen=True)
class _Rule:
    """What the parts named in `parts` cost where `when` holds; the first rule that fits counts."""

    parts: str
    work: Work
    waits: Waits
    when: _Condition = lambda _: True
    provided: str = ""


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
) -> Iterator[_Rule]:
    columns = {column.name: column for column in live.columns}
    column = columns.get(operation.columns[0]) if operation.columns else None
    case = _Case(operation, server, stored.get(live.name, StoredTable(live.name)), column)
    rules = _RULES[server.flavour]
    for part in operation.parts:
        fits = (rule for rule in rules if part in rule.parts.split() and rule.when(case))
        yield next(fits, _UNKNOWN)
    if not operation.parts:
        yield _UNKNOWN


_UNKNOWN = _Rule("", "unknown", "reads and writes")


# --- what MariaDB and MySQL ask for


def _copies_always(case: _Case) -> bool:
    settings = case.server.settings
    words = {settings.get("alter_algorithm", ""), settings.get("old_alter_table", "")}
    return bool({word.upper() for word in words} & {"COPY", "ON", "1"})


def _other_engine(case: _Case) -> bool:
    return case.table.engine.upper() != "INNODB"


def _full_text(case: _Case) -> bool:
    return case.table.fulltext


def _checks_keys(case: _Case) -> bool:
    return case.server.settings.get("foreign_key_checks", "ON").upper() not in {"OFF", "0"}


def _at_once(mariadb: tuple[int, ...], mysql: tuple[int, ...], *allowed: str) -> _Condition:
    """INSTANT from these versions on; `allowed` of innodb_instant_alter_column_allowed."""

    def holds(case: _Case) -> bool:
        server, table = case.server, case.table
        first = mariadb if server.flavour == "MariaDB" else mysql
        # MariaDB 10.3 has not yet the setting, and acts as with add_last.
        setting = server.settings.get("innodb_instant_alter_column_allowed", allowed[0])
        return (
            server.version >= first
            and setting.lower() in allowed
            and table.row_format.upper() != "COMPRESSED"
            and not table.fulltext
            and (table.row_versions or 0) < ROW_VERSIONS
        )

    return holds


# MDEV-11369 (10.3.2); MySQL 8.0.12. alembic adds a column at the end, never between others.
_adds_at_once = _at_once((10, 3, 2), (8, 0, 12), "add_last", "add_drop_reorder")
# MDEV-15562 (10.4); MySQL 8.0.29.
_removes_at_once = _at_once((10, 4), (8, 0, 29), "add_drop_reorder")


def _uncounted(condition: _Condition) -> _Condition:
    """The condition holds, but the server counts row versions and does not show them."""

    def holds(case: _Case) -> bool:
        counts = case.server.flavour == "MySQL" and case.server.version >= (8, 0, 29)
        return condition(case) and counts and case.table.row_versions is None

    return holds


def _drops_at_once(case: _Case) -> bool:
    return _removes_at_once(case) and not {*case.operation.columns} & {*case.table.indexed}


def _nullable(case: _Case) -> bool:
    # alembic states the whole column anew, and takes it for nullable unless told otherwise.
    return case.column is not None and case.column.nullable


def _grows_in_place(case: _Case) -> bool:
    """A VARCHAR keeps the bytes that hold its length: one up to 255 bytes, two above.

    MariaDB 10.4.3 keeps room for both where the old length is below 128 bytes (MDEV-15563).
    """
    old, new = _lengths(case)
    octets = (case.table.octets or {}).get(case.column.name if case.column else "")
    if old is None or new is None or not octets or new < old or not _nullable(case):
        return False
    wider = new * octets / old
    roomy = case.server.flavour == "MariaDB" and case.server.version >= (10, 4, 3)
    return (octets > 255) == (wider > 255) or (roomy and octets < 128)


def _grows(case: _Case) -> bool:
    """PostgreSQL rewrites nothing where a limit on text is raised or lifted (since 9.2)."""
    old, new = _lengths(case)
    if old is None:
        return False
    return case.operation.new_type == "TEXT" or (new is not None and new >= old)


def _lengths(case: _Case) -> tuple[int | None, int | None]:
    """Characters of a VARCHAR as it is and as it will be."""
    types = (case.column.type if case.column else "", case.operation.new_type)
    old, new = (re.match(r"VARCHAR\((\d+)\)", each) for each in types)
    return int(old[1]) if old else None, int(new[1]) if new else None


def _keeps_constants(case: _Case) -> bool:
    return case.server.version >= (11,)


_IF_FEW = f"if fewer than {ROW_VERSIONS} row versions are in use, which only PROCESS shows"
_ADDS = "add_column add_constant_column"
_REBUILDS = f"{_ADDS} drop_column rename_column drop_not_null set_not_null add_primary_key"
_COPIES = "alter_type add_expression_column drop_primary_key add_check recreate_table"
_IN_CATALOG = "set_default comment drop_check"
_KEYS = "add_foreign_key drop_foreign_key drop_index"
_INDEXES = "create_index add_unique"
_ALTERS = f"{_REBUILDS} {_COPIES} {_IN_CATALOG} {_KEYS} {_INDEXES}"

_OF_MYSQL = (
    _Rule("drop_table rename_table", "catalog", "nothing"),
    _Rule(_ALTERS, "copy", "writes", _copies_always),
    _Rule(_IN_CATALOG, "catalog", "nothing"),
    _Rule(_ALTERS, "copy", "writes", _other_engine),
    _Rule(_ADDS, "catalog", "nothing", _uncounted(_adds_at_once), _IF_FEW),
    _Rule("drop_column", "catalog", "nothing", _uncounted(_drops_at_once), _IF_FEW),
    _Rule(_ADDS, "catalog", "nothing", _adds_at_once),
    _Rule("drop_column", "catalog", "nothing", _drops_at_once),
    _Rule("rename_column", "catalog", "nothing", _nullable),
    _Rule(_REBUILDS, "rebuild", "writes", _full_text),
    _Rule(_REBUILDS, "rebuild", "nothing"),
    _Rule("alter_type", "catalog", "nothing", _grows_in_place),
    _Rule(_COPIES, "copy", "writes"),
    _Rule("add_foreign_key", "copy", "writes", _checks_keys),
    _Rule(_KEYS, "catalog", "nothing"),
    _Rule(_INDEXES, "index", "nothing"),
    _Rule("update_rows", "rows", "writes"),
    _Rule("insert_rows", "rows", "nothing"),
)
# Every lock is held until db_sync ends: alembic runs all revisions in one transaction where the
# server takes DDL back (heat/db/migrations/env.py). So even what touches no row keeps others out.
_OF_POSTGRESQL = (
    _Rule("add_constant_column", "catalog", "reads and writes", _keeps_constants),
    _Rule("alter_type", "catalog", "reads and writes", _grows),
    _Rule(
        "add_constant_column add_expression_column alter_type recreate_table",
        "copy",
        "reads and writes",
    ),
    _Rule(
        "add_column drop_column rename_column rename_table drop_table set_default drop_not_null "
        "drop_check drop_foreign_key drop_index drop_primary_key",
        "catalog",
        "reads and writes",
    ),
    _Rule("comment", "catalog", "nothing"),
    _Rule("set_not_null add_check", "scan", "reads and writes"),
    _Rule("add_foreign_key", "scan", "writes"),
    _Rule("create_index", "index", "writes"),
    _Rule("add_unique add_primary_key add_exclusion", "index", "reads and writes"),
    _Rule("update_rows", "rows", "writes"),
    _Rule("insert_rows", "rows", "nothing"),
)
# "ALTER TABLE" in SQLite's manual; a writer has the whole file to itself.
_OF_SQLITE = (
    _Rule(f"{_ADDS} rename_column rename_table", "catalog", "writes"),
    _Rule("create_index add_unique", "index", "writes"),
    _Rule("update_rows insert_rows drop_table", "rows", "writes"),
    _Rule(" ".join(get_args(Part)), "copy", "writes"),
)
_RULES: dict[Flavour, tuple[_Rule, ...]] = {
    "MariaDB": _OF_MYSQL,
    "MySQL": _OF_MYSQL,
    "PostgreSQL": _OF_POSTGRESQL,
    "SQLite": _OF_SQLITE,
}
