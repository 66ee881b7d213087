"""Who is connected to a vhost, on a real RabbitMQ with connections as oslo.messaging makes them."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from uuid import uuid4

import amqp
import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence import connections
from heat_upgrade_checks.evidence.amqp_login import CONNECTION_NAME
from heat_upgrade_checks.evidence.connections import Client, VhostClients
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.judgement import Judgement
from heat_upgrade_checks.plan import Plan
from tests.services.rabbitmq import RabbitMQ
from tests.unit.checks import judge, module

PASSWORD = "canary-of-the-connections-3c1d"
ALL = (".*", ".*", ".*")
QUEUES = module("check_queues")


@pytest.fixture
def site(rabbitmq: RabbitMQ, tmp_path: Path) -> Site:
    """Two vhosts of the test's own, and an account on both."""
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
    rabbitmq: RabbitMQ, vhost: str, name: str, reads: str = "", user: str = "heat"
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
        yield


def _seen(site: Site, settled: Callable[[VhostClients], bool]) -> connections.Connections:
    """Statistics are seconds late."""
    deadline = time.monotonic() + 20
    while True:
        found = connections.observe(site)
        if settled(found.old) or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def _judged(found: connections.Connections) -> Judgement:
    check = QUEUES.check_no_api_publishes_to_the_old_vhost
    return judge(check, "last-engine", connections=found)


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
        ("warning", "uwsgi"),
        ("blocker", "unknown"),
        ("warning", "telemetry"),
    }
    assert found.new is not None
    assert found.new.clients == ()


def test_an_old_vhost_without_clients_is_clean_and_may_go(site: Site) -> None:
    found = connections.observe(site)
    assert (found.old.exists, found.old.clients) == (True, ())
    assert _judged(found).findings == []


def test_what_is_connected_to_the_old_vhost_keeps_it(rabbitmq: RabbitMQ, site: Site) -> None:
    vhost = site.conf("current").transport().vhost
    with _connected(rabbitmq, vhost, f"heat-engine:{os.getpid()}:{uuid4()}", "engine"):
        found = _seen(site, lambda old: bool(old.clients))
    gate = judge(
        QUEUES.check_nothing_uses_the_old_vhost,
        "post",
        connections=found,
        current_configuration=found.old,
        target_configuration=found.new,
    )
    (finding,) = gate.findings
    assert finding.level == "blocker"
    assert finding.object == f"heat-engine (pid {os.getpid()}) on 127.0.0.1"


def test_a_vhost_that_is_gone_and_one_that_may_not_be_seen(rabbitmq: RabbitMQ, site: Site) -> None:
    rabbitmq.delete_vhost(site.conf("target").transport().vhost)
    gone = connections.observe(site).new
    assert gone is not None
    assert gone.exists is False
    old = site.conf("current").transport().vhost
    rabbitmq.call("DELETE", f"permissions/{old}/heat")
    with pytest.raises(Unobserved, match=f"may not see vhost {old} .* rabbitmqctl set_permissions"):
        connections.observe(site)
