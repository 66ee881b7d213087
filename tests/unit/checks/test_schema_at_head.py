"""The judgement on the schema's revision."""

from typing import Any

import pytest

from tests.facts import (
    a_database,
)
from tests.judging import CALLED_WITH, check_at, judge, plan
from tests.unit.checks.judged import a_release, sentences


@pytest.mark.parametrize(
    ("database", "release", "expected"),
    [
        ({}, {"schema_heads": ("c6214ca60943",)}, None),
        ({"revisions": (), "migrate_version": 86}, {"migrate_head": 86}, None),
        ({"revisions": (), "migrate_version": 79}, {"migrate_head": 86}, "is at 79;"),
        ({"revisions": ()}, {"schema_heads": ("c6214ca60943",)}, "is at no revision;"),
        # Alembic has taken over: 2023.1 must not run on it, whatever migrate_version says.
        ({"migrate_version": 86}, {"migrate_head": 86}, "is at c6214ca60943;"),
    ],
)
def test_schema(database: dict[str, Any], release: dict[str, Any], expected: str | None) -> None:
    facts: dict[str, Any] = {
        "database": a_database(**database),
        "current_release": a_release("25.0.2", **release),
        "target_release": a_release("26.0.2", schema_heads=("97b2a986f922",)),
    }
    of = plan(
        current={
            "python": "/opt/n/bin/python",
            "prefix": ["podman", "exec", "heat"],
            "config": ["/etc/heat/heat.conf"],
        }
    )
    gate = judge(check_at("schema.at-head", "pre"), "pre", of=of, **facts)
    said = sentences(gate)
    assert said == [] if expected is None else expected in said[0]
    manage = ("/opt/n/bin/heat-manage", "--config-file", "/etc/heat/heat.conf")
    for finding in gate.findings:
        assert finding.commands == (("podman", "exec", "heat", *manage, "db_sync"),)


def test_a_release_without_an_interpreter_has_no_head() -> None:
    facts: dict[str, Any] = {
        "database": a_database(),
        "current_release": a_release("25.0.2"),
        "target_release": a_release("26.0.2"),
    }
    gate = judge(check_at("schema.at-head", "pre"), "pre", **facts)
    assert "add current.python to the plan" in gate.unknowns[0]


HEADS = {"current": ("c6214ca60943",), "target": ("97b2a986f922",)}


@pytest.mark.parametrize(
    ("revisions", "said", "commands"),
    [
        (
            HEADS["target"],
            "is at 97b2a986f922 already, the head of the target, Heat 26.0.2: db_sync was run too "
            "early",
            (CALLED_WITH.complete(["heat-upgrade-check", "--phase", "synced"]),),
        ),
        (
            ("97b2a986f922", "c6214ca60943"),
            "has 2 rows in alembic_version (97b2a986f922, c6214ca60943), and Heat has one; db_sync "
            "does not mend that",
            (),
        ),
    ],
)
def test_what_the_current_release_cannot_sync(
    revisions: tuple[str, ...], said: str, commands: tuple[tuple[str, ...], ...]
) -> None:
    gate = judge(
        check_at("schema.at-head", "pre"),
        "pre",
        database=a_database(revisions=revisions),
        current_release=a_release("25.0.2", schema_heads=HEADS["current"]),
        target_release=a_release("26.0.2", schema_heads=HEADS["target"]),
    )
    (finding,) = gate.findings
    assert (finding.level, finding.summary, finding.commands) == ("blocker", said, commands)
