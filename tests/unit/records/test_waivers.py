"""What a waiver covers, and what it never does."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.records import waivers
from heat_upgrade_checks.records.findings import CheckResult, Finding, Level, Outcome, verdict_of
from heat_upgrade_checks.records.waivers import Waiver
from heat_upgrade_checks.report.words import waiver as told
from tests.judging import NOW

WAIVER: dict[str, Any] = {
    "id": "stacks.stuck",
    "object": "stack batch-*",
    "reason": "It is thrown away afterwards",
    "owner": "Ada Operator",
    "ticket": "CHG-1042",
    "expires": NOW + timedelta(days=1),
}


def _waiver(**changes: Any) -> Waiver:
    return Waiver.model_validate(WAIVER | changes)


def _result(*blockers: str, reason: str = "", warning: str = "") -> CheckResult:
    findings = [Finding(Level.BLOCKER, obj, "is stuck") for obj in blockers]
    findings += [Finding(Level.WARNING, warning, "is old")] if warning else []
    outcome = Outcome.FAILED if blockers else Outcome.ERROR if reason else Outcome.WARNED
    family, id = "stacks", "stacks.stuck"
    return CheckResult(id, family, "", "", outcome, reason, 0.1, "stacks", tuple(findings))


@pytest.mark.parametrize(
    ("result", "given", "outcome"),
    [
        (_result("stack batch-1"), [{}], "waived"),
        (_result("stack batch-1", "stack batch-2"), [{}], "waived"),
        (_result("stack batch-1", "stack web"), [{}], "failed"),
        (_result("stack batch-1", "stack web"), [{}, {"object": "stack web"}], "waived"),
        (_result("stack [1]"), [{"object": "stack [1]"}], "waived"),
        (_result("stack 1"), [{"object": "stack ?"}], "waived"),
        (_result("stack batch-1"), [{"id": "stacks.in-progress"}], "failed"),
        (_result("stack batch-1"), [{"expires": NOW}], "failed"),
        (_result("stack batch-1"), [], "failed"),
        # What could not be observed belongs to no object, however wide the pattern is.
        (_result(reason="no answer"), [{"object": "*"}], "error"),
        (_result(reason="no answer"), [{"accept_unknown": True}], "waived"),
        (_result("stack batch-1", reason="no answer"), [{"object": "*"}], "error"),
        (_result("stack batch-1", reason="no answer"), [{"accept_unknown": True}], "waived"),
        (_result("stack web", reason="no answer"), [{"accept_unknown": True}], "failed"),
        (_result(warning="stack batch-1"), [{}], "warned"),
    ],
)
def test_what_becomes_of_a_check(
    result: CheckResult, given: list[dict[str, Any]], outcome: str
) -> None:
    applied = waivers.apply(result, [_waiver(**changes) for changes in given], NOW)
    assert applied.outcome == outcome
    assert applied.findings == result.findings
    assert applied.reason == result.reason
    assert bool(applied.waivers) == (outcome == "waived") or outcome in {"failed", "error"}


def test_a_waived_check_is_a_warning_of_the_gate() -> None:
    applied = waivers.apply(_result("stack batch-1"), [_waiver()], NOW)
    assert verdict_of([applied]) == "go-with-warnings"
    (by,) = applied.waivers
    assert told(by) == (
        "Waived by Ada Operator until 2026-11-23 12:00:00+00:00 (CHG-1042): It is thrown away "
        "afterwards. Covers stack batch-1"
    )


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.FAILED])
def test_a_check_that_says_nothing_stays_shut(outcome: Outcome) -> None:
    mute = replace(_result(), outcome=outcome)
    for given in ([], [_waiver(object="*")], [_waiver(id="stacks.in-progress")]):
        assert waivers.apply(mute, given, NOW).outcome is outcome


def test_what_a_waiver_does_not_meet_is_not_told_with_it() -> None:
    applied = waivers.apply(_result("stack batch-1", "stack web"), [_waiver()], NOW)
    assert [by.covers for by in applied.waivers] == [("stack batch-1",)]
    assert waivers.apply(_result("stack web"), [_waiver()], NOW).waivers == ()


def _load(folder: Path, *entries: object) -> tuple[Waiver, ...]:
    path = folder / "waivers.yaml"
    path.write_text(yaml.safe_dump(list(entries)), "utf-8")
    return waivers.load(path)


def test_a_day_lasts_to_its_end(tmp_path: Path) -> None:
    (day,) = _load(tmp_path, WAIVER | {"expires": datetime(2026, 11, 30, tzinfo=UTC).date()})
    assert day.expires == datetime(2026, 12, 1, tzinfo=UTC)
    (moment,) = _load(tmp_path, WAIVER | {"expires": "2026-11-30T06:00:00+01:00"})
    assert moment.expires == datetime(2026, 11, 30, 5, tzinfo=UTC)


def test_an_empty_file_waives_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("# nothing yet\n", "utf-8")
    assert waivers.load(tmp_path / "empty") == ()


@pytest.mark.parametrize("key", ["id", "object", "reason", "owner", "ticket", "expires"])
def test_every_key_is_required(tmp_path: Path, key: str) -> None:
    entry = {name: value for name, value in WAIVER.items() if name != key}
    with pytest.raises(UsageError, match=rf"entry 2, {key}: is missing"):
        _load(tmp_path, WAIVER, entry)
    if key != "expires":
        with pytest.raises(UsageError, match=rf"entry 1, {key}: is empty"):
            _load(tmp_path, WAIVER | {key: " "})


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (WAIVER | {"until": "tomorrow"}, "entry 1, until: unknown key"),
        (WAIVER | {"expires": "2026-11-30T06:00:00"}, "entry 1, expires: give the time zone"),
        (WAIVER | {"expires": date.max}, "entry 1, expires: a waiver ends some day"),
        (
            WAIVER | {"expires": "9999-12-31T23:59:59-10:00"},
            "entry 1, expires: a waiver ends some day",
        ),
        (WAIVER | {"expires": "soon"}, "entry 1, expires: Input should be a valid datetime"),
        (WAIVER | {"accept_unknown": "perhaps"}, "entry 1, accept_unknown: Input should be"),
        ("stacks.stuck", "entry 1: must be a mapping of id, object"),
    ],
)
def test_a_malformed_entry_is_one_sentence(tmp_path: Path, entry: object, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        _load(tmp_path, entry)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("id: stacks.stuck\n", "must be a list of entries"),
        ("- {id: a, id: b}\n", "key 'id' stands twice"),
        ("- [unclosed", "line"),
    ],
)
def test_a_malformed_file_is_one_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "waivers").write_text(content, "utf-8")
    with pytest.raises(UsageError, match=sentence):
        waivers.load(tmp_path / "waivers")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory; correct waivers in the plan"):
        waivers.load(tmp_path / "none")
