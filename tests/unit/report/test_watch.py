"""The recording of `watch` in the index."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heat_upgrade_checks.records.gate import Gate
from heat_upgrade_checks.records.watch import FILE, ApiWindow, Recording, Sample, dump
from heat_upgrade_checks.report import html, index, watch_chart
from heat_upgrade_checks.report.write import refresh_index, write_reports

Read = Callable[[str], Any]
COUNT = st.none() | st.integers(0, 10**12)
BEGUN = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def _sample(number: int, **changes: Any) -> Sample:
    at = BEGUN + timedelta(seconds=5 * number)
    down = 200 <= number < 212
    sample = Sample(
        schema="1",
        run="one",
        at=at,
        vhosts={"current": "heat-n", "target": "heat-n1"},
        messages={"heat-n": 70 if number == 321 else number % 7, "heat-n1": number % 3 or None},
        live=True,
        stacks=number % 5,
        resources=number % 11,
        engines={"heat-n": 4, "heat-n1": 2} if number % 50 else None,
        unplaced=0 if number % 50 else None,
        api=ApiWindow(
            up=not down,
            asked=5,
            failed=5 * down,
            unknown=0,
            watched=5.0,
            down=5.0 * down,
            gap=1.0,
            slowest=0.2,
            first_failed=at - timedelta(seconds=5) if down else None,
            last_failed=at - timedelta(seconds=1) if down else None,
            error="gone" if down else "",
        ),
        unobserved={} if number % 50 else {"engines": "RabbitMQ cannot be reached; start it"},
    )
    return replace(sample, **changes)


def _lines(drawing: str) -> list[list[float]]:
    """The places on the time axis of each line's points."""
    paths = re.findall(r'd="([^"]*)"[^>]*stroke-linejoin', drawing)
    return [[float(x) for x in re.findall(r"([\d.]+),", path)] for path in paths]


@pytest.fixture
def recording() -> Recording:
    """An hour in which the API was away for a minute and a queue filled once."""
    return Recording(tuple(map(_sample, range(720))))


def _drawing(page: str) -> str:
    drawings = [
        each for each in re.findall(r"<svg.*?</svg>", page, flags=re.S) if "Messages in" in each
    ]
    assert len(drawings) == 1
    return str(drawings[0])


def test_the_index_states_the_measured_downtime_and_what_was_not_observed(
    recording: Recording, go: Gate, read: Read
) -> None:
    page = read(index.render([("01-pre", go)], recording))
    assert (
        "API: 1 min down of 1 h watched, asked 3600 times, resolution 1 s; slowest answer 0.2 s"
        in page.text
    )
    assert "2026-11-22 09:16:35+00:00" in page.text
    assert ": 1 min" in page.text
    told = page.text.partition("Messages in work queues: heat-n (current)\n")[2].splitlines()
    assert told[:6] == ["0", "0", "70", "2026-11-22 09:26:45+00:00", "5", "in 720 of 720 samples"]
    assert "RabbitMQ cannot be reached; start it" in page.text
    assert "in 705 of 720 samples" in page.text
    assert not page.tags & {"script", "link", "img", "style"} - {"style"}
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]


def test_the_drawing_has_presentation_attributes_only_and_the_gates(
    recording: Recording, make: Callable[..., Gate], go: Gate
) -> None:
    gates: list[tuple[str, Gate | str]] = [
        (
            f"{number:02d}-pre",
            make(go.checks, phase="pre", finished_at=BEGUN + timedelta(minutes=at)),
        )
        for number, at in enumerate((-9, 5, 6, 6, 6, 6, 6, 70))
    ]
    page = index.render(gates, recording)
    drawing = _drawing(page)
    assert not re.search(r"style=|class=|<script", drawing)
    assert drawing.count("<a ") == 6
    assert "1 gate before the recording and 1 gate after it are not marked" in page
    assert "currentColor" in drawing
    lines = _lines(drawing)
    assert len(lines) == 7
    for line in lines:
        assert all(130 <= x <= 910 for x in line)
        assert line == sorted(line)


def test_a_long_recording_is_drawn_small_and_keeps_its_extremes(go: Gate) -> None:
    recording = Recording(tuple(map(_sample, range(40_000))))
    page = index.render([("01-pre", go)], recording)
    assert len(page.encode()) < 300_000 < html.SIZE_LIMIT
    assert all(len(line) <= 800 for line in _lines(_drawing(page)))
    assert "70" in page


def test_a_recording_full_of_holes_is_drawn_small(go: Gate) -> None:
    holes = [
        _sample(
            number,
            messages={"heat-n": number % 2 or None, "heat-n1": None},
            engines={"heat-n": 1} if number % 2 else None,
            stacks=number % 2 or None,
        )
        for number in range(5000)
    ]
    page = index.render([("01-pre", go)], Recording(tuple(holes)))
    assert len(page.encode()) < 300_000


