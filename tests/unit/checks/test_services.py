"""The judgement on the releases that engines run, on their rows and their clocks."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.database.state import ServiceRow
from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGate, EarlierGates
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.reading.placement import place
from heat_upgrade_checks.records.findings import Verdict
from tests.facts import (
    NEW,
    OLD,
    a_configuration,
    a_database,
    a_row,
    an_earlier_gate,
    an_identity,
)
from tests.judging import NOW, check_at, judge, plan
from tests.unit.checks.judged import sentences


def _versions(
    phase: str,
    rows: list[ServiceRow],
    listeners: list[Listener],
    *,
    mode: str = "rolling",
    gates: tuple[EarlierGate, ...] = (),
    new: str = NEW,
) -> Judgement:
    return judge(
        check_at("services.versions", "installed"),
        phase,
        of=plan(mode=mode),
        placement=place(rows, listeners),
        current_configuration=a_configuration(OLD, "control1"),
        target_configuration=a_configuration(new, "control2"),
        earlier_gates=EarlierGates("/reports", gates, an_identity()),
        database=a_database(services=tuple(rows)),
    )


@pytest.mark.parametrize(
    ("phase", "vhost", "red"),
    [
        ("installed", OLD, False),
        ("installed", NEW, True),
        ("engine", OLD, False),
        ("engine", NEW, False),
        ("post", NEW, False),
        ("post", OLD, True),
    ],
)
def test_the_release_by_the_vhost(phase: str, vhost: str, red: bool) -> None:
    gate = _versions(phase, [a_row("a", "control1")], [Listener("a", vhost, 1)])
    assert (_levels(gate), gate.unknowns) == (["blocker" if red else "note"], [])


@pytest.mark.parametrize(
    ("phase", "host", "red"),
    [
        ("installed", "control1", False),
        ("installed", "control2", True),
        ("engine", "control1", False),
        ("engine", "control2", False),
        ("post", "control2", False),
        ("post", "control1", True),
    ],
)
def test_on_one_vhost_the_hosts_tell_the_release(phase: str, host: str, red: bool) -> None:
    gate = _versions(phase, [a_row("a", host)], [Listener("a", OLD, 1)], new=OLD)
    # No gate tells what a start shows, so the plan does alone.
    assert (_levels(gate), gate.unknowns) == (["blocker" if red else "warning"], [])


def test_a_gate_that_is_asked_again_makes_no_start_doubtful() -> None:
    again = (*OPENED["engine"], an_earlier_gate("vhost", NOW + timedelta(hours=1)))
    new = [a_row("a", "control1", created=AFTER)]
    gate = _versions("engine", new, [Listener("a", NEW, 1)], gates=again)
    assert _levels(gate) == ["note"]
    # Restarted before the upgrade was taken up anew.
    gate = _versions("engine", new, [Listener("a", OLD, 1)], gates=again)
    assert _levels(gate) == ["note"]


def test_on_one_vhost_a_host_of_neither_release_tells_nothing() -> None:
    gate = _versions("post", [a_row("a", "control3")], [Listener("a", OLD, 1)], new=OLD)
    assert "its host is not one release's alone" in gate.unknowns[0]


BEFORE, AFTER = NOW - timedelta(hours=2), NOW
OPENED = {
    "installed": (an_earlier_gate("pre", NOW - timedelta(hours=1)),),
    "engine": (an_earlier_gate("vhost", NOW - timedelta(hours=1)),),
    "post": (an_earlier_gate("vhost", NOW - timedelta(hours=1)),),
}


def _levels(gate: Judgement) -> list[str]:
    return [str(finding.level) for finding in gate.findings]


@pytest.mark.parametrize(
    ("phase", "vhost", "started", "level"),
    [
        ("installed", OLD, BEFORE, "note"),
        ("installed", OLD, AFTER, "warning"),
        ("engine", OLD, BEFORE, "note"),
        ("engine", OLD, AFTER, "warning"),
        ("engine", NEW, AFTER, "note"),
        ("engine", NEW, BEFORE, "warning"),
        ("post", NEW, AFTER, "note"),
        ("post", NEW, BEFORE, "warning"),
    ],
)
def test_a_start_at_the_wrong_time_makes_a_release_doubtful(
    phase: str, vhost: str, started: datetime, level: str
) -> None:
    rows = [a_row("a", "control1", created=started)]
    gate = _versions(phase, rows, [Listener("a", vhost, 1)], gates=OPENED[phase])
    (finding,) = gate.findings
    assert (finding.level, gate.unknowns) == (level, [])
    assert "is concluded from" in finding.summary


@pytest.mark.parametrize(
    ("phase", "started", "said"),
    [
        ("installed", BEFORE, "note"),
        ("installed", AFTER, "unknown"),
        ("engine", BEFORE, "note"),
        ("engine", AFTER, "warning"),
        ("post", BEFORE, "blocker"),
        ("post", AFTER, "warning"),
    ],
)
def test_on_one_vhost_an_upgrade_in_place_is_told_by_the_start(
    phase: str, started: datetime, said: str
) -> None:
    rows = [a_row("a", "control3", created=started)]
    listeners = [Listener("a", OLD, 1)]
    gate = _versions(phase, rows, listeners, gates=OPENED[phase], new=OLD)
    assert [*_levels(gate), *("unknown" for _ in gate.unknowns)] == [said]


STOPPED = an_earlier_gate("stopped", NOW - timedelta(hours=1))


def test_after_a_cold_stop_only_what_was_started_since_runs_the_target() -> None:
    new, old = a_row("n", "control2"), a_row("o", "control2", created=NOW - timedelta(hours=2))
    gate = _versions("post", [new, old], [], mode="cold", gates=(STOPPED,), new=OLD)
    (finding,) = gate.findings
    assert finding.object == "engine control2 (o)"
    assert "before phase stopped; it runs the current release" in finding.summary


def test_hosts_whose_code_nobody_looked_at_are_a_warning_after_a_cold_upgrade() -> None:
    rows = [a_row(id, f"control{id}") for id in "3212"]
    gate = _versions("post", rows, [], mode="cold", gates=(STOPPED,), new=OLD)
    (finding,) = gate.findings
    assert (finding.level, finding.object) == ("warning", "code of other hosts")
    assert finding.summary.startswith("was not looked at: control1, control3; ")
    assert finding.commands == (("heat-engine", "--version"),)


@pytest.mark.parametrize(("vhost", "red"), [(NEW, False), (OLD, True)])
def test_after_a_cold_upgrade_onto_another_vhost_that_one_tells(vhost: str, red: bool) -> None:
    rows, listeners = [a_row("a", "control3")], [Listener("a", vhost, 1)]
    gate = _versions("post", rows, listeners, mode="cold", gates=(STOPPED,))
    assert (_levels(gate), gate.unknowns) == (["blocker" if red else "note"], [])


@pytest.mark.parametrize("gates", [(), (replace(STOPPED, verdict=Verdict.NO_GO),)])
def test_without_an_open_stopped_gate_a_cold_upgrade_proves_nothing(
    gates: tuple[EarlierGate, ...],
) -> None:
    gate = _versions("post", [a_row("n", "control1")], [], mode="cold", gates=gates, new=OLD)
    assert "no gate of phase stopped has opened" in gate.unknowns[0]


def test_no_engine_runs_between_cold_stop_and_start() -> None:
    gate = _versions("installed", [a_row("n", "control1")], [], mode="cold", new=OLD)
    assert [finding.level for finding in gate.findings] == ["blocker"]
    apart = _versions("installed", [a_row("n", "control1")], [], mode="cold")
    assert [finding.level for finding in apart.findings] == ["blocker"]


# --- services.residue, services.clock


def test_the_row_of_a_dead_engine_is_named() -> None:
    rows = (a_row("e1", "control1"), a_row("e2", "control2", silent=500))
    database = a_database(services=rows)
    target = {"python": "/opt/26/bin/python", "config": ["/etc/heat-26/heat.conf"]}
    gate = judge(
        check_at("services.residue", "post"), "post", of=plan(target=target), database=database
    )
    assert gate.findings[0].commands == (
        (
            "/opt/26/bin/heat-manage",
            "--config-file",
            "/etc/heat-26/heat.conf",
            "service",
            "clean",
        ),
    )
    assert sentences(gate) == [
        "warning engine control2 (e2): reported last 500 s ago and did not end cleanly"
    ]


@pytest.mark.parametrize(
    ("local", "silent", "expected"),
    [
        (0, 1, []),
        (1.9, 100, []),
        (-2.1, 1, ["warning clock of this machine: is 2 s behind that of the database's server"]),
        (31, 1, ["blocker clock of this machine: is 31 s ahead of that of the database's server"]),
        (0, -1.9, []),
        (0, -5, ["warning clock of engine control1 (e1): is 5 s ahead of that of the database's"]),
        (0, -40, ["blocker clock of engine control1 (e1): is 40 s ahead of that of the database"]),
    ],
)
def test_clocks(local: float, silent: float, expected: list[str]) -> None:
    database = a_database(
        local_clock=NOW + timedelta(seconds=local),
        services=(a_row("e1", "control1", silent=silent),),
    )
    said = sentences(judge(check_at("services.clock", "pre"), "pre", database=database))
    assert len(said) == len(expected)
    assert all(one.startswith(start) for one, start in zip(said, expected, strict=True))
