"""JUnit XML as CI systems read it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from heat_upgrade_checks.records.findings import Finding, Level, Outcome
from heat_upgrade_checks.records.gate import Gate
from heat_upgrade_checks.report import junit
from heat_upgrade_checks.report.words import waiver

GOLDEN = Path(__file__).parent / "golden"


def test_the_document(no_go: Gate) -> None:
    assert junit.render(no_go).decode() == (GOLDEN / "no-go.junit.xml").read_text()


@pytest.mark.parametrize(
    ("outcome", "child"),
    [
        (Outcome.PASSED, "system-out"),
        (Outcome.WARNED, "system-out"),
        (Outcome.FAILED, "failure"),
        (Outcome.ERROR, "error"),
        (Outcome.WAIVED, "skipped"),
        (Outcome.NOT_APPLICABLE, "skipped"),
    ],
)
def test_every_outcome_has_its_element(
    make: Callable[..., Gate], go: Gate, no_go: Gate, outcome: Outcome, child: str
) -> None:
    (waived,) = [check.waivers for check in no_go.checks if check.waivers]
    changes = {"waivers": waived} if outcome is Outcome.WAIVED else {"reason": "because"}
    checks = [replace(go.checks[0], outcome=outcome, **changes), go.checks[0]]
    case = ElementTree.fromstring(junit.render(make(checks)))[0].findall("testcase")[0]  # noqa: S314
    assert [element.tag for element in case] == ["properties", child]
    assert case[0][0].attrib == {"name": "outcome", "value": outcome.value}
    message = waiver(waived[0]) if outcome is Outcome.WAIVED else "because"
    assert case[1].get("message") == (message if child != "system-out" else None)


@pytest.mark.parametrize(
    ("name", "failures", "errors", "skipped"),
    [
        ("no_go", 2, 1, 2),
        ("go", 0, 0, 0),
        ("warned", 0, 0, 1),
        ("incomplete", 0, 1, 0),
        ("unjudged", 0, 1, 1),
    ],
)
def test_counts(
    request: pytest.FixtureRequest, name: str, failures: int, errors: int, skipped: int
) -> None:
    gate: Gate = request.getfixturevalue(name)
    suite = ElementTree.fromstring(junit.render(gate))[0]  # noqa: S314
    counts = [suite.get("failures"), suite.get("errors"), suite.get("skipped")]
    assert counts == [str(failures), str(errors), str(skipped)]
    assert suite.get("tests") == str(len(suite.findall("testcase")))


def test_a_closed_gate_without_a_failed_check_is_not_green(make: Callable[..., Gate]) -> None:
    suite = ElementTree.fromstring(junit.render(make([])))[0]  # noqa: S314
    case = suite.find("testcase")
    assert case is not None
    assert case.get("name") == "gate.verdict"
    error = case.find("error")
    assert error is not None
    assert error.get("message") == "INCOMPLETE: nothing was judged"


def test_the_message_is_the_heaviest_finding(make: Callable[..., Gate], no_go: Gate) -> None:
    mixed = (
        Finding(Level.NOTE, "lock", "seen"),
        Finding(Level.BLOCKER, "stack web-7", "held by a dead engine"),
    )
    document = junit.render(make([replace(no_go.checks[1], findings=mixed)]))
    failure = ElementTree.fromstring(document).find(".//failure")  # noqa: S314
    assert failure is not None
    assert failure.get("message") == "stack web-7: held by a dead engine"
