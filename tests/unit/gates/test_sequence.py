"""What a gate asks of those before it."""

from datetime import timedelta
from typing import Any

import pytest

from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGate, EarlierGates
from heat_upgrade_checks.gates import sequence
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.records.findings import Verdict
from heat_upgrade_checks.records.gate import Digests
from tests.facts import an_earlier_gate, an_identity
from tests.judging import NOW, check_at, judge, plan

ROLLING = ("pre", "installed", "synced", "vhost", "engine", "last-engine", "post")
COLD = ("pre", "stopped", "installed", "synced", "post")


def _run(*phases: str, **changes: dict[str, Any]) -> tuple[EarlierGate, ...]:
    """Gates an hour apart, the last of them an hour ago; `changes` by the phase."""
    return tuple(
        an_earlier_gate(
            phase,
            NOW - timedelta(hours=len(phases) - number),
            folder=f"{number + 1:02}-{phase}",
            **changes.get(phase.replace("-", "_"), {}),
        )
        for number, phase in enumerate(phases)
    )


def _judge(
    phase: str, gates: tuple[EarlierGate, ...], mode: str = "rolling", **facts: Any
) -> Judgement:
    earlier = EarlierGates("/reports", gates, an_identity(mode=mode), **facts)
    check = check_at("journal.in-order", "stopped")
    return judge(check, phase, of=plan(mode=mode), earlier_gates=earlier)


def _said(gate: Judgement) -> list[str]:
    return [f"{each.level} {each.object}: {each.summary}" for each in gate.findings]


@pytest.mark.parametrize(("mode", "phases"), [("rolling", ROLLING), ("cold", COLD)])
def test_each_gate_follows_all_before_it(mode: str, phases: tuple[str, ...]) -> None:
    of_mode = {phase.replace("-", "_"): {"identity": an_identity(mode=mode)} for phase in phases}
    for number, phase in enumerate(phases[1:], 1):
        gate = _judge(phase, _run(*phases[:number], **of_mode), mode)
        assert (gate.findings, gate.unknowns) == ([], [])
        gates = "gate" if number == 1 else "gates"
        assert gate.extent == f"{number} earlier {gates} in /reports, with their digests"


@pytest.mark.parametrize("phase", ["installed", "synced", "vhost", "engine", "last-engine", "post"])
@pytest.mark.parametrize("missing", ["pre", "installed", "synced", "vhost", "last-engine"])
def test_a_gate_that_was_left_out(phase: str, missing: str) -> None:
    before = sequence.required(phase, "rolling")
    gates = _run(*(name for name in before if name != missing))
    expected = [f"blocker gate {missing}: was not run for this upgrade"]
    assert _said(_judge(phase, gates)) == (expected if missing in before else [])


def test_the_hosts_gates_are_asked_for_by_nobody() -> None:
    assert "engine" not in sequence.required("post", "rolling")
    assert sequence.required("post", "cold") == ["pre", "stopped", "installed", "synced"]
    assert sequence.required("pre", "rolling") == []


@pytest.mark.parametrize("verdict", [Verdict.NO_GO, Verdict.INCOMPLETE])
def test_a_gate_that_stayed_shut(verdict: Verdict) -> None:
    gates = _run("pre", "installed", installed={"verdict": verdict})
    (said,) = _said(_judge("synced", gates))
    word = {"no-go": "NO-GO", "incomplete": "INCOMPLETE"}[verdict]
    assert said.startswith("blocker gate installed: 02-installed of 2026-")
    assert said.endswith(f"ended with {word}")


def test_the_last_gate_of_a_phase_decides() -> None:
    mended = _run("pre", "installed", "installed", installed={})
    shut = (mended[0], an_earlier_gate("installed", mended[1].finished_at, verdict=Verdict.NO_GO))
    assert _said(_judge("synced", (*shut, mended[2]))) == []
    reopened = (*mended, an_earlier_gate("installed", NOW, verdict=Verdict.NO_GO))
    assert "NO-GO" in _said(_judge("synced", reopened))[0]


