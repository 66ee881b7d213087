"""What pending migrations are said to cost on servers of every kind, and how long they take."""

from dataclasses import replace
from typing import Any

import pytest

from heat_upgrade_checks.schema.change_cost.figures import (
    MeasuredRevision,
    exceeds,
    expected_seconds,
)
from heat_upgrade_checks.schema.change_cost.pending import Cost, costs
from heat_upgrade_checks.schema.change_cost.server import Server
from tests.unit.schema.costs import (
    ADD,
    GIB,
    INDEX,
    LIVE,
    MARIADB,
    MYSQL,
    POSTGRESQL,
    STORED,
    migration,
)

SQLITE = Server("SQLite", (3, 45, 1), {}, None)


def _costs(body: str, server: Server, **changes: Any) -> tuple[Cost, ...]:
    table = replace(STORED, **changes)
    stored = {"stack": table, "snapshot": replace(table, name="snapshot")}
    return costs([migration(body)], LIVE, server, stored)


def _cost(body: str, server: Server, **changes: Any) -> tuple[str, str]:
    (cost,) = _costs(body, server, **changes)
    return cost.work, cost.waits


DROP = "op.drop_column('stack', 'text')"


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
    (cost,) = costs([migration(INDEX)], LIVE, MYSQL, {})
    assert exceeds(cost, None, GIB) is None
    for table in (replace(STORED, data_bytes=None), replace(STORED, index_bytes=None)):
        assert exceeds(cost, table, GIB) is None
    assert exceeds(cost, STORED, GIB) is True
    assert exceeds(cost, STORED, 2 * GIB) is False


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
