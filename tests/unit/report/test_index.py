"""The page that tells a whole upgrade."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from heat_upgrade_checks.phases import PHASES
from heat_upgrade_checks.records.gate import Gate
from heat_upgrade_checks.report import index

Read = Callable[[str], Any]


@pytest.fixture
def upgrade(no_go: Gate, go: Gate, warned: Gate, incomplete: Gate) -> list[tuple[str, Gate | str]]:
    """A rolling upgrade up to a no-go before its last engine, over two days."""
    told = [
        ("01-pre", no_go, "pre", "", -50.0),
        ("02-pre", warned, "pre", "", -30.0),
        ("03-installed", go, "installed", "", -5.0),
        ("04-synced", go, "synced", "", -4.0),
        ("05-vhost", incomplete, "vhost", "", -3.5),
        ("06-engine-ctl-1", go, "engine", "ctl-1", -2.0),
        ("07-engine-ctl-2", incomplete, "engine", "ctl-2", -1.0),
        ("08-last-engine-ctl-3", no_go, "last-engine", "ctl-3", 0.0),
    ]
    return [
        (
            folder,
            replace(
                gate,
                phase=phase,
                host=host,
                started_at=gate.started_at + timedelta(hours=hours),
                finished_at=gate.finished_at + timedelta(hours=hours),
            ),
        )
        for folder, gate, phase, host, hours in told
    ]


def _phases(text: str) -> dict[str, list[str]]:
    """What the head says of each phase, up to its question."""
    head = text.partition("Gates (")[0].splitlines()
    said: dict[str, list[str]] = {}
    for line in head:
        if line in PHASES:
            said.setdefault(line, [])
            current = said[line]
        elif said:
            current.append(line)
    return {
        name: lines[: lines.index(PHASES[name].question)]
        for name, lines in said.items()
        if PHASES[name].question in lines
    }


def test_the_head_tells_every_phase_in_the_guides_order(
    upgrade: list[tuple[str, Gate | str]], read: Read
) -> None:
    text = read(index.render(upgrade)).text
    assert text.startswith("NO-GO at last-engine; 3 of 7 phases passed")
    standing = _phases(text)
    assert list(standing) == [
        "pre",
        "installed",
        "synced",
        "vhost",
        "engine",
        "last-engine",
        "post",
    ]
    assert {name: lines[:2] for name, lines in standing.items()} == {
        "pre": ["passed", "GO WITH WARNINGS"],
        "installed": ["passed", "GO"],
        "synced": ["passed", "GO"],
        "vhost": ["not yet passed", "INCOMPLETE"],
        "engine": ["not yet passed", "GO"],
        "last-engine": ["not yet passed", "NO-GO"],
        "post": ["not yet passed", "not yet run"],
    }
    assert standing["engine"][1::3] == ["GO", "INCOMPLETE"]


@pytest.mark.parametrize(
    ("asked", "standing"),
    [
        ([("ctl-3", False), ("ctl-3", True)], ["passed", "GO"]),
        ([("ctl-3", True)], ["not yet passed", "partial gates only for ctl-3"]),
        ([("ctl-1", False), ("ctl-2", True)], ["not yet passed", "GO"]),
    ],
)
def test_partial_gates_never_count(
    make: Callable[..., Gate],
    go: Gate,
    read: Read,
    asked: list[tuple[str, bool]],
    standing: list[str],
) -> None:
    gates: list[tuple[str, Gate]] = [
        (f"{number:02d}-engine", make(go.checks, phase="engine", host=host, partial=partial))
        for number, (host, partial) in enumerate(asked)
    ]
    assert _phases(read(index.render(gates)).text)["engine"][:2] == standing


def test_a_phase_asked_host_by_host_says_of_how_many(
    make: Callable[..., Gate], go: Gate, read: Read
) -> None:
    hosts = tuple(f"ctl-{number}" for number in range(10))
    gates = [("01-pre", make(go.checks, phase="pre", engine_hosts=hosts))]

    def told() -> str:
        return str(_phases(read(index.render(gates)).text)["engine"][0])

    assert told() == "not yet passed, 0 of 10 hosts"
    gates.append(("02-engine-CTL-0", make(go.checks, phase="engine", host="CTL-0")))
    assert told() == "not yet passed, 1 of 10 hosts"
    gates += [
        (f"0-engine-{host}", make(go.checks, phase="engine", host=host))
        for host in (*hosts[1:8], "an-api")
    ]
    assert told() == "not yet passed, 8 of 10 hosts"
    gates.append(("11-engine-ctl-9", make(go.checks, phase="engine", host="ctl-9")))
    assert told() == "passed, 9 of 10 hosts"


def test_a_later_no_go_takes_a_passed_phase_back(
    make: Callable[..., Gate], go: Gate, read: Read
) -> None:
    gates = [("01-pre", make(go.checks, phase="pre")), ("02-pre", make(phase="pre"))]
    assert _phases(read(index.render(gates)).text)["pre"][:2] == ["not yet passed", "NO-GO"]


def test_a_cold_upgrade_has_its_own_phases(make: Callable[..., Gate], go: Gate, read: Read) -> None:
    gate = make(go.checks, phase="stopped", upgrade=replace(go.upgrade, mode="cold"))
    standing = _phases(read(index.render([("01-stopped", gate)])).text)
    assert list(standing) == ["pre", "stopped", "installed", "synced", "post"]


def test_each_gate_has_a_row_with_its_link_and_first_blockers(
    upgrade: list[tuple[str, Gate | str]], read: Read
) -> None:
    page = read(index.render(upgrade))
    links = {value for name, value in page.attributes if name == "href"}
    assert links == {f"{folder}/gate.html" for folder, _ in upgrade}
    row = page.text.partition("Gates (8)")[2].rpartition("08-last-engine-ctl-3")[2].splitlines()
    assert row[1:7] == [
        "NO-GO",
        "last-engine",
        "ctl-3",
        "2026-11-22 09:15:02+00:00",
        "57 s",
        "2 failed",
    ]
    assert "engine_worker.5f3c0d1e-0000" in row
    assert "and 22 more; the full list is in gate.json" in row


def test_the_timeline_has_a_mark_for_each_gate_and_no_styles(
    upgrade: list[tuple[str, Gate | str]],
) -> None:
    svg = re.search(r"<svg.*?</svg>", index.render(upgrade), flags=re.S)
    assert svg is not None
    assert svg[0].count("<a ") == len(upgrade)
    assert "<title>INCOMPLETE, vhost, 2026-11-22 05:45:02+00:00</title>" in svg[0]
    assert not re.search(r"style|class=", svg[0])


def test_the_marks_stand_apart_and_in_order(make: Callable[..., Gate]) -> None:
    page = index.render([(f"{n:02d}-pre", make(phase="pre")) for n in range(60)])
    places = [float(x) for x in re.findall(r'<path d="M([\d.]+) [\d.]+l14 14', page)][:60]
    assert len(places) == 60
    assert all(right - left >= 20 for left, right in pairwise(places))
    width = re.search(r'viewBox="0 0 ([\d.]+)', page)
    assert width is not None
    assert places[-1] < float(width[1])
