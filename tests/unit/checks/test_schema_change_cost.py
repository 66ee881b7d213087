"""The judgement on what the migrations will cost."""

from dataclasses import replace
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
from heat_upgrade_checks.schema.change_cost.server import Galera, Server, StoredTable
from heat_upgrade_checks.schema.migrations import Migration
from tests.facts import a_database, a_rehearsal
from tests.judging import CALLED_WITH, check_at, hand, judge, plan
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

CHECK = check_at("schema.change-cost", "pre")
GALERA = Galera("TOI", 0, 2**31 - 1, fragments=False, full_images=True)


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
        target_migrations=Migrations("/n1/bin/python", (first, migration(body))),
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
        CALLED_WITH.complete(("heat-upgrade-check", "rehearse")),
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
