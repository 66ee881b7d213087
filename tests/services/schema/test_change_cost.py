"""What a change is said to cost, against what real servers do when they are told to make it."""

from io import StringIO
from textwrap import indent
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from heat_upgrade_checks.evidence.database import live_schema, table_sizes
from heat_upgrade_checks.schema.change_cost.pending import Cost, costs
from heat_upgrade_checks.schema.source.revision_file import read
from tests.judging import file
from tests.services.heat_databases import HeatDatabase, Make
from tests.services.mariadb import MariaDB
from tests.services.schema.costs import execute, fill_snapshots, judged, site_of

# --- Heat's own migrations


@pytest.mark.parametrize("server", ["mariadb", "postgresql", "sqlite"])
def test_what_2026_1_costs(
    request: pytest.FixtureRequest, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heat: HeatDatabase = request.getfixturevalue(f"on_{server}")()
    fill_snapshots(heat, 50)
    gate = judged(heat)
    assert gate.unknowns == []
    assert [(str(each.level), each.object, each.data["work"]) for each in gate.findings] == [
        ("note", "sync_point", "catalog"),
        ("note", "snapshot", "catalog"),
        ("note", "snapshot", "catalog"),
        ("note", "snapshot", "rows"),
    ]
    size = gate.findings[-1].data
    assert size["bytes"] > 16_384
    assert size["rows"] == 50 or server == "sqlite"

    # Its back-fill, and nothing else, grows with the table.
    monkeypatch.setattr(file("schema.change-cost"), "_LARGE", 16_384)
    (warned,) = [each for each in judged(heat).findings if each.level != "note"]
    assert (str(warned.level), warned.data["work"]) == ("warning", "rows")
    monkeypatch.undo()

    windowed = judged(heat, window="10m").findings
    assert [each.object for each in windowed if each.level == "warning"] == ["window"]

    heat.db_sync(26)
    after = judged(heat, window="10m")
    assert (after.findings, after.unknowns) == ([], [])


def test_only_reading_statements_reach_the_server(mariadb: MariaDB, on_mariadb: Make) -> None:
    heat = on_mariadb()
    heat.db_sync(25)
    with mariadb.verbs() as verbs:
        table_sizes.observe(site_of(heat))
    assert {"SELECT", "SHOW"} <= verbs
    assert verbs <= {"SELECT", "SHOW", "SET", "COMMIT", "ROLLBACK"}


# --- MariaDB takes the algorithm that the class stands for, and refuses the next better one

_HEAD = "from alembic import op\nimport sqlalchemy as sa\n"

_MARIADB_TABLE = """
    CREATE TABLE t (
        id INT PRIMARY KEY, short VARCHAR(20), middle VARCHAR(60), needed VARCHAR(20) NOT NULL,
        number INT, listed INT, body TEXT, other INT,
        INDEX ix (listed), CONSTRAINT fk0 FOREIGN KEY (other) REFERENCES parent (id){more}
    ) ENGINE=InnoDB CHARACTER SET utf8mb3 {format}
"""

_FORMATS = {
    "dynamic": ("", "ROW_FORMAT=DYNAMIC"),
    "compressed": ("", "ROW_FORMAT=COMPRESSED"),
    "fulltext": (", FULLTEXT (body)", ""),
}
# The best algorithm of a class, and one that is better and must not do.
_ALGORITHMS = {
    "catalog": ("INSTANT", None),
    "index": ("NOCOPY", "INSTANT"),
    "rebuild": ("INPLACE", "NOCOPY"),
    "copy": ("COPY", "INPLACE"),
}

_ADD = "op.add_column('t', sa.Column('x', sa.String(255)))"

CHANGES = {
    "add": _ADD,
    "add_text": "op.add_column('t', sa.Column('x', sa.Text))",
    "add_constant": "op.add_column('t', sa.Column('x', sa.Integer, nullable=False, "
    "server_default='5'))",
    "add_expression": "op.add_column('t', sa.Column('x', sa.String(40), "
    "server_default=sa.text('(uuid())')))",
    "drop": "op.drop_column('t', 'middle')",
    "rename": "op.alter_column('t', 'short', new_column_name='y', existing_type=sa.String(20))",
    "rename_needed": "op.alter_column('t', 'needed', new_column_name='y', "
    "existing_type=sa.String(20))",
    "not_null": "op.alter_column('t', 'short', nullable=False, existing_type=sa.String(20))",
    "nullable": "op.alter_column('t', 'needed', nullable=True, existing_type=sa.String(20))",
    "default": "op.alter_column('t', 'short', server_default='x')",
    "longer": "op.alter_column('t', 'short', type_=sa.String(50))",
    "much_longer": "op.alter_column('t', 'short', type_=sa.String(300))",
    "two_bytes": "op.alter_column('t', 'middle', type_=sa.String(300))",
    "shorter": "op.alter_column('t', 'short', type_=sa.String(10))",
    "number": "op.alter_column('t', 'number', type_=sa.BigInteger)",
    "to_text": "op.alter_column('t', 'short', type_=sa.Text)",
    "index": "op.create_index('q', 't', ['short'])",
    "unique": "op.create_unique_constraint('q', 't', ['short'])",
    "foreign_key": "op.create_foreign_key('f', 't', 'parent', ['number'], ['id'])",
    "no_foreign_key": "op.drop_constraint('fk0', 't', type_='foreignkey')",
    "check": "op.create_check_constraint('c', 't', 'number > -5')",
    "comment": "op.create_table_comment('t', 'x')",
    "primary_key": "op.drop_constraint('pk', 't', type_='primary')",
}


def _cost(heat: HeatDatabase, body: str, table: str = "t") -> Cost:
    source = (
        f"{_HEAD}revision = 'a'\ndown_revision = None\ndef upgrade():\n{indent(body, '    ')}\n"
    )
    site = site_of(heat)
    live, sizes = live_schema.observe(site), table_sizes.observe(site)
    stored = {table.name: table for table in sizes.tables}
    (cost,) = (
        each
        for each in costs([read("a.py", source)], live.tables, sizes.server, stored)
        if each.table == table
    )
    return cost


def _sql(body: str, dialect: str) -> str:
    """The statement that alembic would send."""
    written = StringIO()
    context = MigrationContext.configure(
        dialect_name=dialect, opts={"as_sql": True, "output_buffer": written}
    )
    with Operations.context(context):
        exec(f"{_HEAD}{body}")  # noqa: S102 - the test's own source
    return written.getvalue().strip().rstrip(";")


def _with(sql: str, algorithm: str, lock: str) -> str:
    comma = "" if sql.startswith("CREATE") else ","
    return f"{sql}{comma} ALGORITHM={algorithm}{comma} LOCK={lock}"


def _refuses(heat: HeatDatabase, statement: str) -> bool:
    try:
        execute(heat, statement)
    except sa.exc.OperationalError as error:
        number = getattr(error.orig, "args", (0,))[0]
        # ER_ALTER_OPERATION_NOT_SUPPORTED, with its reason or without.
        if number not in {1845, 1846}:
            raise
        return True
    return False


@pytest.mark.parametrize("format", list(_FORMATS))
def test_mariadb_does_it_as_it_is_said(on_mariadb: Make, format: str) -> None:
    heat = on_mariadb("utf8mb3")
    more, options = _FORMATS[format]
    create = _MARIADB_TABLE.format(more=more, format=options)
    execute(heat, "CREATE TABLE parent (id INT PRIMARY KEY) ENGINE=InnoDB", create)
    classes = {}
    for name, body in CHANGES.items():
        cost = _cost(heat, body)
        classes[name] = cost.work
        best, better = _ALGORITHMS[cost.work]
        sql = _sql(body, "mysql")
        if better:
            assert _refuses(heat, _with(sql, better, "DEFAULT")), name
        if cost.waits == "writes":
            assert _refuses(heat, _with(sql, best, "NONE")), name
        lock = {"nothing": "NONE", "writes": "SHARED"}[cost.waits]
        assert not _refuses(heat, _with(sql, best, lock)), name
        execute(heat, "DROP TABLE t", create)
    assert classes["add"] == ("catalog" if format == "dynamic" else "rebuild")
    assert set(classes.values()) == set(_ALGORITHMS)


def test_a_mariadb_that_was_told_never_to_add_at_once(mariadb: MariaDB, on_mariadb: Make) -> None:
    heat = on_mariadb()
    create = "CREATE TABLE t (id INT PRIMARY KEY) ENGINE="
    execute(heat, f"{create}InnoDB")
    assert _cost(heat, _ADD).work == "catalog"
    mariadb.execute("SET GLOBAL innodb_instant_alter_column_allowed = never")
    try:
        assert _cost(heat, _ADD).work == "rebuild"
        assert _refuses(heat, _with(_sql(_ADD, "mysql"), "INSTANT", "DEFAULT"))
    finally:
        mariadb.execute("SET GLOBAL innodb_instant_alter_column_allowed = add_drop_reorder")
    mariadb.execute("SET GLOBAL alter_algorithm = COPY")
    try:
        assert _cost(heat, _ADD).work == "copy"
    finally:
        mariadb.execute("SET GLOBAL alter_algorithm = DEFAULT")
    execute(heat, "DROP TABLE t", f"{create}Aria")
    assert _cost(heat, _ADD).work == "copy"
    assert _refuses(heat, _with(_sql(_ADD, "mysql"), "INPLACE", "DEFAULT"))


# --- PostgreSQL rewrites what is said to be copied, and locks what is said to wait

_POSTGRESQL_TABLE = (
    "CREATE TABLE parent (id INT PRIMARY KEY)",
    "CREATE TABLE t (id INT CONSTRAINT pk PRIMARY KEY, short VARCHAR(20), middle VARCHAR(60), "
    "needed VARCHAR(20) NOT NULL, number INT, listed INT, body TEXT, "
    "other INT CONSTRAINT fk0 REFERENCES parent (id))",
    "INSERT INTO t (id, needed, short) VALUES (1, 'x', 'y')",
)

_KEEPS_OUT = {
    "reads and writes": {"AccessExclusiveLock"},
    "writes": {"ShareLock", "ShareRowExclusiveLock"},
    "nothing": {"ShareUpdateExclusiveLock"},
}


def test_postgresql_does_it_as_it_is_said(on_postgresql: Make) -> None:
    heat = on_postgresql()
    execute(heat, *_POSTGRESQL_TABLE)
    classes = {}
    changes = CHANGES | {
        "add_expression": "op.add_column('t', sa.Column('x', sa.String(40), "
        "server_default=sa.text('random()::text')))",
        "update": "op.execute('UPDATE t SET number = 1')",
    }
    with psycopg.connect(heat.url.replace("postgresql+psycopg2", "postgresql")) as connection:
        for name, body in changes.items():
            cost = _cost(heat, body)
            classes[name] = cost.work
            before = _file(connection)
            connection.execute(_sql(body, "postgresql").encode())
            assert (_file(connection) != before) == (cost.work == "copy"), name
            if cost.work != "rows":
                assert _locks(connection) & _KEEPS_OUT[cost.waits], name
                stronger = {"writes": {"AccessExclusiveLock"}, "nothing": _LOCKS}
                assert not _locks(connection) & stronger.get(cost.waits, set()), name
            if name == "foreign_key":
                assert _cost(heat, body, "parent").waits == "writes"
                assert "ShareRowExclusiveLock" in _locks(connection, "parent")
            connection.rollback()
    assert set(classes.values()) == {"catalog", "copy", "index", "rows", "scan"}


_LOCKS = {"AccessExclusiveLock", "ShareLock", "ShareRowExclusiveLock"}


def _file(connection: "psycopg.Connection[Any]") -> int:
    query = "SELECT relfilenode FROM pg_class WHERE oid = 't'::regclass"
    return int(connection.execute(query).fetchall()[0][0])


def _locks(connection: "psycopg.Connection[Any]", table: str = "t") -> set[str]:
    query = "SELECT mode FROM pg_locks WHERE relation = %s::regclass AND pid = pg_backend_pid()"
    return {mode for (mode,) in connection.execute(query, [table])}
