"""The judgement on engines that report and read, and on who carries on and takes over."""

from dataclasses import replace
from typing import Any

import pytest

from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.database.state import ServiceRow
from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGates
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.reading.placement import place
from tests.facts import (
    NEW,
    OLD,
    a_database,
    a_row,
    an_earlier_gate,
    an_identity,
)
from tests.judging import NOW, check_at, judge, plan
from tests.unit.checks.judged import sentences


def _alive(phase: str, *engines: tuple[ServiceRow, str], **changes: Any) -> Judgement:
    """What this phase says of engines, each its row and its vhost or "" where it reads nothing."""
    rows = tuple(row for row, _ in engines)
    listeners = [Listener(row.engine_id, vhost, 1) for row, vhost in engines if vhost]
    check = check_at("services.alive", phase)
    database, placement = a_database(services=rows), place(rows, listeners)
    facts: dict[str, Any] = {"database": database, "placement": placement}
    if phase == "post":
        facts["earlier_gates"] = EarlierGates("/r", (), an_identity())
    return judge(check, phase, of=plan(**changes), **facts)


def _without(host: str, *engines: tuple[ServiceRow, str], **changes: Any) -> Judgement:
    """What phase engine says of this host; an engine is its row and its vhost."""
    rows = tuple(row for row, _ in engines)
    return judge(
        check_at("services.alive", "engine"),
        "engine",
        host=host,
        of=plan(**changes),
        database=a_database(services=rows),
        placement=place(
            rows, [Listener(row.engine_id, vhost, 1) for row, vhost in engines if vhost]
        ),
    )


@pytest.mark.parametrize("phase", ["pre", "post"])
def test_engines_that_report_and_read(phase: str) -> None:
    gate = _alive(phase, (a_row("a", "control1"), OLD), (a_row("b", "control2"), OLD))
    assert (gate.findings, gate.unknowns) == ([], [])


def test_no_engine_at_all_is_a_blocker() -> None:
    assert sentences(_alive("pre")) == ["blocker heat-engine: no engine is alive"]
    alone = (a_row("a", "control1"), OLD)
    assert sentences(_without("control1", alone, broker={"isolation": "shared"})) == [
        "blocker heat-engine: no engine besides control1 is alive"
    ]


@pytest.mark.parametrize("phase", ["pre", "engine", "last-engine", "post"])
def test_an_engine_that_reports_and_reads_nothing_may_have_ended(phase: str) -> None:
    silent, working = (a_row("a", "control2"), ""), (a_row("b", "control3"), NEW)
    if phase == "engine":
        gate = _without("control1", (a_row("c", "control1"), OLD), silent, working)
    else:
        gate = _alive(phase, silent, working)
    (unknown,) = gate.unknowns
    assert unknown.startswith("engine control2 (a) reported 1 s ago, but reads no queue")


def _back(rows: tuple[ServiceRow, ...], hosts: tuple[str, ...], **changes: Any) -> list[str]:
    """What phase post says of these engines, after a gate of phase pre that saw those hosts."""
    gate = judge(
        check_at("services.alive", "post"),
        "post",
        of=plan(**changes),
        database=a_database(services=rows),
        placement=place(rows, [Listener(row.engine_id, NEW, 1) for row in rows]),
        earlier_gates=EarlierGates(
            "/r", (an_earlier_gate("pre", NOW, engine_hosts=hosts),), an_identity()
        ),
    )
    return sentences(gate)


def test_a_host_of_pre_that_has_no_engine_at_post() -> None:
    rows = (a_row("a", "Control1"),)
    assert _back(rows, ("control1", "control2")) == [
        "warning engine host control2: had an engine in 01-pre and has none now"
    ]
    assert _back(rows, ("control1",)) == []
    assert _back(rows, ()) == []
    target = {"version": "26.0.2", "engines": ["Control1"]}
    assert _back(rows, ("control1", "control2"), target=target) == []


