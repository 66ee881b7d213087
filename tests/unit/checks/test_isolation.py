"""A plan whose broker.isolation contradicts both configurations opens no gate."""

import inspect
from dataclasses import replace
from typing import Any

import pytest

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.broker.old_queues import OldQueues
from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGates
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.reading.placement import place
from tests.facts import (
    NEW,
    OLD,
    a_configuration,
    a_database,
    a_row,
    an_identity,
    apis_asked,
    connections_of,
)
from tests.judging import check_at, judge, plan

CURRENT = a_configuration(OLD, "control1")
APART = a_configuration(NEW, "control2")
SHARES = replace(APART, vhost=OLD)
ELSEWHERE = replace(SHARES, brokers=("other:5672",))
ROWS = (a_row("e1", "control1"), a_row("e2", "control2"))
DATABASE = a_database(services=ROWS)
FACTS: dict[str, Any] = {
    "database": DATABASE,
    "placement": place(ROWS, [Listener("e1", OLD, 1), Listener("e2", NEW, 1)]),
    "connections": connections_of(),
    "asked_apis": apis_asked(connections_of()),
    "earlier_gates": EarlierGates("/reports", (), an_identity()),
    "old_queues": OldQueues("http://mq", OLD, True, True, (), 0.0, DATABASE, ""),
    "new_vhost": None,  # what it holds is not asked before the plan is corrected
    "current_release": Release("25.0.2", "2025.2", "", "", (), None, "1.36", "1.4"),
    "target_release": Release("26.0.2", "2026.1", "", "", (), None, "1.36", "1.4"),
}
LIES = [("shared", APART, "set broker.isolation: vhost"), ("vhost", SHARES, "name a new vhost")]
TELL_BY_VHOST = [
    ("vhost.isolated", "vhost"),
    ("vhost.isolated", "engine"),
    ("vhost.isolated", "last-engine"),
    ("vhost.isolated", "post"),
    ("vhost.exists", "vhost"),
    ("vhost.permissions", "vhost"),
    ("vhost.policies", "vhost"),
    ("vhost.queue-arguments", "vhost"),
    ("stacks.legacy-in-progress", "vhost"),
    ("stacks.legacy-in-progress", "engine"),
    ("stacks.held-by-host", "engine"),
    ("stacks.held-by-host", "last-engine"),
    ("stacks.waiting-on-signals", "engine"),
    ("stacks.waiting-on-signals", "last-engine"),
    ("stacks.in-progress", "last-engine"),
    ("services.alive", "engine"),
    ("queues.no-new-work", "engine"),
    ("queues.no-api-left", "last-engine"),
    ("queues.empty", "last-engine"),
]


def _judged(id: str, phase: str, target: Configuration, isolation: str) -> Judgement:
    check = check_at(id, phase)
    facts = {name: FACTS[name] for name in inspect.signature(check).parameters if name in FACTS}
    return judge(
        check,
        phase,
        host="control1" if phase == "engine" else "",
        of=plan(broker={"isolation": isolation}),
        current_configuration=CURRENT,
        target_configuration=target,
        **facts,
    )


@pytest.mark.parametrize(("isolation", "target", "remedy"), LIES, ids=["shared", "vhost"])
@pytest.mark.parametrize(("id", "phase"), [*TELL_BY_VHOST, ("vhost.rpc-compatible", "vhost")])
def test_after_installed_a_lying_plan_is_an_error(
    id: str, phase: str, isolation: str, target: Configuration, remedy: str
) -> None:
    with pytest.raises(Unobserved, match=remedy):
        _judged(id, phase, target, isolation)


@pytest.mark.parametrize(("id", "phase"), TELL_BY_VHOST)
def test_vhosts_of_one_name_on_two_brokers_tell_no_release(id: str, phase: str) -> None:
    with pytest.raises(Unobserved, match="give the target's vhost another name"):
        _judged(id, phase, ELSEWHERE, "vhost")


@pytest.mark.parametrize(("isolation", "target", "remedy"), LIES, ids=["shared", "vhost"])
def test_at_installed_a_lying_plan_is_a_blocker(
    isolation: str, target: Configuration, remedy: str
) -> None:
    (finding,) = _judged("vhost.rpc-compatible", "installed", target, isolation).findings
    assert (finding.level, finding.object) == ("blocker", "broker.isolation")
    assert remedy in finding.hint


def test_at_installed_the_target_must_have_a_configuration_of_its_own() -> None:
    (finding,) = _judged("vhost.rpc-compatible", "installed", CURRENT, "vhost").findings
    assert "target.config names the current release's configuration" in finding.summary


def test_at_installed_a_plan_that_agrees_is_asked_no_more_than_before() -> None:
    assert _judged("vhost.rpc-compatible", "installed", SHARES, "shared").findings == []
    for target in (APART, ELSEWHERE):
        with pytest.raises(NotConfigured, match="a vhost of its own"):
            _judged("vhost.rpc-compatible", "installed", target, "vhost")


@pytest.mark.parametrize("phase", ["installed", "engine", "post"])
def test_on_vhosts_of_one_name_the_hosts_tell_the_release(phase: str) -> None:
    told = _judged("services.versions", phase, ELSEWHERE, "vhost")
    assert told.extent == _judged("services.versions", phase, SHARES, "shared").extent
    # No gate tells what a start shows, so that the plan alone does is said of the others.
    assert [f"{finding.level} {finding.object}" for finding in told.findings] == {
        "installed": ["warning engine control1 (e1)", "blocker engine control2 (e2)"],
        "engine": ["warning engine control1 (e1)", "warning engine control2 (e2)"],
        "post": ["blocker engine control1 (e1)", "warning engine control2 (e2)"],
    }[phase]
