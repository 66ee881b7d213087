"""Which migrations are pending, whom they spare, and what is said of them."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.code.migration_files import Migrations
from heat_upgrade_checks.evidence.database.live_schema import LiveSchema
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.schema.description import Column, Table
from heat_upgrade_checks.schema.migrations import Migration, UnknownRevision, in_context, pending
from tests.facts import a_database
from tests.judging import check_at, hand, judge, plan
from tests.made_up_migration import migration

CHECK = check_at("schema.expand-only", "pre")
STACK = Table(
    "stack",
    tuple(Column(name, "VARCHAR(255)", True, False, False) for name in ("id", "name", "action")),
    (("id",),),
    (),
)
SNAPSHOT = replace(STACK, name="snapshot")
LIVE = LiveSchema("heat", "mysql", (STACK, SNAPSHOT))


def test_a_recording_gives_the_same_facts() -> None:
    facts = Migrations("/n1/bin/python", (migration("op.drop_column('stack', 'name')"),))
    adapter = TypeAdapter(Migrations)
    assert adapter.validate_json(adapter.dump_json(facts)) == facts


def _chain(*names: str) -> tuple[Migration, ...]:
    before = ((), *((name,) for name in names))
    return tuple(
        Migration(name, previous, f"{name}.py", ())
        for name, previous in zip(names, before, strict=False)
    )


ALEMBIC = _chain("c6214ca60943", "d2", "88", "97")
NUMBERED = tuple(Migration(str(n), (str(n - 1),), f"0{n}_x.py", ()) for n in range(73, 87))


@pytest.mark.parametrize(
    ("migrations", "revisions", "migrate_version", "expected"),
    [
        (ALEMBIC, ("97",), None, []),
        (ALEMBIC, ("d2",), 86, ["88", "97"]),
        (ALEMBIC, (), 86, ["d2", "88", "97"]),
        (ALEMBIC, (), None, ["c6214ca60943", "d2", "88", "97"]),
        (NUMBERED, (), 86, []),
        (NUMBERED, (), 84, ["85", "86"]),
    ],
)
def test_pending(
    migrations: tuple[Migration, ...],
    revisions: tuple[str, ...],
    migrate_version: int | None,
    expected: list[str],
) -> None:
    for given in (migrations, migrations[::-1]):
        found = pending(given, revisions, migrate_version)
        assert [migration.revision for migration in found] == expected


@pytest.mark.parametrize(
    ("migrations", "revisions", "migrate_version"),
    [(ALEMBIC, ("zz",), None), (NUMBERED, ("97",), 86), (NUMBERED, (), 12)],
)
def test_a_database_at_a_revision_that_is_not_known(
    migrations: tuple[Migration, ...], revisions: tuple[str, ...], migrate_version: int | None
) -> None:
    with pytest.raises(UnknownRevision):
        pending(migrations, revisions, migrate_version)


@pytest.mark.parametrize(
    ("body", "spared"),
    [
        (
            "op.create_table('t', sa.Column('id', sa.Integer))\n"
            "op.create_index('ix', 't', ['id'], unique=True)",
            [False, True],
        ),
        (
            # It is there already: this is not what makes it.
            "op.create_table('stack', sa.Column('id', sa.Integer))\n"
            "op.drop_column('stack', 'name')",
            [False, False],
        ),
        (
            "op.add_column('stack', sa.Column('x', sa.Integer))\n"
            "op.create_foreign_key('f', 'stack', 'snapshot', ['x'], ['id'])",
            [False, True],
        ),
        (
            "op.add_column('stack', sa.Column('x', sa.Integer))\n"
            "op.execute(sa.table('stack').update().values(x=1))\n"
            "op.alter_column('stack', 'x', nullable=False)",
            [False, True, False],
        ),
        (
            "op.add_column('stack', sa.Column('x', sa.Integer))\n"
            "op.execute(sa.table('stack').update().values(x=1, name='y'))",
            [False, False],
        ),
    ],
)
def test_what_is_done_to_what_is_new_spares_older_releases(body: str, spared: list[bool]) -> None:
    assert [new for _, _, new in in_context([migration(body)], LIVE.tables)] == spared


def _judge(body: str, *, mode: str = "rolling", **changes: Any) -> Judgement:
    first = Migration("c6214ca60943", (), "c6214ca60943_initial.py", ())
    facts = Migrations("/n1/bin/python", (first, migration(body)))
    return judge(
        CHECK,
        "installed",
        of=plan(mode=mode),
        target_migrations=facts,
        database=a_database(**changes),
        live_schema=LIVE,
    )


@pytest.mark.parametrize(
    ("body", "rolling", "cold"),
    [
        ("op.add_column('stack', sa.Column('x', sa.Integer))", [], []),
        ("op.drop_column('stack', 'name')", ["blocker"], ["warning"]),
        ("op.execute('DROP TABLE stack')", ["blocker"], ["warning"]),
        ("op.execute('UPDATE stack SET name = 1')", ["warning"], ["note"]),
        (
            "op.add_column('stack', sa.Column('x', sa.Integer))\n"
            "op.execute(sa.table('stack').update().values(x=1))",
            ["note"],
            ["note"],
        ),
        (
            "op.create_table('t', sa.Column('id', sa.Integer))\nop.bulk_insert(sa.table('t'), [])",
            [],
            [],
        ),
        (
            "op.create_table('t', sa.Column('id', sa.Integer), "
            "sa.Column('s', sa.String(36), sa.ForeignKey('snapshot.id')))",
            ["note"],
            [],
        ),
    ],
)
def test_how_much_it_weighs(body: str, rolling: list[str], cold: list[str]) -> None:
    assert [each.level for each in _judge(body).findings] == rolling
    assert [each.level for each in _judge(body, mode="cold").findings] == cold


def test_what_is_said_of_a_dropped_column() -> None:
    (finding,) = _judge("op.drop_column('stack', 'name')").findings
    assert finding.object == "stack"
    assert finding.summary == "bbb drops column name: its queries name the column"
    assert finding.data["file"] == "bbb_made_up.py"


def test_what_has_run_already_is_not_judged() -> None:
    gate = _judge("op.drop_column('stack', 'name')", revisions=("bbb",))
    assert (gate.findings, gate.unknowns) == ([], [])
    with pytest.raises(Unobserved, match=r"do not know where heat is \(zzz\)"):
        _judge("pass", revisions=("zzz",))


def test_without_an_interpreter_pre_leaves_the_question_to_installed() -> None:
    facts: dict[str, Any] = {
        "target_migrations": Migrations("", ()),
        "database": a_database(),
        "live_schema": LIVE,
    }
    with pytest.raises(NotConfigured, match="phase installed asks again"):
        CHECK(**facts, gate=hand(plan(), "pre"))
    with pytest.raises(Unobserved, match=r"the migrations cannot be read; add target\.python"):
        judge(CHECK, "installed", **facts)