def test_as_many_hosts_under_other_names_are_a_note() -> None:
    rows = (a_row("a", "pod-3"), a_row("b", "pod-4"))
    assert _back(rows, ("pod-1", "pod-2")) == [
        "note engine hosts of 01-pre: pod-1, pod-2 had an engine then and no more; 2 hosts have "
        "one now, under other names"
    ]
    assert _back(rows, ("pod-1", "pod-2", "pod-3", "pod-4", "pod-5"))[0] == (
        "warning engine host pod-1: had an engine in 01-pre and has none now"
    )


def test_a_listed_host_without_a_row() -> None:
    current = {"version": "25.0.2", "engines": ["Control1", "control2"]}
    assert sentences(_alive("pre", (a_row("a", "control1"), OLD), current=current)) == [
        "blocker engine host control2: has no service row"
    ]


def test_a_host_may_be_listed_by_its_machines_name() -> None:
    rows = [replace(a_row(name, "heat"), hostname=name) for name in ("control1", "control2")]
    current = {"version": "25.0.2", "engines": ["control1", "control2", "control3"]}
    gate = _alive("pre", *((row, OLD) for row in rows), current=current)
    assert sentences(gate) == ["blocker engine host control3: has no service row"]


def test_one_of_several_workers_that_died() -> None:
    rows = (a_row("a", "control1"), a_row("b", "control1", silent=500))
    assert sentences(_alive("pre", *((row, OLD) for row in rows))) == [
        "warning engine host control1: 1 of 2 workers do not report; they ended without a stop"
    ]


# --- services.alive when the last old engine is to stop


def test_an_engine_of_the_target_takes_over() -> None:
    gate = _alive("last-engine", (a_row("o", "control1"), OLD), (a_row("n", "control2"), NEW))
    assert (gate.findings, gate.unknowns) == ([], [])


@pytest.mark.parametrize(
    "engines",
    [
        pytest.param((), id="none anywhere"),
        pytest.param(((a_row("o", "control1"), OLD),), id="on the old vhost only"),
        pytest.param(((a_row("n", "control2", silent=500), NEW),), id="it reports no more"),
        pytest.param(((a_row("n", "control2"), ""),), id="it reads nothing"),
    ],
)
def test_nobody_takes_over(engines: tuple[tuple[ServiceRow, str], ...]) -> None:
    target = {"version": "26.0.2", "engines": ["control2"]}
    assert (
        "blocker engines of the target release: none works; its vhost is heat-n1. When the last "
        "old engine has stopped, nobody takes work over"
    ) in sentences(_alive("last-engine", *engines, target=target))


def test_a_listed_host_that_does_not_work_yet_is_told() -> None:
    target = {"version": "26.0.2", "engines": ["control1", "control2", "control3"]}
    engines = ((a_row("o", "control1"), OLD), (a_row("n", "control2"), NEW))
    assert sentences(_alive("last-engine", *engines, target=target)) == [
        "warning engine host control3: has no engine that works, on vhost heat-n1 or heat-n"
    ]


def test_on_a_shared_vhost_the_plan_tells_who_takes_over() -> None:
    shared: dict[str, Any] = {
        "broker": {"isolation": "shared"},
        "current": {"version": "26.0.2", "engines": ["control1"]},
        "target": {"version": "27.0.1", "engines": ["control2"]},
    }
    old, new = (a_row("o", "control1"), OLD), (a_row("n", "Control2"), OLD)
    assert sentences(_alive("last-engine", old, new, **shared)) == [
        "note engines of the target release: that these are is concluded from the plan: control2"
    ]
    (said,) = sentences(_alive("last-engine", old, **shared))
    assert said.startswith("blocker engines of the target release: none works; its hosts by the ")


def test_a_host_that_has_no_engine_is_taken_for_an_api() -> None:
    gate = _without("api1", (a_row("a", "control1"), OLD))
    assert sentences(gate) == [
        "note host api1: has no engine, so this gate is taken to be about its API; "
        "engine hosts: control1"
    ]
    assert gate.unknowns == []


