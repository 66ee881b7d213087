"""What a change is said to cost, against what real servers do when they are told to make it."""

from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from textwrap import indent
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from heat_upgrade_checks.evidence.code import migration_files as migrations
from heat_upgrade_checks.evidence.database import live_schema, table_sizes
from heat_upgrade_checks.evidence.database import state as database
from heat_upgrade_checks.evidence.gates.last_rehearsal import LastRehearsal
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.schema.change_cost.pending import Cost, costs
from heat_upgrade_checks.schema.source.revision_file import read
from tests.judging import check_at, file, judge
from tests.lab.venvs import interpreter
from tests.services import processes
from tests.services.heat_databases import PASSWORD, HeatDatabase, Make
from tests.services.mariadb import MariaDB

PROVIDER = Path("/usr/lib/galera/libgalera_smm.so")


def _site(heat: HeatDatabase, **more: Any) -> Site:
    conf = [str(heat.configuration())]
    plan = {
        "name": "cost",
        "mode": "rolling",
        "current": {"version": "25.0.2", "config": conf},
        "target": {"python": str(interpreter(26)), "config": conf},
    }
    return Site(Plan.model_validate(plan | more), heat.folder)


def _judge(heat: HeatDatabase, **more: Any) -> Judgement:
    site = _site(heat, **more)
    return judge(
        check_at("schema.change-cost", "pre"),
        "pre",
        of=site.plan,
        target_migrations=migrations.observe(site),
        database=database.observe(site),
        live_schema=live_schema.observe(site),
        table_sizes=table_sizes.observe(site),
        rehearsal=LastRehearsal(str(heat.folder), None),
    )


def _execute(heat: HeatDatabase, *statements: str) -> None:
    engine = sa.create_engine(heat.url.replace("psycopg2", "psycopg"))
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def _name(heat: HeatDatabase) -> str:
    return heat.url.rpartition("/")[2].partition("?")[0]


_ROW = "INSERT INTO snapshot (id, stack_id, name, tenant, status, data) VALUES "


def _with_snapshots(heat: HeatDatabase, number: int) -> None:
    """A database of 25 with that many snapshots of 20 kB, and statistics that know of them."""
    heat.db_sync(25)
    heat.fill()
    rows = [
        f"('s{each}', 'rest', 's', 't', 'COMPLETE', '{'x' * 20_000}')" for each in range(number)
    ]
    analyze = "ANALYZE TABLE snapshot" if heat.url.startswith("mysql") else "ANALYZE"
    _execute(heat, _ROW + ", ".join(rows), analyze)


# --- Heat's own migrations


