"""What pending migrations are said to cost on servers of every kind, and how that is judged."""

from dataclasses import replace
from textwrap import indent
from typing import Any

import pytest
from pydantic import TypeAdapter

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.code.migration_files import Migrations
from heat_upgrade_checks.evidence.database.live_schema import LiveSchema
from heat_upgrade_checks.evidence.database.table_sizes import TableSizes
from heat_upgrade_checks.evidence.gates.last_rehearsal import LastRehearsal
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.records.rehearsal import Migrated, Rehearsal, Restored, TimedRevision
from heat_upgrade_checks.schema.change_cost.figures import (
    MeasuredRevision,
    exceeds,
    expected_seconds,
)
from heat_upgrade_checks.schema.change_cost.pending import Cost, costs
from heat_upgrade_checks.schema.change_cost.server import Galera, Server, StoredTable
from heat_upgrade_checks.schema.description import Column, Table
from heat_upgrade_checks.schema.migrations import Migration
from heat_upgrade_checks.schema.source.revision_file import read
from tests.facts import a_database, a_rehearsal
from tests.judging import check_at, hand, judge, plan

CHECK = check_at("schema.change-cost", "pre")
GIB = 2**30
STACK = Table(
    "stack",
    (
        Column("id", "VARCHAR(36)", False, False, False),
        Column("name", "VARCHAR(60)", True, False, False),
        Column("text", "LONGTEXT", True, False, False),
    ),
    (("id",),),
    (),
)
LIVE = (STACK, replace(STACK, name="snapshot"))
MARIADB = Server("MariaDB", (10, 11, 19), {}, None)
MYSQL = Server("MySQL", (8, 4, 3), {}, None)
POSTGRESQL = Server("PostgreSQL", (15, 18), {}, None)
SQLITE = Server("SQLite", (3, 45, 1), {}, None)
GALERA = Galera("TOI", 0, 2**31 - 1, fragments=False, full_images=True)
STORED = StoredTable(
    "stack",
    rows=1000,
    data_bytes=GIB,
    index_bytes=GIB // 2,
    engine="InnoDB",
    row_format="Dynamic",
    indexed=("id", "name"),
    octets={"id": 108, "name": 180},
    row_versions=3,
)


def _migration(body: str) -> Migration:
    source = (
        "from alembic import op\nimport sqlalchemy as sa\nrevision = 'bbb'\n"
        f"down_revision = 'c6214ca60943'\ndef upgrade():\n{indent(body, '    ')}\n"
    )
    return read("bbb_made_up.py", source)


def _costs(body: str, server: Server, **changes: Any) -> tuple[Cost, ...]:
    table = replace(STORED, **changes)
    stored = {"stack": table, "snapshot": replace(table, name="snapshot")}
    return costs([_migration(body)], LIVE, server, stored)


def _cost(body: str, server: Server, **changes: Any) -> tuple[str, str]:
    (cost,) = _costs(body, server, **changes)
    return cost.work, cost.waits


ADD = "op.add_column('stack', sa.Column('x', sa.String(255)))"
DROP = "op.drop_column('stack', 'text')"
INDEX = "op.create_index('ix', 'stack', ['name'])"


