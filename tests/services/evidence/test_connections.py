"""Who is connected to a vhost, on a real RabbitMQ with connections as oslo.messaging makes them."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import amqp
import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker import connections, nodes, notifications
from heat_upgrade_checks.evidence.broker.amqp_login import CONNECTION_NAME
from heat_upgrade_checks.evidence.broker.connections import Client, VhostClients
from heat_upgrade_checks.evidence.configuration import addresses
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.plan import Plan
from tests.facts import apis_asked
from tests.judging import check_at, judge
from tests.services.evidence.proxies import Answer, before, changed
from tests.services.rabbitmq import RabbitMQ
from tests.settling import settled
from tests.waiting import until

PASSWORD = "canary-of-the-connections-3c1d"
ALL = (".*", ".*", ".*")


@pytest.fixture(scope="module")
def detailed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A RabbitMQ that keeps who publishes to which exchange."""
    folder = tmp_path_factory.mktemp("rabbitmq-detailed")
    rates = ("disk_free_limit.absolute = 50MB", "management.rates_mode = detailed")
    with RabbitMQ(folder, *rates, statistics_interval=1) as server:
        yield server


@pytest.fixture
def site(rabbitmq: RabbitMQ, tmp_path: Path) -> Site:
    """Two vhosts of the test's own, and an account on both."""
    return _site(rabbitmq, tmp_path)


def _site(rabbitmq: RabbitMQ, tmp_path: Path) -> Site:
    sides = {}
    vhosts = [f"heat-{side}-{uuid4().hex[:6]}" for side in ("n", "n1")]
    for user in ("heat", "nova"):
        rabbitmq.add_user(user, PASSWORD, "monitoring", {})
    for side, vhost in zip(("current", "target"), vhosts, strict=True):
        rabbitmq.add_vhost(vhost)
        for user in ("heat", "nova"):
            rabbitmq.add_user(user, PASSWORD, "monitoring", {vhost: ALL})
        conf = tmp_path / f"{side}.conf"
        conf.write_text(
            f"[DEFAULT]\ntransport_url = {rabbitmq.url(vhost, 'heat', PASSWORD)}\n", "utf-8"
        )
        sides[side] = {"version": "25.0.2", "config": [str(conf)]}
    plan = {"name": "services", "mode": "rolling", **sides}
    management = {"broker": {"management": [rabbitmq.management_url]}}
    return Site(Plan.model_validate({**plan, **management}), tmp_path)


@contextmanager
def _connected(
    rabbitmq: RabbitMQ,
    vhost: str,
    name: str,
    reads: str = "",
    user: str = "heat",
    publishes: str = "",
) -> Iterator[None]:
    connection = amqp.Connection(
        host=f"127.0.0.1:{rabbitmq.amqp_port}",
        userid=user,
        password=PASSWORD,
        virtual_host=vhost,
        client_properties={"connection_name": name},
    )
    with closing(connection):
        connection.connect()
        channel = connection.channel()
        if reads:
            channel.queue_declare(reads, auto_delete=True)
            channel.basic_consume(reads, callback=lambda _: None)
        if publishes:
            channel.exchange_declare(publishes, "topic", auto_delete=False)
            # As a server of calls does: its answers are no sign of what it is.
            for exchange in ("", publishes):
                channel.basic_publish(amqp.Message("{}"), exchange=exchange, routing_key="topic")
        yield


@contextmanager
def _service(
    rabbitmq: RabbitMQ, vhost: str, program: str, pid: int, reads: str, publishes: str = ""
) -> Iterator[None]:
    """A process as oslo.messaging connects it: one connection waits for answers, another sends."""
    with (
        _connected(rabbitmq, vhost, f"{program}:{pid}:{uuid4()}", reads),
        _connected(rabbitmq, vhost, f"{program}:{pid}:{uuid4()}", publishes=publishes),
    ):
        yield


def _seen(site: Site, when: Callable[[VhostClients], bool]) -> connections.Connections:
    """Whether a client has declared and published by then is its own affair."""
    return settled(
        lambda: connections.observe(site), lambda found: when(found.old), "these connections seen"
    )


def _judged(found: connections.Connections) -> Judgement:
    check = check_at("queues.no-api-left", "last-engine")
    return judge(check, "last-engine", asked_apis=apis_asked(found))


