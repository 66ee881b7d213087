"""The judgement on what became of the stacks, and the comparison that it rests on."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter

from heat_upgrade_checks.evidence.stacks.baseline import Baseline
from heat_upgrade_checks.evidence.stacks.failed_by_upgrade import (
    FailedByUpgrade,
    FailedResource,
    FailedStack,
    Twin,
)
from heat_upgrade_checks.evidence.stacks.preserved import (
    LISTED,
    Difference,
    Kind,
    Preserved,
    Total,
    accounted,
    compared,
)
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.records.baseline import StoredResource, StoredStack
from heat_upgrade_checks.records.findings import Level
from tests.judging import NOW, check_at, judge


def _stack(**changes: Any) -> StoredStack:
    made = StoredStack("s1", "web", "p1", "", "CREATE", "COMPLETE", "", ("ip",), ())
    return replace(made, **changes)


def _resource(name: str, physical: str = "x", status: str = "COMPLETE") -> StoredResource:
    return StoredResource(name, physical, "CREATE", status)


# --- the comparison


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("COMPLETE", "COMPLETE", []),
        ("COMPLETE", "FAILED", ["stack-failed"]),
        ("COMPLETE", "IN_PROGRESS", ["stack-in-progress"]),
        ("IN_PROGRESS", "COMPLETE", []),
        ("IN_PROGRESS", "IN_PROGRESS", []),
        ("IN_PROGRESS", "FAILED", ["stack-failed"]),
        ("FAILED", "FAILED", []),
        ("FAILED", "COMPLETE", []),
        ("FAILED", "IN_PROGRESS", []),
    ],
)
def test_statuses(before: str, now: str, expected: list[str]) -> None:
    found = list(compared(_stack(status=before), _stack(status=now)))
    assert [difference.kind for difference in found] == expected


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([_resource("a")], [_resource("a")], []),
        ([_resource("a")], [], [("resource-lost", "x", "")]),
        ([_resource("a", "")], [], [("resource-lost", "CREATE COMPLETE", "")]),
        ([_resource("a")], [_resource("a", "y")], [("resource-replaced", "x", "y")]),
        ([_resource("a")], [_resource("a", "")], [("resource-replaced", "x", "none")]),
        # It was not made yet.
        ([_resource("a", "")], [_resource("a", "y")], []),
        # A replacement stands beside it.
        ([_resource("a")], [_resource("a"), _resource("a", "y")], []),
        (
            [_resource("a")],
            [_resource("a", "x", "FAILED"), _resource("a", "y")],
            [("resource-failed",)],
        ),
        ([_resource("a")], [_resource("a", "x", "FAILED")], [("resource-failed",)]),
        ([_resource("a")], [_resource("a", "x", "IN_PROGRESS")], []),
        ([_resource("a", "x", "FAILED")], [_resource("a", "x", "FAILED")], []),
        (
            [_resource("a"), _resource("a", "y")],
            [_resource("a")],
            [("resource-replaced", "y", "x")],
        ),
    ],
)
def test_resources(
    before: list[StoredResource], now: list[StoredResource], expected: list[tuple[str, ...]]
) -> None:
    found = list(compared(_stack(resources=tuple(before)), _stack(resources=tuple(now))))
    said = [(each.kind, each.before, each.after) for each in found]
    assert [each[: len(wanted)] for each, wanted in zip(said, expected, strict=True)] == expected


def test_outputs() -> None:
    (found,) = compared(_stack(outputs=("a", "b")), _stack(outputs=("b", "c")))
    assert (found.kind, found.part) == ("output-lost", "a")


@pytest.mark.parametrize(
    ("kind", "operated", "recorded", "lost_engine", "expected"),
    [
        ("stack-failed", True, False, False, True),
        ("stack-failed", True, False, True, False),
        ("stack-failed", False, True, False, False),
        ("stack-in-progress", True, False, False, True),
        ("stack-in-progress", False, True, False, False),
        ("resource-lost", True, True, False, True),
        ("resource-lost", True, False, False, False),
        ("resource-lost", False, True, False, False),
        ("resource-replaced", True, True, True, True),
        ("resource-replaced", True, False, False, False),
        ("resource-failed", False, True, False, True),
        ("resource-failed", True, False, False, False),
        ("output-lost", True, False, False, True),
        ("output-lost", False, True, False, False),
    ],
)
def test_what_accounts_for_a_difference(
    kind: Kind, operated: bool, recorded: bool, lost_engine: bool, expected: bool
) -> None:
    made = accounted(
        _difference(kind, not expected),
        operated=operated,
        recorded=recorded,
        lost_engine=lost_engine,
    )
    assert made.by_operation is expected


# --- stacks.preserved


def _difference(kind: Kind, by_operation: bool, **changes: Any) -> Difference:
    part = "" if kind.startswith("stack") else "server"
    made = Difference(kind, "s1", "web", "p1", part, "CREATE COMPLETE", "", by_operation)
    return replace(made, **changes)


def _preserved(*differences: Difference, unlisted: int = 0) -> Preserved:
    groups = dict.fromkeys((each.kind, each.by_operation) for each in differences)
    totals = tuple(
        Total(
            kind,
            by_operation,
            sum((d.kind, d.by_operation) == (kind, by_operation) for d in differences) + unlisted,
        )
        for kind, by_operation in groups
    )
    return Preserved("01-pre", NOW, 10, 20, 5, totals, differences)


def _levels(gate: Judgement) -> list[Level]:
    return [finding.level for finding in gate.findings]


@pytest.mark.parametrize(
    ("kind", "by_operation", "level"),
    [
        ("stack-missing", False, Level.BLOCKER),
        ("stack-deleted", False, Level.BLOCKER),
        ("stack-deleted", True, Level.NOTE),
        ("stack-failed", False, Level.BLOCKER),
        ("stack-failed", True, Level.WARNING),
        ("stack-in-progress", False, Level.BLOCKER),
        ("stack-in-progress", True, Level.NOTE),
        ("resource-lost", False, Level.BLOCKER),
        ("resource-lost", True, Level.NOTE),
        ("resource-replaced", False, Level.BLOCKER),
        ("resource-replaced", True, Level.NOTE),
        ("resource-failed", False, Level.BLOCKER),
        ("resource-failed", True, Level.NOTE),
        ("output-lost", False, Level.BLOCKER),
        ("output-lost", True, Level.NOTE),
    ],
)
def test_each_difference_has_its_level(kind: Kind, by_operation: bool, level: Level) -> None:
    facts = _preserved(_difference(kind, by_operation))
    gate = judge(check_at("stacks.preserved", "post"), "post", preserved=facts)
    assert _levels(gate) == [level]
    if level is not Level.NOTE:
        assert "stack web (s1), project p1" in gate.findings[0].object
        assert gate.findings[0].hint
    # What is counted but not listed weighs the same.
    facts = _preserved(_difference(kind, by_operation), unlisted=7)
    gate = judge(check_at("stacks.preserved", "post"), "post", preserved=facts)
    assert set(_levels(gate)) == {level}
    assert any("7 more" in f"{f.object} {f.summary}" for f in gate.findings)


def test_nothing_changed() -> None:
    gate = judge(check_at("stacks.preserved", "post"), "post", preserved=_preserved())
    assert gate.findings == []
    assert gate.extent.startswith(
        "10 stacks with 20 resources and 5 outputs, stored by gate 01-pre"
    )


def test_many_notes_are_one_line_and_hide_no_blocker() -> None:
    notes = [_difference("stack-deleted", True, stack=f"n{number}") for number in range(LISTED)]
    facts = _preserved(*notes, _difference("stack-missing", False))
    gate = judge(check_at("stacks.preserved", "post"), "post", preserved=facts)
    assert _levels(gate) == [Level.NOTE, Level.BLOCKER]
    assert gate.findings[0].object == f"{LISTED} stacks were deleted, as Heat does it"
    assert gate.findings[0].summary.endswith(f", n9 and {LISTED - 10} more")


def test_a_resource_is_named_with_its_stack() -> None:
    lost = _difference("resource-replaced", False, before="x", after="y")
    gate = judge(check_at("stacks.preserved", "post"), "post", preserved=_preserved(lost))
    (finding,) = gate.findings
    assert finding.object == "resource server of stack web (s1), project p1"
    assert finding.summary.endswith(": x -> y")


def test_pre_tells_what_was_stored() -> None:
    stored = Baseline("baseline.jsonl.gz", "0" * 64, 1234, NOW, 10, 20, 5, 3)
    gate = judge(check_at("stacks.preserved", "pre"), "pre", baseline=stored)
    assert gate.findings == []
    for words in ("10 stacks", "20 resources", "5 outputs", "3 projects", "1234 bytes"):
        assert words in gate.extent


# --- stacks.failed-by-upgrade

BEGAN = NOW - timedelta(hours=2)
BEFORE, SINCE = BEGAN - timedelta(seconds=2), BEGAN + timedelta(seconds=2)


def _failed(*resources: FailedResource, failed: bool = False, **changes: Any) -> FailedByUpgrade:
    stack = FailedStack("s1", "web", "p1", "CREATE", "FAILED", failed, None, resources)
    return FailedByUpgrade(BEGAN, (replace(stack, **changes),))


def _lost(failed_at: Any, *twins: Twin, remains: bool = True) -> FailedResource:
    return FailedResource("t0", "first", "CREATE", failed_at, remains, twins)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (FailedByUpgrade(BEGAN, ()), None),
        (_failed(failed=True, failed_at=SINCE), Level.BLOCKER),
        (_failed(failed=True, failed_at=BEGAN), Level.BLOCKER),
        (_failed(failed=True, failed_at=BEFORE), None),
        (_failed(failed=True, failed_at=None), Level.BLOCKER),
        (_failed(_lost(SINCE)), Level.BLOCKER),
        (_failed(_lost(BEFORE)), None),
        (_failed(_lost(None)), Level.BLOCKER),
        (_failed(_lost(SINCE), failed=True, failed_at=BEFORE), Level.BLOCKER),
        # The stack's own time is of something else.
        (_failed(_lost(BEFORE), failed_at=SINCE), None),
        (_failed(_lost(SINCE, remains=False)), Level.WARNING),
        (_failed(_lost(SINCE, remains=False), _lost(SINCE)), Level.BLOCKER),
        (_failed(_lost(SINCE, remains=False), _lost(BEFORE)), Level.WARNING),
    ],
)
def test_failures_since_the_upgrade_began(facts: FailedByUpgrade, expected: Level | None) -> None:
    gate = judge(check_at("stacks.failed-by-upgrade", "engine"), "post", failed_by_upgrade=facts)
    assert _levels(gate) == ([expected] if expected else [])
    older = len(facts.stacks) if expected is None else 0
    assert gate.extent.endswith(f", {older} of them only before it")


def test_what_was_made_twice_is_said_with_both_ids() -> None:
    facts = _failed(_lost(SINCE, Twin("second", "CREATE", "COMPLETE")))
    gate = judge(
        check_at("stacks.failed-by-upgrade", "engine"),
        "engine",
        host="control1",
        failed_by_upgrade=facts,
    )
    (finding,) = gate.findings
    assert finding.summary.endswith("10:00:02 UTC and was made a second time")
    assert finding.hint
    assert finding.data["resources"] == [
        {"name": "t0", "physical_id": "first", "remains": True, "twins": ["second"]}
    ]


def test_an_unknown_time_is_said_to_be_unknown() -> None:
    facts = _failed(_lost(None))
    gate = judge(check_at("stacks.failed-by-upgrade", "engine"), "post", failed_by_upgrade=facts)
    assert "at a time that no event tells" in gate.findings[0].summary


# --- replays


@pytest.mark.parametrize(
    "facts",
    [
        Baseline("baseline.jsonl.gz", "0" * 64, 1234, NOW, 10, 20, 5, 3),
        _preserved(_difference("stack-missing", False)),
        _failed(_lost(None, Twin("second", "CREATE", "COMPLETE")), failed=True, failed_at=NOW),
    ],
)
def test_the_facts_are_read_back_as_they_were(facts: Any) -> None:
    adapter = TypeAdapter(type(facts))
    assert adapter.validate_python(adapter.dump_python(facts, mode="json"), strict=False) == facts
