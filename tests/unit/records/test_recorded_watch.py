"""The recording of `watch`: whole lines, damaged ones, and the arithmetic of downtime."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from heat_upgrade_checks.evidence.api.clock import _Ask, _window
from heat_upgrade_checks.records.watch import (
    FILE,
    ApiWindow,
    Sample,
    availability,
    dump,
    outages,
    overlap,
    read,
    runs,
)
from heat_upgrade_checks.report.words import api_availability

BEGUN = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
UP = ApiWindow(True, 5, 0, 0, 5.0, 0.0, 1.0, 0.2, None, None, "")
SILENT = ApiWindow(None, 0, 0, 0, 0.0, 0.0, 0.0, None, None, None, "no answer yet")
SAMPLE = Sample(
    schema="1",
    run="one",
    at=BEGUN,
    vhosts={"current": "heat-n", "target": "heat-n1"},
    messages={"heat-n": 3, "heat-n1": None},
    live=True,
    stacks=1,
    resources=2,
    engines={"heat-n": 2, "heat-n1": 0},
    unplaced=0,
    api=UP,
    unobserved={"messages of heat-n1": "vhost heat-n1 does not exist"},
)


def _at(seconds: float) -> datetime:
    return BEGUN + timedelta(seconds=seconds)


def _failed(first: float, last: float, down: float, up: bool = False) -> ApiWindow:
    return ApiWindow(up, 5, 3, 0, 5.0, down, 1.0, None, _at(first), _at(last), "gone")


def _samples(*windows: ApiWindow, run: str = "one", begin: float = 0) -> list[Sample]:
    return [
        replace(SAMPLE, run=run, at=_at(begin + 5 * number), api=window)
        for number, window in enumerate(windows)
    ]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    later = replace(SAMPLE, at=_at(5), run="two")
    (tmp_path / FILE).write_bytes(dump(later) + dump(SAMPLE))
    recording = read(tmp_path)
    assert recording is not None
    assert recording.samples == (SAMPLE, later)
    assert recording.problems == ()
    assert read(tmp_path / "elsewhere") is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line[:40],
        lambda line: line[: len(line) // 2] + line,
        lambda _: b"\x00" * 300,
        lambda line: b"\xff\xfe" + line,
        lambda line: line.replace(b'"stacks":1', b'"stacks":-1'),
        lambda line: line.replace(b'"stacks":1', b'"stacks":1e400'),
        lambda line: line.replace(b'"stacks":1', b'"stacks":' + b"9" * 500),
        lambda line: line.replace(b'"watched":5.0', b'"watched":NaN'),
        lambda line: line.replace(b"2026-", b"9999-"),
        lambda line: line.replace(b'"schema":"1"', b'"schema":"2"'),
        lambda _: b"[" * 100_000,
        lambda _: b"{}",
        lambda _: b"x" * 3_000_000,
    ],
)
def test_a_damaged_line_is_left_out_and_told(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    line = dump(SAMPLE)
    (tmp_path / FILE).write_bytes(line + damage(line.rstrip()) + b"\n" + line)
    recording = read(tmp_path)
    assert recording is not None
    assert recording.samples == (SAMPLE, SAMPLE)
    assert len(recording.problems) == 1
    assert recording.problems[0].startswith("watch.jsonl: line 2 is damaged and left out")


def test_a_half_written_last_line_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(dump(SAMPLE) + dump(SAMPLE)[:100])
    recording = read(tmp_path)
    assert recording is not None
    assert len(recording.samples) == 1
    assert recording.problems == (
        "watch.jsonl: line 2 is damaged and left out; the last one may be half-written",
    )


def test_a_recording_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    recording = read(tmp_path)
    assert recording is not None
    assert recording.problems == ("watch.jsonl cannot be read: Is a directory",)


def _asks(*ups: bool | None) -> list[_Ask]:
    return [
        _Ask(at=_at(number), begun=float(number), seconds=0.1, up=up)
        for number, up in enumerate(ups)
    ]


def test_downtime_is_from_a_failed_ask_to_the_next_good_one() -> None:
    window = _window(None, _asks(True, False, False, True, True), "")
    assert (window.watched, window.down, window.gap) == (4.0, 2.0, 1.0)
    assert (window.asked, window.failed, window.up) == (5, 2, True)
    assert (window.first_failed, window.last_failed) == (_at(1), _at(2))


def test_windows_add_up_to_the_same_downtime_wherever_they_are_cut() -> None:
    asks = _asks(True, False, None, False, True, False, True, True, None, True, False)
    whole = _window(None, asks, "")
    for cut in range(1, len(asks)):
        left = _window(None, asks[:cut], "")
        right = _window(asks[cut - 1], asks[cut:], "")
        assert left.down + right.down == whole.down == 3.0
        assert left.watched + right.watched == whole.watched
        assert left.asked + right.asked == whole.asked


def test_what_tells_nothing_of_the_api_is_neither_up_nor_down() -> None:
    window = _window(None, _asks(None, None, None), "Keystone is away")
    assert (window.watched, window.down, window.unknown) == (0.0, 0.0, 3)
    assert (window.up, window.failed, window.error) == (None, 0, "Keystone is away")


def test_a_question_that_takes_too_long_counts_as_failed_only_at_the_api() -> None:
    waiting_for_keystone = _Ask(begun=-100.0)
    waiting_for_heat = _Ask(begun=-100.0, at_api=True)
    for ask in (waiting_for_keystone, waiting_for_heat):
        assert ask.settled
        ask.give_up()
    assert (waiting_for_keystone.up, waiting_for_heat.up) == (None, False)
    assert "Keystone gave no answer within 5 s" in waiting_for_keystone.error


@pytest.mark.parametrize(
    ("windows", "said"),
    [
        (
            [UP, UP],
            "API: 0 s down of 10 s watched, asked 10 times, resolution 1 s; slowest answer 0.2 s",
        ),
        (
            [_failed(2, 4, 2.5)],
            "API: 2.5 s down of 5.0 s watched, asked 5 times, resolution 1 s; "
            "it was down when watching ended",
        ),
        ([SILENT], "API: not measured, asked 0 times"),
        ([], "API: not measured, asked 0 times"),
    ],
)
def test_downtime_in_words(windows: list[ApiWindow], said: str) -> None:
    assert api_availability(availability(_samples(*windows))) == said


def test_an_outage_goes_on_over_samples_until_a_good_answer() -> None:
    back = replace(UP, down=1.0)
    told = outages(
        _samples(
            UP,
            _failed(6, 9, 3.0),
            SILENT,
            _failed(11, 19, 10.0),
            back,
            UP,
            _failed(33, 33, 1, True),
        )
    )
    assert [(each.first_failed, each.last_failed, each.seconds) for each in told] == [
        (_at(6), _at(19), 14.0),
        (_at(33), _at(33), 1),
    ]
    windows = [3.0, 10.0, 1.0, 1.0]
    assert sum(each.seconds for each in told) == sum(windows)


def test_runs_at_the_same_time_overlap() -> None:
    one, two = _samples(UP, UP, UP), _samples(UP, UP, run="two", begin=20)
    assert not overlap(list(runs([*one, *two]).values()))
    three = _samples(UP, UP, run="three", begin=7)
    told = sorted([*one, *two, *three], key=lambda sample: sample.at)
    assert overlap(list(runs(told).values()))