def test_time_that_nobody_watched_is_cut_out(go: Gate, read: Read) -> None:
    later = [_sample(number, run="two") for number in range(50_000, 50_100)]
    page = index.render([("01-pre", go)], Recording((*map(_sample, range(100)), *later)))
    assert "2 d 21 h were not watched" in page
    drawing = _drawing(page)
    line, *_ = _lines(drawing)
    assert line[-1] > 500
    assert "API: 0 s down of 16 min 40 s watched, asked 1000 times" in read(page).text


def test_runs_that_overlap_are_not_added_up(go: Gate, read: Read) -> None:
    samples = [_sample(number, run=run) for number in range(400) for run in ("one", "two")]
    text = read(index.render([("01-pre", go)], Recording(tuple(samples)))).text
    assert "Several runs of" in text
    assert text.count("API: 1 min down of 33 min 20 s watched") == 3


@pytest.mark.parametrize(
    "samples", [[], [_sample(1)], [_sample(51, messages={}, stacks=None, resources=None)]]
)
def test_short_recordings(go: Gate, samples: Sequence[Sample]) -> None:
    page = index.render([("01-pre", go)], Recording(tuple(samples)))
    assert ("stroke-linejoin" in page) == bool(samples)
    assert ("Nothing of the upgrade was recorded." in page) != bool(samples)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "at": st.integers(0, 10**6).map(lambda seconds: BEGUN + timedelta(seconds=seconds)),
                "vhosts": st.dictionaries(st.sampled_from(["current", "target"]), st.text()),
                "messages": st.dictionaries(st.text(max_size=3), COUNT, max_size=6),
                "stacks": COUNT,
                "resources": COUNT,
                "engines": st.none()
                | st.dictionaries(st.text(max_size=3), st.integers(0, 10**12), max_size=6),
                "unplaced": COUNT,
            }
        ),
        max_size=30,
    )
)
def test_whatever_was_recorded_is_drawn(changes: list[dict[str, Any]]) -> None:
    samples = sorted((_sample(1, **each) for each in changes), key=lambda sample: sample.at)
    chart = watch_chart.draw(Recording(tuple(samples)), [])
    assert (chart is None) == (not samples)
    for panel in chart.panels if chart else ():
        for line in panel.lines:
            assert line.observed == 0 or line.pieces
            assert all(len(piece) > 1 for piece in line.pieces)


@pytest.mark.parametrize("number", [1, 2, 100])
def test_a_recording_without_any_vhost_is_drawn(number: int, go: Gate) -> None:
    blind = [
        _sample(at, messages={}, engines=None, unplaced=None, stacks=None, resources=None)
        for at in range(number)
    ]
    page = index.render([("01-pre", go)], Recording(tuple(blind)))
    assert _drawing(page).count("<title>not observed</title>") == (3 if number > 1 else 0)


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>' onclick='x",
        "{{ 7 * 7 }}",
        "a\x00b\x1b[31m\u202egpj",
        "x" * 5000,
        "",
    ],
)
def test_hostile_names_stay_text(attack: str, go: Gate, read: Read) -> None:
    hostile = [
        _sample(
            number,
            run=attack,
            vhosts={"current": attack},
            messages={attack: number, f"{attack}{number}": 1},
            engines={attack: 1},
            unobserved={attack: attack},
        )
        for number in range(1, 30)
    ]
    page = index.render([("01-pre", go)], Recording(tuple(hostile), (attack,)))
    peaceful = read(
        index.render([("01-pre", go)], Recording(tuple(map(_sample, range(30))), ("x",)))
    )
    seen = read(page)
    assert seen.tags <= peaceful.tags
    known = {name for name, _ in peaceful.attributes} | {"colspan"}
    assert {name for name, _ in seen.attributes} <= known
    assert ("{{ 7 * 7 }}" in page) == ("7 * 7" in attack)
    assert not re.search("[\x00\x1b\u202e]", page)
    assert len(page.encode()) < 200_000


def test_a_damaged_recording_does_not_keep_a_gate_from_being_told(
    go: Gate, tmp_path: Path, read: Read
) -> None:
    (tmp_path / "01-pre").mkdir()
    write_reports(go, tmp_path / "01-pre")
    (tmp_path / FILE).write_bytes(dump(_sample(1)) + dump(_sample(2))[:77])
    text = read(refresh_index(tmp_path).read_text()).text
    assert "watch.jsonl: line 2 is damaged and left out; the last one may be half-written" in text
    assert "Gates (1)" in text
    (tmp_path / FILE).write_bytes(b"\x00\xff" * 100)
    text = read(refresh_index(tmp_path).read_text()).text
    assert "Nothing of the upgrade was recorded." in text
