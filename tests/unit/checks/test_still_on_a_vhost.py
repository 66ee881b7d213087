"""The judgement on who is still on a vhost: after a cold stop, and at the end."""

from dataclasses import replace
from typing import Any

import pytest

from heat_upgrade_checks.evidence.api.backends import Backend, Backends, Listens
from heat_upgrade_checks.evidence.broker.connections import Client
from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.broker.notifications import Notifications
from heat_upgrade_checks.evidence.database.state import ServiceRow
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.reading.placement import place
from tests.facts import (
    API_URL,
    NEW,
    OLD,
    a_configuration,
    a_database,
    a_row,
    apis_asked,
    connections_of,
)
from tests.judging import check_at, judge, plan
from tests.unit.checks.judged import sentences

CLOSED = Backend(API_URL, Listens.NOBODY, "refuses the connection")


def _stopped(
    rows: tuple[ServiceRow, ...] = (),
    listeners: tuple[Listener, ...] = (),
    old: tuple[Client, ...] = (),
    backends: tuple[Backend, ...] = (CLOSED,),
) -> list[str]:
    gate = _after_the_stop(rows, listeners, old, backends)
    told = [f"{f.level} {f.object}" for f in gate.findings]
    return told + [f"error {unknown}" for unknown in gate.unknowns]


def _after_the_stop(
    rows: tuple[ServiceRow, ...],
    listeners: tuple[Listener, ...],
    old: tuple[Client, ...] = (),
    backends: tuple[Backend, ...] = (CLOSED,),
) -> Judgement:
    return judge(
        check_at("services.stopped", "stopped"),
        "stopped",
        of=plan(mode="cold"),
        database=a_database(services=rows),
        placement=place(rows, listeners),
        connections=connections_of(old=old),
        api_backends=Backends(backends),
    )


def test_nothing_runs() -> None:
    assert _stopped((a_row("e1", "control1", silent=121),)) == []


def test_each_thing_that_still_runs_is_named() -> None:
    assert _stopped((a_row("e1", "control1"),)) == ["blocker engine control1 (e1)"]
    assert _stopped((), (Listener("x", OLD, 1),)) == ["blocker engine x"]
    # One whose row is silent is of this Heat wherever it listens; any other is of a second region.
    silent = (a_row("w", "control1", silent=500),)
    assert _stopped(silent, (Listener("w", "elsewhere", 1),)) == ["blocker engine w"]
    assert _stopped(silent, (Listener("x", "heat-region2", 1),)) == []
    clients = (
        Client("uwsgi", 7, "h", "heat", 2, ()),
        Client("heat-engine", 8, "h", "heat", 2, ()),
        Client("telemetry", None, "h", "ceilometer", 1, ()),
    )
    assert _stopped(old=clients) == [
        "blocker uwsgi (pid 7) on h",
        "blocker heat-engine (pid 8) on h",
        "warning program telemetry",
    ]


@pytest.mark.parametrize(
    ("listens", "said"),
    [
        (Listens.HEAT, ["blocker API at http://api1:8004"]),
        (Listens.NOT_HEAT, ["warning API at http://api1:8004"]),
        (
            Listens.UNKNOWN,
            [
                "error whether the API at http://api1:8004 has stopped is not known: it is there; "
                "stop it, or take it out of api.backends in the plan if its host is gone for good"
            ],
        ),
    ],
)
def test_an_idle_api_is_told_by_its_port(listens: Listens, said: list[str]) -> None:
    assert _stopped(backends=(CLOSED, Backend(API_URL, listens, "is there"))) == said


def test_without_backends_that_apis_have_stopped_is_concluded_and_said_so() -> None:
    assert _stopped(backends=()) == ["warning APIs of Heat"]


def test_a_queue_of_which_nobody_says_whether_it_is_read_is_not_unread() -> None:
    left = (Listener("gone", OLD, None), Listener("of-another-heat", "heat-region2", None))
    gate = _after_the_stop((), left)
    assert gate.findings == []
    (unknown,) = gate.unknowns
    assert "heat-engine-listener.gone of vhost heat-n is read" in unknown


def _shared() -> tuple[Client, ...]:
    """Other services' processes on the one vhost and with the one account of kolla-ansible."""
    named = [
        Client(program, pid, "ctl1", "heat", 4, ("topic", "reply_1f"))
        for program in ("cinder-volume", "neutron-dhcp-agent", "nova-conductor")
        for pid in (7, 8)
    ]
    return (*named, Client("uwsgi", 21, "ctl1", "heat", 2, ("reply_ctl1:nova-api:1",)))


