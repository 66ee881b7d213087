"""What counts as a difference that breaks a release, and in which types a column's values fit."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from heat_upgrade_checks.evidence.code.models import Models
from heat_upgrade_checks.evidence.database.live_schema import LiveSchema
from heat_upgrade_checks.schema.column_types import relation
from heat_upgrade_checks.schema.comparison import Difference, differences
from heat_upgrade_checks.schema.description import Column, ForeignKey, Table
from tests.judging import check_at, judge

ID = Column("id", "INTEGER", False, False, True)
NAME = Column("name", "VARCHAR(255)", True, False, False)
STACK = Table("stack", (ID, NAME), (("id",),), ())
OWNER = Column("stack_id", "VARCHAR(36)", False, False, False)
TO_STACK = ForeignKey(("stack_id",), "stack", ("id",), "")
SNAPSHOT = Table("snapshot", (ID, OWNER), (("id",),), (TO_STACK,))
MODELS = (STACK, SNAPSHOT)


def _with(table: Table, *columns: Column) -> Table:
    """The table with these columns in place of those of the same name, or added."""
    given: Mapping[str, Column] = {column.name: column for column in (*table.columns, *columns)}
    return replace(table, columns=tuple(given.values()))


NEW = Column("new", "INTEGER", True, False, False)


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        (MODELS, []),
        ((STACK,), [("missing-table", "snapshot")]),
        ((replace(STACK, columns=(ID,)), SNAPSHOT), [("missing-column", "stack.name")]),
        ((_with(STACK, NEW), SNAPSHOT), [("extra-column", "stack.new")]),
        (
            (_with(STACK, replace(NEW, nullable=False)), SNAPSHOT),
            [("unwritten-column", "stack.new")],
        ),
        (
            (_with(STACK, replace(NEW, nullable=False, server_default=True)), SNAPSHOT),
            [("extra-column", "stack.new")],
        ),
        (
            # The server's default does not help: NULL is written.
            (_with(STACK, replace(NAME, nullable=False, server_default=True)), SNAPSHOT),
            [("not-null", "stack.name")],
        ),
        (
            (_with(STACK, replace(ID, server_default=False)), SNAPSHOT),
            [("not-generated", "stack.id")],
        ),
        (
            (_with(STACK, replace(NAME, type="VARCHAR(100)")), SNAPSHOT),
            [("narrower-type", "stack.name")],
        ),
        (
            (_with(STACK, replace(NAME, type="INTEGER")), SNAPSHOT),
            [("other-type", "stack.name")],
        ),
        ((replace(STACK, keys=(("id",), ("name",))), SNAPSHOT), [("unique", "stack.name")]),
        ((replace(STACK, keys=(("id",), ("id", "name"))), SNAPSHOT), []),
        ((replace(STACK, keys=()), SNAPSHOT), [("not-unique", "stack.id")]),
        (
            (replace(STACK, foreign_keys=(ForeignKey(("name",), "x", ("id",), ""),)), SNAPSHOT),
            [("constrained", "stack.name")],
        ),
        (
            (STACK, replace(SNAPSHOT, foreign_keys=())),
            [("unreferenced", "snapshot.stack_id")],
        ),
        ((*MODELS, Table("mine", (ID,), (("id",),), ())), []),
        (
            (*MODELS, Table("mine", (ID, OWNER), (("id",),), (TO_STACK,))),
            [("referred", "mine")],
        ),
        (
            (
                *MODELS,
                replace(
                    SNAPSHOT, name="mine", foreign_keys=(replace(TO_STACK, on_delete="CASCADE"),)
                ),
            ),
            [],
        ),
        (
            (
                replace(
                    _with(STACK, NEW), foreign_keys=(ForeignKey(("new",), "snapshot", ("id",), ""),)
                ),
                SNAPSHOT,
            ),
            [("extra-column", "stack.new"), ("referred", "stack")],
        ),
    ],
)
def test_differences(database: tuple[Table, ...], expected: list[tuple[str, str]]) -> None:
    found = differences(MODELS, database, "mysql")
    assert [(each.kind, each.object) for each in found] == expected


def test_a_column_that_the_release_fills_in_may_become_not_null() -> None:
    filled = replace(NAME, default=True)
    live = replace(NAME, nullable=False)
    assert differences((_with(STACK, filled),), (_with(STACK, live),), "mysql") == ()


def test_a_cascade_that_was_lost() -> None:
    models = (STACK, replace(SNAPSHOT, foreign_keys=(replace(TO_STACK, on_delete="CASCADE"),)))
    (found,) = differences(models, MODELS, "mysql")
    assert found == Difference(
        "constrained", "snapshot.stack_id", "", "(stack_id) refers to stack (id)"
    )


@pytest.mark.parametrize(
    ("dialect", "needed", "found", "expected"),
    [
        ("mysql", "BOOL", "TINYINT(1)", "holds"),
        ("mysql", "BOOL", "INTEGER(11)", "holds"),
        ("mysql", "BOOL", "BIT(1)", "other"),
        ("mysql", "INTEGER", "INTEGER(11)", "holds"),
        ("mysql", "INTEGER", "BIGINT(20)", "holds"),
        ("mysql", "INTEGER", "SMALLINT(6)", "narrower"),
        ("mysql", "INTEGER", "INTEGER(10) UNSIGNED", "other"),
        (
            "mysql",
            "VARCHAR(255)",
            "VARCHAR(255) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin",
            "holds",
        ),
        ("mysql", "VARCHAR(255)", "VARCHAR(256)", "holds"),
        ("mysql", "VARCHAR(256)", "VARCHAR(255)", "narrower"),
        ("mysql", "VARCHAR(255)", "TEXT", "holds"),
        ("mysql", "VARCHAR(255)", "TINYTEXT", "narrower"),
        ("mysql", "LONGTEXT", "LONGTEXT COLLATE utf8mb4_bin", "holds"),
        ("mysql", "LONGTEXT", "MEDIUMTEXT", "narrower"),
        ("mysql", "LONGTEXT", "JSON", "other"),
        ("mysql", "LONGTEXT", "LONGBLOB", "other"),
        ("mysql", "BLOB", "LONGBLOB", "holds"),
        ("mysql", "DATETIME", "DATETIME(6)", "holds"),
        ("mysql", "DATETIME", "TIMESTAMP", "other"),
        ("mysql", "DATETIME", "DATE", "other"),
        ("mysql", "VARCHAR(36)", "ENUM('a','b')", "other"),
        ("postgresql", "VARCHAR(255)", "TEXT", "holds"),
        ("postgresql", "VARCHAR(255)", "VARCHAR", "holds"),
        ("postgresql", "TEXT", "VARCHAR(4000)", "narrower"),
        ("postgresql", "TEXT", "JSON", "other"),
        ("postgresql", "TEXT", "JSONB", "other"),
        ("postgresql", "BOOLEAN", "SMALLINT", "other"),
        ("postgresql", "INTEGER", "BIGINT", "holds"),
        ("postgresql", "TIMESTAMP WITHOUT TIME ZONE", "TIMESTAMP(6) WITHOUT TIME ZONE", "holds"),
        ("postgresql", "TIMESTAMP WITHOUT TIME ZONE", "TIMESTAMP(0) WITHOUT TIME ZONE", "narrower"),
        ("postgresql", "TIMESTAMP WITHOUT TIME ZONE", "TIMESTAMP WITH TIME ZONE", "other"),
        ("postgresql", "VARCHAR(36)", "UUID", "other"),
        ("postgresql", "BYTEA", "BYTEA", "holds"),
        ("sqlite", "VARCHAR(255)", "TEXT", "holds"),
    ],
)
def test_which_types_hold_the_values_of_which(
    dialect: str, needed: str, found: str, expected: str
) -> None:
    assert relation(needed, found, dialect) == expected


@pytest.mark.parametrize(
    "facts", [Models("/n/bin/python", MODELS), LiveSchema("heat", "mysql", MODELS)]
)
def test_a_recording_gives_the_same_facts(facts: Models | LiveSchema) -> None:
    adapter = TypeAdapter(type(facts))
    assert adapter.validate_json(adapter.dump_json(facts)) == facts


def test_what_is_said_of_a_new_foreign_key_onto_snapshots() -> None:
    ours = ForeignKey(("snapshot_id",), "snapshot", ("id",), "")
    live = (*MODELS, Table("resource_snapshot", (ID, OWNER), (("id",),), (ours,)))
    gate = judge(
        check_at("schema.serves-current", "synced"),
        "synced",
        current_models=Models("/n/bin/python", MODELS),
        live_schema=LiveSchema("heat", "mysql", live),
    )
    (finding,) = gate.findings
    assert (finding.level, finding.object) == ("warning", "resource_snapshot")
    assert finding.summary == (
        "(snapshot_id) refers to snapshot (id); the current release does not know of it, so its "
        "deletes of these rows of snapshot fail"
    )
    assert finding.hint == (
        "Do not delete or restore snapshots, nor delete stacks that have one, through the current "
        "release's API until that release is gone."
    )


def test_a_missing_column_blocks_the_target() -> None:
    gate = judge(
        check_at("schema.serves-target", "synced"),
        "post",
        target_models=Models("/n1/bin/python", (_with(STACK, NEW), SNAPSHOT)),
        live_schema=LiveSchema("heat", "mysql", MODELS),
    )
    (finding,) = gate.findings
    assert (finding.level, finding.object) == ("blocker", "stack.new")
    assert finding.summary == ("is missing; the target release names it in its queries (INTEGER)")
