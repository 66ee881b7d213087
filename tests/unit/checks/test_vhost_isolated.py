"""The judgement on engines and strangers on either vhost."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.broker.connections import Client
from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGate, EarlierGates
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.reading.placement import place, releases_by_host
from tests.facts import (
    NEW,
    OLD,
    a_configuration,
    a_row,
    an_earlier_gate,
    an_identity,
    connections_of,
)
from tests.judging import NOW, check_at, judge, plan
from tests.unit.checks.judged import sentences


def _isolated(
    engines: list[tuple[str, str, list[str]]],
    of: Plan | None = None,
    strangers: tuple[Listener, ...] = (),
    consumers: int | None = 1,
    clients: tuple[Client, ...] = (),
    opened: tuple[EarlierGate, ...] = (),
) -> Judgement:
    """Engines as (id, host, vhosts)."""
    listeners = [Listener(id, vhost, consumers) for id, _, vhosts in engines for vhost in vhosts]
    rows = [a_row(id, host) for id, host, _ in engines]
    cold = of is not None and of.mode == "cold"
    return judge(
        check_at("vhost.isolated", "vhost"),
        "post" if cold else "engine",
        host="" if cold else "control1",
        of=of,
        placement=place(rows, [*listeners, *strangers]),
        connections=connections_of(new=clients),
        earlier_gates=EarlierGates("/reports", opened, an_identity()),
    )


def test_each_on_its_vhost() -> None:
    gate = _isolated([("a", "control1", [OLD]), ("b", "control2", [NEW])])
    assert (gate.findings, gate.unknowns) == ([], [])


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        (
            ("b", "control2", [OLD]),
            "engine control2 (b): of the target release works on vhost heat-n, not heat-n1",
        ),
        (
            ("a", "control1", [NEW]),
            "engine control1 (a): of the current release works on vhost heat-n1, not heat-n",
        ),
        (
            ("b", "control2", [OLD, NEW]),
            "engine control2 (b): listens on several vhosts: heat-n, heat-n1",
        ),
        (
            ("c", "control3", ["nova"]),
            "engine control3 (c): works on vhost nova, which is neither heat-n nor heat-n1",
        ),
    ],
)
def test_a_misplaced_engine(engine: tuple[str, str, list[str]], expected: str) -> None:
    assert sentences(_isolated([engine])) == [f"blocker {expected}"]


def test_an_engine_that_reads_no_queue_is_unknown() -> None:
    gate = _isolated([("a", "control1", [OLD])], consumers=0)
    assert gate.findings == []
    assert "engine control1 (a) reports, but listens on no vhost" in gate.unknowns[0]


def test_a_queue_of_which_nobody_says_whether_it_is_read_is_not_unread() -> None:
    with pytest.raises(Unobserved, match=r"whether queue heat-engine-listener\.a of vhost heat-n"):
        _isolated([("a", "control1", [OLD])], consumers=None)
    left = tuple(Listener("gone", vhost, None) for vhost in (OLD, NEW, "heat-region2"))
    gate = _isolated([("a", "control1", [OLD])], strangers=left)
    assert [
        f"of vhost {vhost} is read" in said
        for vhost, said in zip((OLD, NEW), gate.unknowns, strict=True)
    ] == [True, True]


@pytest.mark.parametrize(
    ("minutes", "vhost", "expected"),
    [
        (1, OLD, "blocker engine control1 (a): was started on vhost heat-n at 2026-11-22 12:00:00"),
        (1, NEW, ""),
        (-1, OLD, ""),
    ],
)
def test_where_both_releases_have_the_host_its_start_tells_the_release(
    minutes: int, vhost: str, expected: str
) -> None:
    both = plan(
        current={"version": "25.0.2", "engines": ["control1"]},
        target={"version": "26.0.2", "engines": ["control1"]},
    )
    opened = (an_earlier_gate("vhost", NOW - timedelta(minutes=minutes)),)
    gate = _isolated([("a", "control1", [vhost])], both, opened=opened)
    assert "".join(sentences(gate)).startswith(expected)
    assert len(gate.findings) == bool(expected)
    # It was not asked, or it did not open: then nothing is known of the engine's start.
    assert _isolated([("a", "control1", [vhost])], both).findings == []


def test_an_engine_whose_release_nothing_tells_is_a_note() -> None:
    assert _isolated([("c", "control3", [NEW])]).findings[0].level == "note"


@pytest.mark.parametrize("listed", ["current", "target"])
@pytest.mark.parametrize("vhost", [OLD, NEW])
def test_the_hosts_of_one_release_alone_do_not_tell_the_others(listed: str, vhost: str) -> None:
    hosts = {"engines": ["control1", "control2", "control3"]}
    releases = {"current": {"version": "25.0.2"}, "target": {"version": "26.0.2"}}
    of = plan(**{**releases, listed: {**releases[listed], **hosts}})
    gate = _isolated([("b", "control2", [vhost])], of)
    assert [(finding.level, finding.hint) for finding in gate.findings] == [
        ("note", "List the engines' hosts as current.engines and target.engines in the plan.")
    ]


def test_the_name_of_the_machine_that_asks_is_not_a_configured_host() -> None:
    set_, default = a_configuration(OLD, "control1"), a_configuration(NEW, "deploy")
    default = replace(default, host_is_set=False)
    assert releases_by_host(plan(), set_, replace(default, host_is_set=True)) == {
        "control1": "current",
        "deploy": "target",
    }
    assert releases_by_host(plan(), set_, default) == {}


def test_a_listener_that_no_service_row_knows_is_a_warning() -> None:
    gate = _isolated([("a", "control1", [OLD])], strangers=(Listener("x", NEW, 2),))
    assert [finding.level for finding in gate.findings] == ["warning"]
    gate = _isolated([("a", "control1", [OLD])], strangers=(Listener("x", "heat-region2", 2),))
    assert gate.findings == []


def test_a_process_on_the_new_vhost_that_is_not_known_as_heats_is_a_warning() -> None:
    clients = (
        Client("heat-engine", 7, "10.0.0.1", "heat", 4, ("engine_worker",)),
        Client("uwsgi", 8, "10.0.0.1", "heat", 2, ("reply_a",)),
        Client("telemetry", None, "10.0.0.9", "ceilometer", 1, ("notifications.info",)),
    )
    assert sentences(_isolated([("a", "control1", [OLD])], clients=clients)) == [
        "warning program telemetry: 1 process has 1 connection to vhost heat-n1; it is not known "
        "as Heat's"
    ]


def test_strangers_on_the_new_vhost_are_a_warning_for_each_program() -> None:
    clients = tuple(
        Client(program, pid, "10.0.0.1", "openstack", 2, ())
        for program in ("nova-conductor", "uwsgi")
        for pid in (7, 8, 9)
    )
    assert sentences(_isolated([("a", "control1", [OLD])], clients=clients)) == [
        f"warning program {program}: 3 processes have 6 connections to vhost heat-n1; "
        "it is not known as Heat's"
        for program in ("nova-conductor", "uwsgi")
    ]


@pytest.mark.parametrize("changes", [{"mode": "cold"}, {"broker": {"isolation": "shared"}}])
def test_isolation_is_not_asked_where_it_cannot_be(changes: dict[str, Any]) -> None:
    with pytest.raises(NotConfigured):
        _isolated([], of=plan(**changes))