@pytest.mark.parametrize("server", ["mariadb", "postgresql", "sqlite"])
def test_what_2026_1_costs(
    request: pytest.FixtureRequest, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heat: HeatDatabase = request.getfixturevalue(f"on_{server}")()
    _with_snapshots(heat, 50)
    gate = _judge(heat)
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
    (warned,) = [each for each in _judge(heat).findings if each.level != "note"]
    assert (str(warned.level), warned.data["work"]) == ("warning", "rows")
    monkeypatch.undo()

    windowed = _judge(heat, window="10m").findings
    assert [each.object for each in windowed if each.level == "warning"] == ["window"]

    heat.db_sync(26)
    after = _judge(heat, window="10m")
    assert (after.findings, after.unknowns) == ([], [])


def test_only_reading_statements_reach_the_server(mariadb: MariaDB, on_mariadb: Make) -> None:
    heat = on_mariadb()
    heat.db_sync(25)
    with mariadb.verbs() as verbs:
        table_sizes.observe(_site(heat))
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
    site = _site(heat)
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
        _execute(heat, statement)
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
    _execute(heat, "CREATE TABLE parent (id INT PRIMARY KEY) ENGINE=InnoDB", create)
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
        _execute(heat, "DROP TABLE t", create)
    assert classes["add"] == ("catalog" if format == "dynamic" else "rebuild")
    assert set(classes.values()) == set(_ALGORITHMS)


def test_a_mariadb_that_was_told_never_to_add_at_once(mariadb: MariaDB, on_mariadb: Make) -> None:
    heat = on_mariadb()
    create = "CREATE TABLE t (id INT PRIMARY KEY) ENGINE="
    _execute(heat, f"{create}InnoDB")
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
    _execute(heat, "DROP TABLE t", f"{create}Aria")
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
    _execute(heat, *_POSTGRESQL_TABLE)
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


# --- Galera


@pytest.fixture(scope="module")
def galera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    """A cluster of one node, which has all limits of a larger one."""
    port = processes.free_port()
    options = (
        f"base_port={port};gmcast.listen_addr=tcp://127.0.0.1:{port};gcache.size=8M;"
        f"ist.recv_addr=127.0.0.1:{processes.free_port()}"
    )
    with MariaDB(
        tmp_path_factory.mktemp("galera"),
        "--wsrep-on=ON",
        f"--wsrep-provider={PROVIDER}",
        "--wsrep-cluster-address=gcomm://",
        "--wsrep-node-address=127.0.0.1",
        f"--wsrep-provider-options={options}",
        "--binlog-format=ROW",
        "--innodb-autoinc-lock-mode=2",
    ) as server:
        yield server


@pytest.fixture
def on_galera(galera: MariaDB, tmp_path: Path) -> HeatDatabase:
    """An empty database of its own on the cluster."""
    name = f"heat_{uuid4().hex[:12]}"
    galera.add_database(name, name, PASSWORD)
    return HeatDatabase(galera.url(name, name, PASSWORD), tmp_path)


needs_galera = pytest.mark.skipif(not PROVIDER.exists(), reason="package galera-4 is missing")


@needs_galera
@pytest.mark.parametrize(
    ("limit", "says"), [("wsrep_max_ws_rows = 9", "rows"), ("wsrep_max_ws_size = 300000", "size")]
)
def test_a_transaction_that_galera_refuses(
    galera: MariaDB, on_galera: HeatDatabase, limit: str, says: str
) -> None:
    heat = on_galera
    _with_snapshots(heat, 10)
    assert {str(each.level) for each in _judge(heat).findings} == {"note"}
    galera.execute(f"SET GLOBAL {limit}")
    try:
        (blocked,) = [each for each in _judge(heat).findings if each.level == "blocker"]
        assert f"wsrep_max_ws_{says}" in blocked.summary
        with pytest.raises(processes.ServerError, match=r"(?i)exceeded"):
            heat.db_sync(26)
    finally:
        galera.execute("SET GLOBAL wsrep_max_ws_rows = 0")
        galera.execute("SET GLOBAL wsrep_max_ws_size = 2147483647")


@needs_galera
def test_how_galera_takes_schema_changes(
    galera: MariaDB, on_galera: HeatDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    heat = on_galera
    heat.db_sync(25)
    _execute(heat, "ALTER TABLE sync_point ROW_FORMAT=COMPRESSED")
    monkeypatch.setattr(file("schema.change-cost"), "_LARGE", 1024)
    first = _judge(heat).findings[0]
    assert str(first.level) == "warning"
    assert "the table is written anew, every write to the Galera cluster waits" in first.summary
    galera.execute("SET GLOBAL wsrep_OSU_method = 'RSU'")
    try:
        blocked = {each.object for each in _judge(heat).findings if each.level == "blocker"}
    finally:
        galera.execute("SET GLOBAL wsrep_OSU_method = 'TOI'")
    assert blocked == {"wsrep_OSU_method"}


def test_a_server_that_is_not_a_cluster(on_mariadb: Make) -> None:
    heat = on_mariadb()
    _execute(heat, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
    sizes = table_sizes.observe(_site(heat))
    assert sizes.server.galera is None
    (table,) = sizes.tables
    assert replace(table, rows=0) == table
    assert (table.engine, table.row_format, table.bytes) == ("InnoDB", "Dynamic", 16_384)