def test_apis_engines_and_strangers_are_told_apart(rabbitmq: RabbitMQ, site: Site) -> None:
    vhost, pid = site.conf("current").transport().vhost, os.getpid()
    with ExitStack() as stack:
        for name, reads, user in (
            (f"heat-engine:{pid}:{uuid4()}", "engine_worker", "heat"),
            (f"uwsgi:{pid}:{uuid4()}", "", "heat"),
            (f"uwsgi:{pid}:{uuid4()}", "", "nova"),
            ("", f"reply_{uuid4().hex}", "heat"),
            ("telemetry", "notifications.info", "heat"),
            (CONNECTION_NAME, "", "heat"),
        ):
            stack.enter_context(_connected(rabbitmq, vhost, name, reads, user))
        found = _seen(
            site, lambda old: len(old.clients) == 5 and sum(bool(c.reads) for c in old.clients) == 3
        )
    assert (
        Client("heat-engine", pid, "127.0.0.1", "heat", 1, ("engine_worker",)) in found.old.clients
    )
    assert {(f.level, f.object.partition(" ")[0]) for f in _judged(found).findings} == {
        ("blocker", "uwsgi"),
        ("blocker", "unknown"),
        ("warning", "program"),
    }
    assert found.new is not None
    assert found.new.clients == ()


def test_other_services_with_heats_account_are_known_by_their_names(
    rabbitmq: RabbitMQ, site: Site
) -> None:
    vhost = site.conf("current").transport().vhost
    with ExitStack() as stack:
        for number, (program, reads) in enumerate(
            (
                ("nova-conductor", f"reply_{uuid4().hex}"),
                ("neutron-openvswitch-agent", f"reply_{uuid4().hex}"),
                ("uwsgi", "reply_ctl1:nova-api:1"),
                ("mod_wsgi", "reply_ctl1:cinder-api:1"),
                ("uwsgi", "reply_ctl1:heat-api-cfn:1"),
                ("uwsgi", f"reply_{uuid4().hex}"),
            )
        ):
            stack.enter_context(_service(rabbitmq, vhost, program, number, reads, "nova"))
        found = _seen(
            site,
            lambda old: (
                sum(c.connections for c in old.clients) == 12 and all(c.reads for c in old.clients)
            ),
        )
    # Rates are basic by default: the broker does not know who published to nova.
    assert not any(client.publishes for client in found.old.clients)
    assert [f"{f.level} {f.object}" for f in _judged(found).findings] == [
        "blocker uwsgi (pid 4) on 127.0.0.1",
        "blocker uwsgi (pid 5) on 127.0.0.1",
        f"note vhost {vhost}",
    ]


def test_apis_without_a_name_are_known_by_what_they_publish_to(
    detailed: RabbitMQ, tmp_path: Path
) -> None:
    site = _site(detailed, tmp_path)
    vhost = site.conf("current").transport().vhost
    with ExitStack() as stack:
        for pid, exchange in enumerate(("heat", "nova", ""), 1):
            reply = f"reply_{uuid4().hex}"
            stack.enter_context(_service(detailed, vhost, "uwsgi", pid, reply, exchange))
        # Two containers of one host may give the same pid to a worker of each.
        for exchange in ("cinder", ""):
            reply = f"reply_{uuid4().hex}"
            stack.enter_context(_service(detailed, vhost, "uwsgi", 9, reply, exchange))
        # The one that has not sent since may have no connection for it at the moment.
        stack.enter_context(
            _service(detailed, vhost, "uwsgi", 10, f"reply_{uuid4().hex}", "cinder")
        )
        stack.enter_context(
            _connected(detailed, vhost, f"uwsgi:10:{uuid4()}", f"reply_{uuid4().hex}")
        )
        found = _seen(
            site,
            lambda old: (
                sum(c.connections for c in old.clients) == 13
                and sum(len(c.reads) for c in old.clients) == 7
                and sum(bool(c.publishes) for c in old.clients) == 4
            ),
        )
    told = {client.pid: (client.publishes, client.silent) for client in found.old.clients}
    assert told == {
        1: (("heat",), 0),
        2: (("nova",), 0),
        3: ((), 1),
        9: (("cinder",), 1),
        10: (("cinder",), 1),
    }
    assert [f"{f.level} {f.object}" for f in _judged(found).findings] == [
        "blocker uwsgi (pid 1) on 127.0.0.1",
        "blocker uwsgi (pid 10) on 127.0.0.1",
        "blocker uwsgi (pid 3) on 127.0.0.1",
        "blocker uwsgi (pid 9) on 127.0.0.1",
        f"note vhost {vhost}",
    ]


def test_an_old_vhost_without_clients_is_clean_and_may_go(rabbitmq: RabbitMQ, site: Site) -> None:
    new, name = site.conf("target").transport().vhost, f"heat-api:{os.getpid()}:{uuid4()}"
    with _connected(rabbitmq, new, name, f"reply_{uuid4().hex}"):
        found = settled(
            lambda: connections.observe(site),
            lambda found: bool(found.new and found.new.clients),
            "the API that was moved",
        )
    assert (found.old.exists, found.old.clients) == (True, ())
    gate = _judged(found)
    assert (gate.findings, gate.unknowns) == ([], [])