@pytest.mark.parametrize(
    ("named", "row"),
    [
        ("CONTROL1", a_row("a", "control1")),
        ("control1", replace(a_row("a", "heat"), hostname="control1")),
        ("Control1.example.org", a_row("a", "control1.example.org")),
    ],
)
def test_a_host_by_any_spelling_or_by_its_machines_name(named: str, row: ServiceRow) -> None:
    other = replace(a_row("b", row.host), host="heat" if row.host == "heat" else "control2")
    gate = _without(named, (row, OLD), (replace(other, hostname="control2"), OLD))
    assert (gate.findings, gate.unknowns) == ([], [])
    (last,) = _without(named, (row, OLD), (a_row("n", "control3"), NEW)).findings
    assert last.object == f"engine host {named}"


LAST = (
    "blocker engine host control1: has the last engine on vhost heat-n; when it has stopped, "
    "nobody there answers an API or does what is left"
)


@pytest.mark.parametrize(
    ("other", "vhost", "last"),
    [
        (a_row("b", "control2"), OLD, False),
        (a_row("b", "control2"), NEW, True),
        (a_row("b", "control2", silent=500), OLD, True),
        # A second worker of the engine that is taken away.
        (a_row("b", "control1"), OLD, True),
    ],
)
def test_who_carries_on_for_the_old_vhost(other: ServiceRow, vhost: str, last: bool) -> None:
    new = (a_row("n", "control1"), NEW)
    gate = _without("control1", (a_row("a", "control1"), OLD), (other, vhost), new)
    assert (LAST in sentences(gate)) == last


def test_the_last_old_engine_is_for_a_phase_of_its_own() -> None:
    engines = ((a_row("a", "control1"), OLD), (a_row("b", "control2"), NEW))
    (finding,) = _without("control1", *engines).findings
    (command,) = finding.commands
    assert command[:3] == ("heat-upgrade-check", "--phase", "last-engine")
    assert "give it as --host" not in finding.hint
    api = {"backends": ["http://control1:8004"]}
    assert "give it as --host" in _without("control1", *engines, api=api).findings[0].hint
    # What has gone already, and an API of its own address.
    for host in ("control2", "192.0.2.11"):
        assert [f for f in _without(host, *engines).findings if f.level == "blocker"] == []
    assert _without("control1", *engines, broker={"isolation": "shared"}).findings == []


@pytest.mark.parametrize(
    ("named", "row"),
    [
        ("control1", a_row("a", "control1.example.org")),
        ("control1.example.org", a_row("a", "control1")),
        ("control1", replace(a_row("a", "engine-a"), hostname="control1.example.org")),
    ],
)
def test_another_name_of_an_engines_host_is_unknown(named: str, row: ServiceRow) -> None:
    gate = _without(named, (row, OLD), (a_row("b", "control2"), OLD))
    assert gate.findings == []
    assert gate.unknowns == [
        f"{named} seems to be the host that the service rows call {row.host}, so what its engine "
        f"holds was not judged; give --host {row.host}"
    ]
    # Once it runs the target release only, it is no engine that leaves.
    assert _without(named, (row, NEW), (a_row("b", "control2"), OLD)).unknowns == []


def test_on_a_shared_vhost_the_plan_tells_which_of_a_machines_engines_stays() -> None:
    new = replace(a_row("n", "control1-2026.2"), hostname="control1")
    shared: dict[str, Any] = {
        "broker": {"isolation": "shared"},
        "current": {"version": "26.0.2", "engines": ["control1", "control2"]},
    }
    # It may be the one that leaves.
    assert sentences(_without("control1", (new, OLD), **shared)) == [
        "blocker heat-engine: no engine besides control1 is alive"
    ]
    shared["target"] = {"version": "27.0.1", "engines": ["control1-2026.2"]}
    (said,) = sentences(_without("control1", (new, OLD), **shared))
    assert said.startswith("note host control1: has no engine, so this gate is taken to be about")