def test_pre_run_again_begins_the_order_anew() -> None:
    gates = _run("pre", "installed", "synced", "pre")
    (first, second) = _said(_judge("vhost", gates))
    assert first.startswith("blocker gate installed: 02-installed")
    assert first.endswith("was run before the last gate of phase pre")
    assert second.startswith("blocker gate synced: 03-synced")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "staging"}, "another upgrade (staging, not unit)"),
        ({"mode": "cold"}, "another mode (cold, not rolling)"),
        ({"current": "25.0.1"}, "another current release (25.0.1, not 25.0.2)"),
        ({"target": "26.0.1"}, "another target release (26.0.1, not 26.0.2)"),
        ({"environment": "f" * 64}, "another database"),
    ],
)
def test_a_gate_of_another_upgrade(change: dict[str, str], words: str) -> None:
    gates = _run("pre", "installed", pre={"identity": an_identity(**change)})
    (said,) = _said(_judge("synced", gates))
    assert said.startswith("blocker gate pre: 01-pre of ")
    assert said.endswith(f"was run for {words}")


def test_a_release_that_was_not_observed_is_no_other_one() -> None:
    gates = _run("pre", pre={"identity": an_identity(current="", target="")})
    assert _said(_judge("installed", gates)) == []


def test_an_old_gate() -> None:
    fresh = an_earlier_gate("pre", NOW - timedelta(hours=24))
    assert _said(_judge("installed", (fresh,))) == []
    old = an_earlier_gate("pre", NOW - timedelta(hours=24, minutes=1))
    (said,) = _said(_judge("installed", (old,)))
    assert said.endswith("is older than the 1 d that the plan allows")


def test_an_old_gate_is_run_again_to_be_fresh() -> None:
    days = [
        an_earlier_gate(phase, NOW - timedelta(days=5 - number))
        for number, phase in enumerate(("pre", "installed"))
    ]
    assert "old" in _said(_judge("synced", tuple(days)))[0]
    assert _said(_judge("installed", tuple(days))) == []
    shut = an_earlier_gate("installed", NOW - timedelta(days=4), verdict=Verdict.NO_GO)
    assert "old" in _said(_judge("installed", (days[0], shut)))[0]
    assert _said(_judge("synced", (*days, an_earlier_gate("installed", NOW)))) == []


def test_only_what_came_last_must_be_fresh() -> None:
    days = [
        an_earlier_gate(phase, NOW - timedelta(days=5 - number))
        for number, phase in enumerate(("pre", "installed", "synced", "vhost"))
    ]
    assert "old" in _said(_judge("engine", tuple(days)))[0]
    host = an_earlier_gate("engine", NOW - timedelta(hours=2), host="control1")
    assert _said(_judge("last-engine", (*days, host))) == []


def test_a_host_that_was_never_free() -> None:
    gates = _run("pre", "installed", "synced", "vhost", "engine", engine={"host": "control1"})
    shut = an_earlier_gate(
        "engine", NOW - timedelta(minutes=5), folder="06-engine", host="control2",
        verdict=Verdict.NO_GO,
    )  # fmt: skip
    gate = _judge("last-engine", (*gates, shut))
    assert _said(gate) == [
        "warning gate engine of control2: 06-engine ended with no-go, and none opened since"
    ]
    opened = an_earlier_gate("engine", NOW - timedelta(minutes=1), host="control2")
    assert _said(_judge("last-engine", (*gates, shut, opened))) == []


def test_damage_is_a_blocker_wherever_it_is() -> None:
    gate = _judge("installed", _run("pre"), damage={"01-pre": ["gate.md is gone", "x was added"]})
    assert _said(gate) == ["blocker gate 01-pre: gate.md is gone; x was added"]


def test_without_a_known_database_nothing_shows_whose_gates_they_are() -> None:
    earlier = EarlierGates("/reports", _run("pre"), an_identity(environment=""))
    check = check_at("journal.in-order", "stopped")
    assert "not known" in judge(check, "installed", earlier_gates=earlier).unknowns[0]


def test_what_was_edited_in_between_is_noted() -> None:
    gates = _run("pre", pre={"digests": Digests("a", "", "c", "")})
    assert _said(_judge("installed", gates)) == [
        "note plan: changed since 01-pre",
        "note acknowledgements: changed since 01-pre",
    ]