SHARED = (
    "note vhost heat-n: other services use it too: cinder-volume (2), neutron-dhcp-agent (2), "
    "nova-conductor (2), uwsgi (1)"
)


def test_other_services_on_a_shared_vhost_are_one_note() -> None:
    found = connections_of(old=_shared())
    stopped = judge(
        check_at("services.stopped", "stopped"),
        "stopped",
        of=plan(mode="cold"),
        database=a_database(services=()),
        placement=place((), ()),
        connections=found,
        api_backends=Backends((CLOSED,)),
    )
    no_api = check_at("queues.no-api-left", "last-engine")
    assert sentences(stopped) == [SHARED]
    asked = apis_asked(found)
    assert sentences(judge(no_api, "last-engine", asked_apis=asked)) == [SHARED]
    assert sentences(_residue(_shared())) == [SHARED]


def test_an_api_of_heat_among_other_services_is_found() -> None:
    # In containers two processes of one host may have the same pid: the broker shows one of them.
    replies = ("reply_ctl1:heat-api:1", "reply_ctl1:nova-api:1")
    api = Client("uwsgi", 22, "ctl1", "heat", 4, replies)
    found = _stopped(old=(*_shared(), api))
    assert found == ["blocker uwsgi (pid 22) on ctl1", "note vhost heat-n"]


def _residue(clients: tuple[Client, ...], **notifications: Any) -> Judgement:
    return judge(
        check_at("queues.old-residue", "post"),
        "post",
        connections=connections_of(old=clients),
        current_configuration=a_configuration(OLD, "control1"),
        target_configuration=a_configuration(NEW, "control1"),
        notifications=replace(
            Notifications(("messagingv2",), NEW, True, False, ()), **notifications
        ),
    )


def test_an_old_vhost_to_which_engines_send_notifications_stays() -> None:
    sender = Client("heat-engine", 8, "h", "heat", 1, ())
    for clients, seen in (((sender,), "1 connection"), ((), "0 connections")):
        (finding,) = _residue(clients, vhost=OLD).findings
        assert (finding.level, finding.commands) == ("note", ())
        assert finding.summary == (
            "must stay: the target release sends its notifications there, now by "
            f"{seen} of its engines"
        )


@pytest.mark.parametrize(
    ("client", "notifications"),
    [
        (Client("heat-engine", 8, "h", "heat", 1, ()), {"vhost": NEW}),
        (Client("heat-engine", 8, "h", "heat", 1, ()), {"vhost": OLD, "drivers": ("noop",)}),
        (Client("heat-engine", 8, "h", "heat", 1, ()), {"vhost": "", "incomplete": ("why",)}),
        (Client("heat-engine", 8, "h", "heat", 2, ("engine",)), {"vhost": OLD}),
        (Client("heat-engine", 8, "h", "heat", 2, ("reply_1f",)), {"vhost": OLD}),
        (Client("heat-api", 8, "h", "heat", 1, ()), {"vhost": OLD}),
    ],
)
def test_what_does_more_than_send_notifications_is_left_over(
    client: Client, notifications: dict[str, Any]
) -> None:
    gate = _residue((client,), **notifications)
    assert [f.object for f in gate.findings if f.level == "blocker"] == [str(client)]


def test_an_old_vhost_that_may_get_notifications_is_not_given_up() -> None:
    (finding,) = _residue((), vhost="", incomplete=("why",)).findings
    assert (finding.level, finding.commands) == ("note", ())
    assert finding.summary.endswith("which could not be seen: why")


def test_what_is_left_on_the_old_vhost() -> None:
    clients = (
        Client("uwsgi", 7, "h", "heat", 2, ()),
        Client("heat-engine", 8, "h", "heat", 2, ()),
        Client("telemetry", None, "h", "ceilometer", 1, ()),
    )
    assert [f"{f.level} {f.object}" for f in _residue(clients).findings] == [
        "blocker uwsgi (pid 7) on h",
        "blocker heat-engine (pid 8) on h",
        "warning program telemetry",
    ]
    hints = [finding.hint for finding in _residue(clients).findings]
    assert ["account of its own" in hint for hint in hints] == [True, False, False]
    assert sentences(_residue(())) == [
        "note vhost heat-n: is not used any more and may be deleted",
    ]