@pytest.mark.parametrize(
    ("server", "changes", "expected"),
    [
        (replace(MARIADB, version=(10, 3, 1)), {}, ("rebuild", "nothing")),
        (replace(MARIADB, version=(10, 3, 2)), {}, ("catalog", "nothing")),
        (MARIADB, {}, ("catalog", "nothing")),
        (MARIADB, {"row_format": "Compressed"}, ("rebuild", "nothing")),
        (MARIADB, {"fulltext": True}, ("rebuild", "writes")),
        (MARIADB, {"engine": "Aria"}, ("copy", "writes")),
        (MARIADB, {"row_versions": None}, ("catalog", "nothing")),
        (replace(MARIADB, settings={"alter_algorithm": "COPY"}), {}, ("copy", "writes")),
        (replace(MARIADB, settings={"alter_algorithm": "DEFAULT"}), {}, ("catalog", "nothing")),
        (
            replace(MARIADB, settings={"innodb_instant_alter_column_allowed": "never"}),
            {},
            ("rebuild", "nothing"),
        ),
        (
            replace(MARIADB, settings={"innodb_instant_alter_column_allowed": "add_last"}),
            {},
            ("catalog", "nothing"),
        ),
        (replace(MYSQL, version=(8, 0, 11)), {}, ("rebuild", "nothing")),
        (replace(MYSQL, version=(5, 7, 44)), {}, ("rebuild", "nothing")),
        (replace(MYSQL, version=(8, 0, 12)), {"row_versions": None}, ("catalog", "nothing")),
        (MYSQL, {}, ("catalog", "nothing")),
        (MYSQL, {"row_versions": 63}, ("catalog", "nothing")),
        (MYSQL, {"row_versions": 64}, ("rebuild", "nothing")),
        (MYSQL, {"row_format": "Compressed"}, ("rebuild", "nothing")),
        (MYSQL, {"fulltext": True}, ("rebuild", "writes")),
        (replace(MYSQL, settings={"old_alter_table": "ON"}), {}, ("copy", "writes")),
        (POSTGRESQL, {}, ("catalog", "reads and writes")),
        (SQLITE, {}, ("catalog", "writes")),
        (replace(SQLITE, version=(3, 34, 1)), {"rows": None}, ("catalog", "writes")),
    ],
)
def test_where_a_column_is_added_at_once(
    server: Server, changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert _cost(ADD, server, **changes) == expected


def test_row_versions_that_are_not_shown_are_a_condition() -> None:
    (cost,) = _costs(ADD, MYSQL, row_versions=None)
    assert cost.work == "catalog"
    assert cost.provided == "if fewer than 64 row versions are in use, which only PROCESS shows"
    (cost,) = _costs(ADD, MYSQL)
    assert cost.provided == ""


@pytest.mark.parametrize(
    ("body", "mysql", "postgresql"),
    [
        (
            "op.add_column('stack', sa.Column('x', sa.Integer, server_default='0'))",
            ("catalog", "nothing"),
            ("catalog", "reads and writes"),
        ),
        (
            "op.add_column('stack', sa.Column('x', sa.Integer, server_default=sa.text('7')))",
            ("catalog", "nothing"),
            ("catalog", "reads and writes"),
        ),
        (
            "op.add_column('stack', sa.Column('x', sa.Text, server_default=sa.text('gen()')))",
            ("copy", "writes"),
            ("copy", "reads and writes"),
        ),
        (
            "op.add_column('stack', sa.Column('x', sa.Integer, sa.Identity()))",
            ("copy", "writes"),
            ("copy", "reads and writes"),
        ),
        (
            "op.add_column('stack', sa.Column('x', sa.Integer, unique=True))",
            ("index", "nothing"),
            ("index", "reads and writes"),
        ),
        (
            "op.add_column('stack', sa.Column('x', sa.Integer, index=True))",
            ("index", "nothing"),
            ("index", "reads and writes"),
        ),
        (DROP, ("catalog", "nothing"), ("catalog", "reads and writes")),
        (
            "op.drop_column('stack', 'name')",
            ("rebuild", "nothing"),
            ("catalog", "reads and writes"),
        ),
        (INDEX, ("index", "nothing"), ("index", "writes")),
        (
            "op.create_unique_constraint('u', 'stack', ['name'])",
            ("index", "nothing"),
            ("index", "reads and writes"),
        ),
        ("op.drop_index('ix', 'stack')", ("catalog", "nothing"), ("catalog", "reads and writes")),
        (
            "op.alter_column('stack', 'name', nullable=False)",
            ("rebuild", "nothing"),
            ("scan", "reads and writes"),
        ),
        (
            "op.alter_column('stack', 'id', nullable=True)",
            ("rebuild", "nothing"),
            ("catalog", "reads and writes"),
        ),
        (
            "op.alter_column('stack', 'name', server_default='x')",
            ("catalog", "nothing"),
            ("catalog", "reads and writes"),
        ),
        (
            "op.alter_column('stack', 'name', type_=sa.String(80))",
            ("catalog", "nothing"),
            ("catalog", "reads and writes"),
        ),
        (
            "op.alter_column('stack', 'name', type_=sa.String(300))",
            ("copy", "writes"),
            ("catalog", "reads and writes"),
        ),
        (
            "op.alter_column('stack', 'name', type_=sa.Text())",
            ("copy", "writes"),
            ("catalog", "reads and writes"),
        ),
        (
            "op.alter_column('stack', 'name', type_=sa.String(40))",
            ("copy", "writes"),
            ("copy", "reads and writes"),
        ),
        (
            # alembic would make it nullable, for nobody says that it is not.
            "op.alter_column('stack', 'id', type_=sa.String(40))",
            ("copy", "writes"),
            ("catalog", "reads and writes"),
        ),
        (
            "op.alter_column('stack', 'name', new_column_name='title')",
            ("catalog", "nothing"),
            ("catalog", "reads and writes"),
        ),
        (
            "op.create_check_constraint('c', 'stack', 'name > 1')",
            ("copy", "writes"),
            ("scan", "reads and writes"),
        ),
        ("op.drop_table('stack')", ("catalog", "nothing"), ("catalog", "reads and writes")),
        ("op.rename_table('stack', 'y')", ("catalog", "nothing"), ("catalog", "reads and writes")),
        ("op.execute('UPDATE stack SET name = 1')", ("rows", "writes"), ("rows", "writes")),
        ("op.execute('INSERT INTO stack VALUES (1)')", ("rows", "nothing"), ("rows", "nothing")),
        (
            "with op.batch_alter_table('stack', recreate='always') as batch:\n"
            "    batch.add_column(sa.Column('x', sa.Integer))",
            ("copy", "writes"),
            ("copy", "reads and writes"),
        ),
        (
            "op.execute('OPTIMIZE TABLE stack')",
            ("unknown", "reads and writes"),
            ("unknown", "reads and writes"),
        ),
    ],
)
def test_what_an_operation_costs(
    body: str, mysql: tuple[str, str], postgresql: tuple[str, str]
) -> None:
    assert _cost(body, MARIADB) == mysql
    assert _cost(body, MYSQL) == mysql
    assert _cost(body, POSTGRESQL) == postgresql


def test_an_older_postgresql_rewrites_for_a_constant() -> None:
    body = "op.add_column('stack', sa.Column('x', sa.Integer, server_default='0'))"
    assert _cost(body, replace(POSTGRESQL, version=(10, 23)))[0] == "copy"


def test_a_varchar_whose_length_fits_one_byte_grows_at_once_on_mariadb() -> None:
    body = "op.alter_column('stack', 'name', type_=sa.String(300))"
    short: dict[str, Any] = {"octets": {"name": 120}}
    assert _cost(body, MARIADB, **short)[0] == "catalog"
    assert _cost(body, replace(MARIADB, version=(10, 4, 2)), **short)[0] == "copy"
    assert _cost(body, MYSQL, **short)[0] == "copy"


def test_a_foreign_key_is_checked_row_by_row() -> None:
    body = "op.create_foreign_key('f', 'stack', 'snapshot', ['name'], ['id'])"
    its = [(cost.table, cost.work, cost.waits) for cost in _costs(body, MYSQL)]
    assert its == [("stack", "copy", "writes"), ("snapshot", "catalog", "nothing")]
    unchecked = replace(MYSQL, settings={"foreign_key_checks": "OFF"})
    assert _costs(body, unchecked)[0].work == "catalog"
    its = [(cost.table, cost.work, cost.waits) for cost in _costs(body, POSTGRESQL)]
    assert its == [("stack", "scan", "writes"), ("snapshot", "catalog", "writes")]


def test_what_is_new_costs_nothing_but_locks_what_it_refers_to() -> None:
    body = (
        "op.create_table('t', sa.Column('id', sa.Integer), "
        "sa.Column('s', sa.String(36), sa.ForeignKey('snapshot.id')))\n"
        "op.create_index('ix', 't', ['s'])\n"
        "op.execute(sa.select(sa.table('stack')))"
    )
    its = [(cost.table, cost.work, cost.does) for cost in _costs(body, MYSQL)]
    assert its == [("snapshot", "catalog", "lets t refer to it")]


def test_a_back_fill_of_a_new_column_touches_every_row() -> None:
    update = "op.execute(sa.table('stack').update().values(x=1))"
    assert [cost.work for cost in _costs(f"{ADD}\n{update}", MYSQL)] == ["catalog", "rows"]


@pytest.mark.parametrize("server", [MYSQL, POSTGRESQL])
def test_a_table_that_is_not_there_and_that_nothing_makes(server: Server) -> None:
    assert _cost("op.drop_column('gone', 'x')", server)[0] == "unknown"


def test_a_table_whose_size_is_hidden_is_not_taken_for_small() -> None:
    (cost,) = costs([_migration(INDEX)], LIVE, MYSQL, {})
    assert exceeds(cost, None, GIB) is None
    for table in (replace(STORED, data_bytes=None), replace(STORED, index_bytes=None)):
        assert exceeds(cost, table, GIB) is None
    assert exceeds(cost, STORED, GIB) is True
    assert exceeds(cost, STORED, 2 * GIB) is False


# --- how long


_AT = {"stack": 1000, "snapshot": 50}


def _made(revision: str, table: str, work: Any) -> Cost:
    return Cost(revision, table, "does", work, "nothing", "", "f.py", 1)


@pytest.mark.parametrize(
    ("made", "measured", "rows", "expected"),
    [
        ([], {}, {}, 0.0),
        ([_made("a", "stack", "copy")], {}, {"stack": 1}, None),
        ([_made("a", "stack", "catalog")], {}, {"stack": 1}, 0.0),
        ([_made("a", "stack", "catalog")], {"a": MeasuredRevision(2.0, {})}, {}, 2.0),
        ([_made("a", "stack", "rows")], {"a": MeasuredRevision(2.0, _AT)}, {"stack": 3000}, 6.0),
        ([_made("a", "stack", "rows")], {"a": MeasuredRevision(2.0, _AT)}, {"stack": 10}, 2.0),
        ([_made("a", "stack", "rows")], {"a": MeasuredRevision(2.0, _AT)}, {"stack": None}, None),
        ([_made("a", "stack", "rows")], {"a": MeasuredRevision(2.0, {})}, {"stack": 10}, None),
        (
            [_made("a", "stack", "rows")],
            {"a": MeasuredRevision(2.0, {"stack": 0})},
            {"stack": 10},
            None,
        ),
        (
            [_made("a", "stack", "rows")],
            {"a": MeasuredRevision(2.0, {"stack": 0})},
            {"stack": 0},
            2.0,
        ),
        (
            [
                _made("a", "stack", "rows"),
                _made("a", "snapshot", "copy"),
                _made("b", "snapshot", "index"),
            ],
            {"a": MeasuredRevision(2.0, _AT), "b": MeasuredRevision(1.0, _AT)},
            {"stack": 2000, "snapshot": 200},
            8.0 + 4.0,
        ),
    ],
)
def test_how_long_it_will_take(
    made: list[Cost],
    measured: dict[str, MeasuredRevision],
    rows: dict[str, int | None],
    expected: float | None,
) -> None:
    assert expected_seconds(made, measured, rows) == expected


# --- the judgement


def _judge(
    body: str,
    *,
    server: Server = MARIADB,
    revisions: tuple[str, ...] = ("c6214ca60943",),
    window: str | None = None,
    rehearsed: Rehearsal | None = None,
    **changes: Any,
) -> Judgement:
    table = replace(STORED, **changes)
    first = Migration("c6214ca60943", (), "c6214ca60943_initial.py", ())
    return judge(
        CHECK,
        "installed",
        of=plan(
            window=window,
            current={"python": "/opt/n/bin/python", "config": ["/etc/heat/heat.conf"]},
        ),
        target_migrations=Migrations("/n1/bin/python", (first, _migration(body))),
        database=a_database(revisions=revisions),
        live_schema=LiveSchema("heat", "mysql", LIVE),
        table_sizes=TableSizes("heat", server, (table,)),
        rehearsal=LastRehearsal("reports/cost", rehearsed),
    )


BIG: dict[str, Any] = {"data_bytes": 6 * GIB}
UPDATE = "op.execute('UPDATE stack SET name = 1')"


@pytest.mark.parametrize(
    ("body", "changes", "level"),
    [
        (ADD, {}, "note"),
        (ADD, BIG, "note"),
        (ADD, BIG | {"row_format": "Compressed"}, "warning"),
        (INDEX, {}, "note"),
        (INDEX, BIG, "warning"),
        (UPDATE, BIG, "warning"),
        ("op.alter_column('stack', 'name', type_=sa.Text())", BIG, "warning"),
        ("op.execute('OPTIMIZE TABLE stack')", {}, "warning"),
    ],
)
def test_how_much_it_weighs(body: str, changes: dict[str, Any], level: str) -> None:
    gate = _judge(body, **changes)
    assert ([each.level for each in gate.findings], gate.unknowns) == ([level], [])


def test_what_is_said_of_a_large_table() -> None:
    (finding,) = _judge(INDEX, **BIG).findings
    assert finding.object == "stack"
    assert finding.summary == (
        "bbb creates an index: every row is read into an index, nothing waits "
        "(about 1000 rows, 6.5 GiB)"
    )
    assert finding.commands == (
        (
            "/opt/n/bin/heat-manage",
            "--config-file",
            "/etc/heat/heat.conf",
            "purge_deleted",
            "90",
        ),
        ("heat-upgrade-check", "rehearse"),
    )
    (finding,) = _judge(INDEX, server=POSTGRESQL).findings
    assert "writes wait until db_sync ends" in finding.summary
    (finding,) = _judge(INDEX, server=replace(MARIADB, galera=GALERA), **BIG).findings
    assert "every write to the Galera cluster waits" in finding.summary


def test_row_versions_that_are_not_shown_matter_for_a_large_table() -> None:
    assert [each.level for each in _judge(ADD, server=MYSQL, row_versions=None).findings] == [
        "note"
    ]
    (finding,) = _judge(ADD, server=MYSQL, row_versions=None, **BIG).findings
    assert finding.level == "warning"
    assert "if fewer than 64 row versions are in use" in finding.summary


def test_a_size_that_is_not_known() -> None:
    gate = _judge(INDEX, data_bytes=None)
    assert gate.findings == []
    assert gate.unknowns[0].startswith("stack: bbb creates an index:")
    assert "size unknown" in gate.unknowns[0]
    gate = _judge(ADD, data_bytes=None)
    assert ([each.level for each in gate.findings], gate.unknowns) == (["note"], [])


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, False),
        ({"max_rows": 999}, True),
        ({"max_rows": 1000}, False),
        ({"max_bytes": 2 * GIB - 1}, True),
        ({"max_bytes": 2 * GIB}, False),
        ({"max_bytes": 1024, "fragments": True}, False),
        ({"max_bytes": 1024, "full_images": False}, False),
    ],
)
def test_what_galera_refuses(changes: dict[str, Any], refused: bool) -> None:
    galera = replace(GALERA, max_bytes=3 * GIB)
    server = replace(MARIADB, galera=replace(galera, **changes))
    (finding,) = _judge(UPDATE, server=server).findings
    assert finding.level == ("blocker" if refused else "note")