@pytest.mark.parametrize("reads", ["engine", ""])
def test_what_is_connected_to_the_old_vhost_keeps_it(
    rabbitmq: RabbitMQ, site: Site, reads: str
) -> None:
    """The target's notifications go there too, to those who read them."""
    vhost = site.conf("current").transport().vhost
    (target,) = site.plan.target.config
    with target.open("a", encoding="utf-8") as conf:
        conf.write(
            "[oslo_messaging_notifications]\ndriver = messagingv2\n"
            f"transport_url = {rabbitmq.url(vhost, 'heat', PASSWORD)}\n"
        )
    rabbitmq.declare_queue(vhost, "notifications.info")
    name = f"heat-engine:{os.getpid()}:{uuid4()}"
    with _connected(rabbitmq, vhost, name, reads, publishes="heat"):
        found = _seen(
            site, lambda old: bool(old.clients) and bool(old.clients[0].reads) == bool(reads)
        )
    gate = judge(
        check_at("queues.old-residue", "post"),
        "post",
        connections=found,
        current_configuration=addresses.observe_current(site),
        target_configuration=addresses.observe_target(site),
        notifications=notifications.observe(site),
    )
    *left, stays = gate.findings
    assert stays.summary.startswith("must stay: the target release sends its notifications there")
    engine = f"blocker heat-engine (pid {os.getpid()}) on 127.0.0.1"
    assert [f"{each.level} {each.object}" for each in left] == ([engine] if reads else [])


def test_who_has_connected_this_moment_is_seen(rabbitmq: RabbitMQ, site: Site) -> None:
    """RabbitMQ lists connections and consumers some seconds late."""
    vhost, reply = site.conf("current").transport().vhost, f"reply_{uuid4().hex}"
    with _connected(rabbitmq, vhost, "uwsgi:7:a", reply):
        found = connections.observe(site)
    assert [(c.program, c.reads) for c in found.old.clients] == [("uwsgi", (reply,))]
    assert [finding.level for finding in _judged(found).findings] == ["blocker"]


def test_who_was_seen_before_the_statistics_were_renewed_counts(
    rabbitmq: RabbitMQ, site: Site
) -> None:
    vhost = site.conf("current").transport().vhost
    lists = itertools.count()

    def going(path: str, answer: Any) -> Any:
        if f"/{vhost}/connections" in path and next(lists):
            return []
        return answer

    with _connected(rabbitmq, vhost, "uwsgi:7:a"), changed(rabbitmq, going) as url:
        until(lambda: rabbitmq.call("GET", f"vhosts/{vhost}/connections"), "the connection listed")
        broker = site.plan.broker.model_copy(update={"management": (url,)})
        found = connections.observe(
            Site(site.plan.model_copy(update={"broker": broker}), site.upgrade_folder)
        )
    assert [client.program for client in found.old.clients] == ["uwsgi"]


def test_statistics_that_are_not_renewed_tell_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "_LONGEST", 1)
    with pytest.raises(Unobserved, match=r"has not renewed the statistics of node lab-.* within 1"):
        connections.observe(site)


@pytest.mark.parametrize("listing", ["connections", "consumers"])
def test_only_the_list_of_vhosts_says_that_one_does_not_exist(
    rabbitmq: RabbitMQ, site: Site, listing: str
) -> None:
    def hidden(path: str, real: Answer) -> Answer:
        return (404, b'{"error": "Object Not Found"}') if listing in path else real

    vhost = site.conf("current").transport().vhost
    with before(rabbitmq, hidden) as url:
        broker = site.plan.broker.model_copy(update={"management": (url,)})
        proxied = Site(site.plan.model_copy(update={"broker": broker}), site.upgrade_folder)
        with pytest.raises(Unobserved, match=f"404 to a question on vhost {vhost}, which it lists"):
            connections.observe(proxied)


def test_a_vhost_that_is_gone_and_one_that_may_not_be_seen(rabbitmq: RabbitMQ, site: Site) -> None:
    rabbitmq.delete_vhost(site.conf("target").transport().vhost)
    gone = connections.observe(site).new
    assert gone is not None
    assert gone.exists is False
    old = site.conf("current").transport().vhost
    rabbitmq.call("DELETE", f"permissions/{old}/heat")
    with pytest.raises(Unobserved, match=f"may not see vhost {old} .* rabbitmqctl set_permissions"):
        connections.observe(site)
