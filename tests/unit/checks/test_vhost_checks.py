"""The judgement on a new vhost where a real broker shows it only rarely."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from heat_upgrade_checks.errors import NotConfigured
from heat_upgrade_checks.evidence.broker.access import Access
from heat_upgrade_checks.evidence.broker.new_vhost import NewVhost, VhostSettings
from heat_upgrade_checks.evidence.broker.notifications import NotificationQueue, Notifications
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.heat.declarations import BrokerObject, MessagingOptions
from heat_upgrade_checks.heat.permissions import Permissions
from heat_upgrade_checks.plan import Plan
from tests.judging import check_at, judge, plan

EVERYTHING = Permissions(".*", ".*", ".*")
SETTINGS = VhostSettings("classic", (), (), {})
VHOST = NewVhost(
    management="http://rabbit:15672",
    name="heat-n1",
    old_name="heat-n",
    vhosts=("/", "heat-n", "heat-n1"),
    engine_host="ctl1",
    options=MessagingOptions(),
    access=(Access("heat", "rabbit:5672", permissions=EVERYTHING),),
    settings=SETTINGS,
    old_settings=SETTINGS,
    objects=(),
)
OF_A_VHOST = (
    "vhost.permissions",
    "vhost.policies",
    "vhost.queue-arguments",
)


def _judge(
    name: str, new_vhost: NewVhost, workers: int = 1, phase: str = "vhost", of: Plan | None = None
) -> Judgement:
    facts: dict[str, Any] = {"new_vhost": new_vhost}
    if name == "vhost.policies":
        rows = [SimpleNamespace(alive=True)] * workers + [SimpleNamespace(alive=False)] * 9
        facts["database"] = SimpleNamespace(services=rows)
    return judge(check_at(name, phase), phase, of=of, **facts)


def _said(gate: Judgement) -> list[str]:
    return [f"{each.level} {each.object}" for each in gate.findings]


@pytest.mark.parametrize("name", ["vhost.exists", *OF_A_VHOST])
def test_a_vhost_that_is_as_it_should_be(name: str) -> None:
    gate = _judge(name, VHOST)
    assert (gate.findings, gate.unknowns) == ([], [])


@pytest.mark.parametrize("name", OF_A_VHOST)
def test_of_a_vhost_that_does_not_exist_nothing_else_is_asked(name: str) -> None:
    with pytest.raises(NotConfigured, match="vhost gone does not exist"):
        _judge(name, replace(VHOST, name="gone"))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        (
            "vhost.permissions",
            {"access": (Access("h", login_unknown="why", permissions=EVERYTHING),)},
        ),
        ("vhost.permissions", {"access": (Access("h", "b", permissions_unknown="why"),)}),
        (OF_A_VHOST[1], {"settings": None, "settings_unknown": "why"}),
        (OF_A_VHOST[1], {"old_settings": None, "old_settings_unknown": "why"}),
        (OF_A_VHOST[2], {"settings": None, "settings_unknown": "why"}),
        (OF_A_VHOST[2], {"objects": None, "objects_unknown": "why"}),
    ],
)
def test_a_part_that_was_not_seen_is_unknown(name: str, changes: dict[str, Any]) -> None:
    gate = _judge(name, replace(VHOST, **changes))
    assert (gate.findings, gate.unknowns) == ([], ["why"])


def test_each_account_of_the_url_is_judged() -> None:
    access = (
        Access("first", "h1:5672", "ACCESS_REFUSED", permissions=EVERYTHING),
        Access("second", "h2:5672", permissions_unknown="hidden", in_use=True),
        Access("third", "h3:5672", "NOT_ALLOWED"),
        Access("fourth", "h4:5672", permissions=Permissions("(", ".*", ".*")),
    )
    gate = _judge("vhost.permissions", replace(VHOST, access=access))
    assert _said(gate) == [
        "blocker account first",
        "note account second",
        "blocker account third",
    ]
    assert (
        "the configure pattern of account fourth on vhost heat-n1 cannot be read"
        in (gate.unknowns[0])
    )


@pytest.mark.parametrize("name", ["vhost.exists", *OF_A_VHOST])
@pytest.mark.parametrize("phase", ["installed", "synced"])
def test_before_its_phase_the_vhost_is_asked_for_in_a_cold_upgrade_alone(
    name: str, phase: str
) -> None:
    gate = _judge(name, VHOST, phase=phase, of=plan(mode="cold"))
    assert (gate.findings, gate.unknowns) == ([], [])
    with pytest.raises(NotConfigured, match="in a rolling upgrade the vhost is made later"):
        _judge(name, VHOST, phase=phase, of=plan(mode="rolling"))


def test_on_a_shared_vhost_the_queues_of_the_release_that_works_there_are_not_deleted() -> None:
    objects = (
        BrokerObject("queue", "engine", "classic", False, False),
        BrokerObject("queue", "reply_ctl1:nova-api:1", "classic", False, False),
    )
    options = MessagingOptions(rabbit_quorum_queue=True, use_queue_manager=True)
    shared = plan(broker={"isolation": "shared"})
    vhost = replace(VHOST, objects=objects, options=options)
    (finding,) = _judge(OF_A_VHOST[2], vhost, of=shared).findings
    assert (finding.level, finding.object, finding.commands) == ("blocker", "queue engine", ())
    with pytest.raises(NotConfigured, match="both releases use vhost heat-n1"):
        _judge(OF_A_VHOST[1], vhost, of=shared)


def test_operator_policies_that_are_hidden_are_a_note() -> None:
    hidden = replace(SETTINGS, operator_policies=None)
    gate = _judge(OF_A_VHOST[1], replace(VHOST, settings=hidden))
    assert _said(gate) == ["note vhost heat-n1"]


@pytest.mark.parametrize(("limit", "workers", "red"), [(79, 8, True), (80, 8, False), (9, 0, True)])
def test_the_limit_counts_live_workers_even_where_the_old_vhost_is_gone(
    limit: int, workers: int, red: bool
) -> None:
    vhost = replace(
        VHOST,
        settings=replace(SETTINGS, limits={"max-queues": limit}),
        old_settings=None,
        old_settings_unknown="gone",
    )
    gate = _judge(OF_A_VHOST[1], vhost, workers)
    assert _said(gate) == (["blocker limit max-queues"] if red else [])
    assert gate.unknowns == ["gone"]


def test_what_a_release_leaves_behind_meets_the_fall_back() -> None:
    objects = (
        BrokerObject("exchange", "heat", "topic", False, False),
        BrokerObject("queue", "engine", "classic", False, False),
        BrokerObject("queue", "engine_worker", "classic", True, False),
    )
    options = MessagingOptions(amqp_durable_queues=True)
    gate = _judge(OF_A_VHOST[2], replace(VHOST, objects=objects, options=options))
    assert _said(gate) == ["warning exchange heat", "blocker queue engine_worker"]


# --- vhost.notifications

INFO = NotificationQueue("notifications.info", True, 1, 0)
SENT = Notifications(("messagingv2",), "heat-n1", True, False, (INFO,))


@pytest.mark.parametrize(
    ("changes", "expected", "unknown"),
    [
        ({}, [], []),
        ({"queues": (replace(INFO, consumers=0),)}, ["warning queue notifications.info"], []),
        (
            {"queues": (replace(INFO, exists=False, consumers=None),)},
            ["warning queue notifications.info"],
            [],
        ),
        ({"queues": (replace(INFO, consumers=None),)}, [], ["the broker does not say whether"]),
        ({"vhost_exists": False, "queues": ()}, ["warning vhost heat-n1"], []),
        ({"queues": (), "incomplete": ("why",)}, [], ["why"]),
        ({"queues": (), "incomplete": ("why",), "unchanged": True}, ["note notifications"], []),
        ({"drivers": ("noop", "log"), "queues": ()}, [], []),
        ({"drivers": ("routing",), "queues": ()}, ["warning notification driver routing"], []),
    ],
)
def test_notifications(changes: dict[str, Any], expected: list[str], unknown: list[str]) -> None:
    facts: dict[str, Any] = {"notifications": replace(SENT, **changes)}
    gate = judge(check_at("vhost.notifications", "vhost"), "post", **facts)
    assert _said(gate) == expected
    assert len(gate.unknowns) == len(unknown)
    assert all(each.startswith(words) for each, words in zip(gate.unknowns, unknown, strict=True))
