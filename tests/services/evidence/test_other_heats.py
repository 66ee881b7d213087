"""Another Heat, of a second region, that works on a vhost of its own on the same real RabbitMQ."""

from contextlib import ExitStack, closing
from uuid import uuid4

import amqp

from heat_upgrade_checks.evidence.api.backends import Backends
from heat_upgrade_checks.evidence.broker import connections, listeners
from heat_upgrade_checks.evidence.broker.listeners import Broker
from heat_upgrade_checks.evidence.configuration.addresses import observe_current, observe_target
from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGates
from heat_upgrade_checks.reading import placement
from tests.facts import a_database, a_row, an_identity
from tests.judging import check_at, judge
from tests.services.evidence.new_vhosts import PASSWORD, Place, said_of
from tests.services.rabbitmq import RabbitMQ
from tests.settling import settled


def test_engines_of_another_heat_are_no_matter_of_this_one(place: Place) -> None:
    rabbitmq = place.rabbitmq
    region2 = f"heat-region2-{uuid4().hex[:8]}"
    rabbitmq.add_vhost(region2)
    rabbitmq.add_user(place.watcher, PASSWORD, "administrator", {region2: ("^$",) * 3})
    own, stranger = str(uuid4()), str(uuid4())
    with ExitStack() as stack:
        for vhost, engine in ((place.old, own), (region2, stranger)):
            stack.enter_context(closing(_listening(rabbitmq, vhost, engine)))

        def look() -> Broker:
            return listeners.observe(place.site())

        found = settled(look, lambda it: _consumed(it) >= {own, stranger}, "both listeners read")
        seen = connections.observe(place.site())
    placed = placement.place([], found.listeners)
    site = place.site(plan={"mode": "cold"})
    stopped = judge(
        check_at("services.stopped", "stopped"),
        "stopped",
        of=site.plan,
        database=a_database(services=()),
        placement=placed,
        connections=seen,
        api_backends=Backends(()),
    )
    assert [each for each in said_of(stopped) if each.startswith("blocker engine")] == [
        f"blocker engine {own}: reads its queue on vhost {place.old}, though no service row of it "
        "is alive"
    ]
    isolated = judge(
        check_at("vhost.isolated", "vhost"),
        "vhost",
        of=place.site().plan,
        current_configuration=observe_current(place.site()),
        target_configuration=observe_target(place.site()),
        placement=placement.place([a_row(own, "control1")], found.listeners),
        connections=seen,
        earlier_gates=EarlierGates("/reports", (), an_identity()),
    )
    assert not [each for each in said_of(isolated) if stranger in each]


def _consumed(found: Broker) -> set[str]:
    return {listener.engine_id for listener in found.listeners if listener.consumers}


def _listening(rabbitmq: RabbitMQ, vhost: str, engine: str) -> amqp.Connection:
    connection = amqp.Connection(
        host=f"127.0.0.1:{rabbitmq.amqp_port}",
        userid=rabbitmq.administrator,
        password=rabbitmq.administrator_password,
        virtual_host=vhost,
    )
    connection.connect()
    channel = connection.channel()
    queue = f"heat-engine-listener.{engine}"
    channel.queue_declare(queue, durable=False, auto_delete=False)
    channel.basic_consume(queue, callback=lambda _: None)
    return connection
