"""The judgement on the Python, the libraries and the own upgrade check of a release."""

from typing import Any

import pytest

from heat_upgrade_checks.errors import NotConfigured
from heat_upgrade_checks.evidence.code.libraries import Libraries
from heat_upgrade_checks.evidence.code.upgrade_check import UpgradeCheck
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.heat.releases import parse
from heat_upgrade_checks.heat.series_libraries import LIBRARIES, SERIES
from tests import judging as checks
from tests.unit.checks.loaded_code import PYTHON, an_installation

# --- code.python


@pytest.mark.parametrize(
    ("version", "python", "required", "expected"),
    [
        ("26.0.2", "3.9.2", ">=3.10", ["blocker"]),
        ("26.0.2", "3.10.12", ">=3.10", ["note"]),
        ("26.0.2", "3.11.7", ">=3.10", []),
        # A package whose metadata does not say it.
        ("27.0.1", "3.10.12", "", ["blocker"]),
        ("27.0.1", "3.11.2", "", []),
        ("22.0.1", "3.8.10", ">=3.8", ["note"]),
        # What comes after the last known series is not known.
        ("27.0.1", "3.11.2", ">=3.11", []),
        ("29.0.0", "3.11.2", ">=3.11", []),
    ],
)
def test_python(version: str, python: str, required: str, expected: list[str]) -> None:
    facts = an_installation(version=version, python=python, requires_python=required)
    gate = checks.judge(
        checks.check_at("code.python", "installed"), "installed", target_installation=facts
    )
    assert [finding.level for finding in gate.findings] == expected


@pytest.mark.parametrize("changes", [{"version": ""}, {"requires_python": "three"}])
def test_python_that_cannot_be_told(changes: dict[str, Any]) -> None:
    gate = checks.judge(
        checks.check_at("code.python", "installed"),
        "installed",
        target_installation=an_installation(**changes),
    )
    assert len(gate.unknowns) == 1


# --- code.constraints


def _libraries(heat: str = "26.0.2", *tls: str, **versions: str) -> Judgement:
    # The others are what the series has.
    own = LIBRARIES if versions else {}
    major = parse(heat).major if heat else 0
    named = {name: "{}.{}.0".format(*each.get(major, (1, 0))) for name, each in own.items()}
    named |= {f"oslo.{name}": version for name, version in versions.items()}
    return checks.judge(
        checks.check_at("code.constraints", "installed"),
        "installed",
        target_libraries=Libraries(PYTHON, heat, {k: v for k, v in named.items() if v}, tls),
    )


@pytest.mark.parametrize("major", SERIES)
def test_libraries_of_each_series_are_its_own(major: int) -> None:
    own = {
        name.removeprefix("oslo."): "{}.{}.9".format(*series[major])
        for name, series in LIBRARIES.items()
    }
    assert _libraries(f"{major}.0.0", **own).findings == []


@pytest.mark.parametrize(
    ("heat", "versions", "expected"),
    [
        # Between the series before and the one after: a stable release, or a distribution's.
        ("26.0.2", {"messaging": "17.2.0"}, [("note", "is 17.2.0; 2026.1 has 17.3")]),
        ("26.0.2", {"messaging": "17.9.0"}, [("note", "is 17.9.0; 2026.1 has 17.3")]),
        ("26.0.2", {"messaging": "17.1.0"}, [("warning", "is 17.1.0; 2026.1 has 17.3")]),
        (
            "26.0.2",
            {"messaging": "18.2.0"},
            [
                (
                    "warning",
                    "is 18.2.0; 2026.1 has 17.3; 18.0 no longer reads heartbeat_in_pthread; "
                    "18.1 verifies the broker's name when ssl_ca_file is set",
                )
            ],
        ),
        ("26.0.2", {"i18n": "7.0.0"}, [("note", "is 7.0.0; 2026.1 has 6.7")]),
        ("27.0.1", {"db": "18.9.0"}, [("note", "is 18.9.0; 2026.2 has 18.1")]),
        ("27.0.1", {"db": "19.0.0"}, [("warning", "is 19.0.0; 2026.2 has 18.1")]),
    ],
)
def test_libraries_of_another_series(
    heat: str, versions: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    findings = _libraries(heat, **versions).findings
    assert [(finding.level, finding.summary) for finding in findings] == expected


def test_a_connection_that_would_be_plain_text() -> None:
    (finding,) = _libraries("23.0.0", "rabbit_use_ssl", messaging="16.1.0").findings
    assert finding.level == "blocker"
    assert "rabbit_use_ssl would be ignored and RabbitMQ spoken to in plain text" in finding.summary
    (finding,) = _libraries("23.0.0", messaging="16.1.0").findings
    assert finding.level == "warning"
    # Where the series has removed them too, it is no question of the library.
    assert _libraries("26.0.2", "rabbit_use_ssl", messaging="17.3.0").findings == []


def test_libraries_that_cannot_be_compared() -> None:
    with pytest.raises(NotConfigured, match=r"libraries of 2027.1 are not known"):
        _libraries("28.0.0", messaging="19.0.0")
    assert len(_libraries("", messaging="17.3.0").unknowns) == 1
    assert len(_libraries().unknowns) == 1


def test_a_library_that_is_not_found_is_not_passed_over() -> None:
    (unknown,) = _libraries(db="").unknowns
    assert "has no oslo.db, which Heat needs; install it with the upper-constraints" in unknown


# --- code.upgrade-check


_TABLE = """\
+--------------------------+
| Upgrade Check Results    |
+--------------------------+
| Check: Policy File JSON  |
| Result: Failure          |
| Details: Convert it.     |
+--------------------------+
| Check: Other             |
| Result: Success          |
| Details: None            |
+--------------------------+
"""


@pytest.mark.parametrize(
    ("exit_code", "levels", "unknowns"),
    [(0, [], 0), (1, ["warning"], 0), (2, ["blocker"], 0), (255, [], 1), (-14, [], 1)],
)
def test_upgrade_check(exit_code: int, levels: list[str], unknowns: int) -> None:
    facts = UpgradeCheck("/n/python", exit_code, _TABLE)
    gate = checks.judge(
        checks.check_at("code.upgrade-check", "pre"), "pre", current_upgrade_check=facts
    )
    assert [finding.level for finding in gate.findings] == levels
    assert len(gate.unknowns) == unknowns
    for finding in gate.findings:
        assert finding.summary == "Policy File JSON: Failure"
        assert finding.data == {"exit_code": exit_code, "text": _TABLE}


def test_upgrade_check_of_both() -> None:
    def judge(current: UpgradeCheck, target: UpgradeCheck) -> Judgement:
        return checks.judge(
            checks.check_at("code.upgrade-check", "installed"),
            "installed",
            current_upgrade_check=current,
            target_upgrade_check=target,
        )

    bad, none = UpgradeCheck("/n1/python", 2, ""), UpgradeCheck("", None, "")
    (finding,) = judge(UpgradeCheck("/n/python", 0, ""), bad).findings
    assert (finding.object, finding.summary) == ("heat-status of /n1/python", "ended with code 2")
    # The current release may be gone by now; the target may not.
    assert (judge(none, bad).findings, judge(none, bad).unknowns) == ([finding], [])
    assert len(judge(bad, none).unknowns) == 1


def test_a_release_that_is_not_there_is_not_asked_for_its_upgrade_check() -> None:
    facts = UpgradeCheck("", None, "")
    with pytest.raises(NotConfigured, match=r"add current\.python"):
        checks.judge(
            checks.check_at("code.upgrade-check", "pre"), "pre", current_upgrade_check=facts
        )
