"""Where notifications go on a new vhost of a real RabbitMQ."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import amqp
import pytest
from pydantic import TypeAdapter

from heat_upgrade_checks.evidence.broker import notifications
from heat_upgrade_checks.evidence.broker.notifications import Notifications
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.judgement import Judgement
from tests.judging import check_at, judge
from tests.services.evidence.new_vhosts import PASSWORD, Place, is_green, said_of
from tests.settling import settled
from tests.waiting import until


def _notified(site: Site) -> Judgement:
    found = notifications.observe(site)
    adapter = TypeAdapter(Notifications)
    assert adapter.validate_json(adapter.dump_json(found), strict=False) == found
    check = check_at("vhost.notifications", "vhost")
    return judge(check, "post", of=site.plan, notifications=found)


SENT = "[oslo_messaging_notifications]\ndriver = messagingv2\n"


@pytest.mark.parametrize("driver", ["", "driver =", "driver = noop", "driver = log\ndriver = test"])
def test_nothing_is_sent(place: Place, driver: str) -> None:
    assert is_green(_notified(place.site(f"[oslo_messaging_notifications]\n{driver}")))


@pytest.fixture
def reader(place: Place) -> Iterator[None]:
    """A consumer of both notification queues on the old vhost, as its statistics show it."""
    address = f"127.0.0.1:{place.rabbitmq.amqp_port}"
    account = (place.rabbitmq.administrator, place.rabbitmq.administrator_password)
    connection = amqp.Connection(address, *account, virtual_host=place.old)
    connection.connect()
    channel = connection.channel()
    for name in ("notifications.info", "notifications.error"):
        place.rabbitmq.declare_queue(place.old, name)
        channel.basic_consume(name)
    path = f"queues/{quote(place.old, safe='')}"
    until(
        lambda: all(row.get("consumers") for row in place.rabbitmq.call("GET", path)),
        "the consumer in the statistics of both queues",
    )
    yield
    connection.close()


@pytest.mark.usefixtures("reader")
def test_notifications_with_and_without_a_reader(place: Place) -> None:
    url = place.rabbitmq.url(place.old, place.user, PASSWORD)
    assert is_green(_notified(place.site(f"{SENT}transport_url = {url}\n")))
    for name in ("notifications.info", "notifications.error"):
        place.rabbitmq.declare_queue(place.new, name)

    def ask() -> Judgement:
        # Until the statistics know the new queues, nothing is known of their consumers.
        gate = _notified(place.site(SENT))
        assert all("does not say whether queue notifications" in each for each in gate.unknowns)
        return gate

    said = said_of(settled(ask, lambda gate: not gate.unknowns, "the new queues in the statistics"))
    assert [re.split(r" and holds|;", each)[0] for each in said] == [
        f"warning queue notifications.{level}: has no consumer on vhost {place.new}"
        for level in ("info", "error")
    ]


def test_notification_queues_that_do_not_exist_yet(place: Place) -> None:
    site = place.site(f"{SENT}driver = routing\ntopics = first, second\n")
    gate = _notified(site)
    assert [each.object for each in gate.findings] == [
        "notification driver routing",
        "queue first.info",
        "queue first.error",
        "queue second.info",
        "queue second.error",
    ]
    assert {each.level for each in gate.findings} == {"warning"}


def test_notifications_to_a_place_that_cannot_be_seen(place: Place) -> None:
    elsewhere = f"{SENT}transport_url = kafka://elsewhere:9092\n"
    gate = _notified(place.site(elsewhere))
    assert "only RabbitMQ can be observed" in gate.unknowns[0]
    gate = _notified(place.site(elsewhere, current=elsewhere))
    assert [each.level for each in gate.findings] == ["note"]
    assert gate.unknowns == []


def test_notifications_on_other_brokers(place: Place) -> None:
    elsewhere = f"{SENT}transport_url = rabbit://heat:{PASSWORD}@elsewhere:5672/n\n"
    site = place.site(elsewhere, plan={"broker": {}})
    assert "cannot be reached at http://elsewhere:15672" in _notified(site).unknowns[0]