def test_rolling_schema_upgrades_alter_one_node_only() -> None:
    server = replace(MARIADB, galera=replace(GALERA, method="RSU"))
    for body in (ADD, "op.create_table('t', sa.Column('id', sa.Integer))", "op.execute('X')"):
        levels = {each.object: each.level for each in _judge(body, server=server).findings}
        assert levels["wsrep_OSU_method"] == "blocker"
    assert [each.level for each in _judge("pass", server=server).findings] == []


@pytest.mark.parametrize(("body", "said"), [(ADD, 0), (INDEX, 1), ("op.execute('X')", 1)])
def test_a_window_and_nothing_measured(body: str, said: int) -> None:
    of_window = [each for each in _judge(body, window="30m").findings if each.object == "window"]
    assert len(of_window) == said
    assert not [each for each in _judge(body).findings if each.object == "window"]
    for finding in of_window:
        assert finding.level == "warning"
        assert finding.summary == "is 30 min; how long the migration takes is not measured"


@pytest.mark.parametrize(("seconds", "too_long"), [(10.0, False), (40.0, True)])
def test_a_window_and_what_a_rehearsal_measured(seconds: float, too_long: bool) -> None:
    rows = {"stack": (STORED.rows or 0) // 50}
    rehearsed = a_rehearsal(
        restored=Restored(1.0, rows, "c6214ca60943"),
        migrated=Migrated(seconds, (TimedRevision("bbb", seconds),)),
    )
    found = _judge(INDEX, window="30m", rehearsed=rehearsed).findings
    of_window = [each for each in found if each.object == "window"]
    assert [each.level for each in of_window] == ["blocker"] * too_long
    for each in of_window:
        assert each.data["seconds"] == 50 * seconds
        assert "the migration will take 33 min 20 s" in each.summary


def test_what_has_run_already_is_not_judged() -> None:
    gate = _judge(INDEX, revisions=("bbb",), window="1m", **BIG)
    assert (gate.findings, gate.unknowns) == ([], [])
    with pytest.raises(Unobserved, match=r"do not know where heat is \(zzz\)"):
        _judge(INDEX, revisions=("zzz",))


def test_without_an_interpreter_pre_leaves_the_question_to_installed() -> None:
    facts: dict[str, Any] = {
        "target_migrations": Migrations("", ()),
        "database": a_database(),
        "live_schema": LiveSchema("heat", "mysql", LIVE),
        "table_sizes": TableSizes("heat", MARIADB, (STORED,)),
        "rehearsal": LastRehearsal("reports/cost", None),
    }
    with pytest.raises(NotConfigured, match="phase installed asks again"):
        CHECK(**facts, gate=hand(plan(), "pre"))
    with pytest.raises(Unobserved, match=r"the migrations cannot be read; add target\.python"):
        judge(CHECK, "installed", **facts)


def test_a_recording_gives_the_same_facts() -> None:
    facts = TableSizes("heat", replace(MARIADB, galera=GALERA), (STORED, StoredTable("t")))
    adapter = TypeAdapter(TableSizes)
    assert adapter.validate_json(adapter.dump_json(facts)) == facts
