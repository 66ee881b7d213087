"""Outcome and verdict follow from findings and records."""

from dataclasses import replace

import pytest

from heat_upgrade_checks.records.findings import (
    CheckResult,
    Finding,
    Level,
    Outcome,
    Verdict,
    outcome_of,
    verdict_of,
)


def _result(outcome: Outcome) -> CheckResult:
    return CheckResult("a.b", "a", "t", "g", outcome, "", 0.0, "", ())


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([], Outcome.PASSED),
        ([Level.NOTE], Outcome.PASSED),
        ([Level.NOTE, Level.WARNING], Outcome.WARNED),
        ([Level.WARNING, Level.BLOCKER, Level.NOTE], Outcome.FAILED),
    ],
)
def test_the_heaviest_finding_decides_the_outcome(levels: list[Level], expected: Outcome) -> None:
    assert outcome_of(Finding(level, "o", "s") for level in levels) is expected


@pytest.mark.parametrize(
    ("outcomes", "expected", "exit_code"),
    [
        ([Outcome.PASSED, Outcome.NOT_APPLICABLE], Verdict.GO, 0),
        ([Outcome.PASSED, Outcome.WARNED], Verdict.GO_WITH_WARNINGS, 1),
        ([Outcome.PASSED, Outcome.WAIVED], Verdict.GO_WITH_WARNINGS, 1),
        ([Outcome.ERROR, Outcome.FAILED, Outcome.WARNED], Verdict.NO_GO, 2),
        ([Outcome.ERROR, Outcome.WARNED], Verdict.INCOMPLETE, 3),
        ([], Verdict.INCOMPLETE, 3),
        ([Outcome.NOT_APPLICABLE], Verdict.INCOMPLETE, 3),
    ],
)
def test_the_verdict_fails_closed(
    outcomes: list[Outcome], expected: Verdict, exit_code: int
) -> None:
    verdict = verdict_of(map(_result, outcomes))
    assert (verdict, verdict.exit_code) == (expected, exit_code)


def test_what_a_run_says_of_itself_judges_nothing() -> None:
    unused = replace(_result(Outcome.WARNED), id="gate.waivers", family="gate")
    assert verdict_of([_result(Outcome.NOT_APPLICABLE), unused]) is Verdict.INCOMPLETE
    assert verdict_of([_result(Outcome.PASSED), unused]) is Verdict.GO_WITH_WARNINGS
