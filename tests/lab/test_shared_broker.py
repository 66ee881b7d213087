"""An API of Heat is still known as one where all services share a vhost and an account."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import amqp
import pytest

from heat_upgrade_checks import plan
from heat_upgrade_checks.evidence.broker import connections
from heat_upgrade_checks.evidence.broker.connections import VhostClients
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.reading.clients import Role, role
from tests.lab.deployment import BROKER_USER, Lab
from tests.lab.rolling import CURRENT_VHOST, Rolling
from tests.settling import settled

pytestmark = pytest.mark.nightly

# Each with the queue in which it waits for answers.
OTHERS = {
    "nova-conductor": "reply_{}",
    "cinder-volume": "reply_{}",
    "neutron-server": "reply_{}",
    "uwsgi": "reply_ctl1:nova-api:{}",
}


@pytest.mark.parametrize("managed", [False, True])
def test_heats_api_among_other_services(lab_25_26: Rolling, tmp_path: Path, managed: bool) -> None:
    lab = lab_25_26.lab
    options: dict[str, Any] = {}
    if managed:  # as kolla-ansible configures heat-api
        options["oslo_messaging_rabbit__use_queue_manager"] = "true"
        options["oslo_messaging_rabbit__processname"] = "heat-api"
        options["oslo_concurrency__lock_path"] = str(tmp_path)
    api = lab.api(25, CURRENT_VHOST, f"shared-{managed}", **options)
    lab.stacks(api).show("settled")
    site = Site(plan.load(lab_25_26.plan)[0], tmp_path)
    with ExitStack() as stack:
        for number, (program, reply) in enumerate(OTHERS.items()):
            connection = _connection(lab, f"{program}:{9000 + number}:{uuid4()}")
            stack.enter_context(closing(connection))
            connection.connect()
            channel = connection.channel()
            queue = reply.format(uuid4().hex if reply == "reply_{}" else number)
            channel.queue_declare(queue, auto_delete=True)
            channel.basic_consume(queue, callback=lambda _: None)
        found = _settled(site, lambda side: _shows(side, api.pids))
    roles = {client: role(client, found) for client in found.clients}
    (heats,) = (client for client in roles if client.pid in api.pids)
    assert (heats.program, roles[heats]) == ("uwsgi", Role.API)
    assert any("heat-api" in queue for queue in heats.reads) is managed
    strangers = {c.program for c, part in roles.items() if part is Role.OTHER}
    assert strangers == set(OTHERS)
    assert Role.UNKNOWN not in roles.values()
    pids = api.pids
    api.stop()
    left = _settled(site, lambda side: all(client.pid not in pids for client in side.clients))
    assert all(client.pid not in pids for client in left.clients)


def _shows(side: VhostClients, pids: list[int]) -> bool:
    reading = {client.pid for client in side.clients if client.reads}
    return len(reading.intersection(range(9000, 9000 + len(OTHERS)))) == len(OTHERS) and bool(
        reading.intersection(pids)
    )


def _settled(site: Site, when: Callable[[VhostClients], bool]) -> VhostClients:
    """Statistics are seconds late."""
    return settled(lambda: connections.observe(site).old, when, "these connections seen")


def _connection(lab: Lab, name: str) -> amqp.Connection:
    return amqp.Connection(
        host=f"127.0.0.1:{lab.rabbitmq.amqp_port}",
        userid=BROKER_USER,
        password=lab.credentials.broker,
        virtual_host=CURRENT_VHOST,
        client_properties={"connection_name": name},
    )
