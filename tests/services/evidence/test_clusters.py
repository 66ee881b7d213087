"""Which management API speaks of the brokers of a transport_url, told by two real clusters."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker import listeners, new_vhost, notifications
from heat_upgrade_checks.evidence.site import Site
from tests.services import processes
from tests.services.evidence.new_vhosts import ALL, PASSWORD, Place, is_green, judged, said_of
from tests.services.processes import free_port
from tests.services.rabbitmq import RabbitMQ

_PROXY = """\
global
    maxconn 50
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend amqp
    bind 127.0.0.1:{port}
    default_backend rabbitmq
backend rabbitmq
    server one 127.0.0.1:{broker}
"""


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """Another cluster."""
    with RabbitMQ(tmp_path_factory.mktemp("other")) as server:
        yield server


def _site(place: Place, other: RabbitMQ, *management: str) -> Site:
    """The target's vhost is on the other cluster; one of its name is on the first one too."""
    other.add_user(place.watcher, PASSWORD, "administrator")
    other.add_user(place.user, PASSWORD, "")
    return place.site(port=other.amqp_port, plan={"broker": {"management": list(management)}})


def test_a_vhost_is_looked_for_on_the_cluster_that_its_transport_url_names(
    place: Place, other: RabbitMQ
) -> None:
    old = place.rabbitmq
    urls = (old.management_url, other.management_url)
    for each in (urls, urls[::-1]):
        site = _site(place, other, *each)
        assert said_of(judged("vhost.exists", site)) == [
            f"blocker vhost {place.new}: does not exist at {other.management_url}"
        ]
        assert listeners.observe(site).management == old.management_url
    other.add_vhost(place.new)
    other.add_user(place.user, PASSWORD, "", {place.new: ALL})
    for name in ("vhost.exists", "vhost.permissions", "vhost.queue-arguments"):
        assert is_green(judged(name, _site(place, other, other.management_url, old.management_url)))


def test_an_api_of_another_cluster_answers_no_question(place: Place, other: RabbitMQ) -> None:
    site = _site(place, other, place.rabbitmq.management_url)
    with pytest.raises(Unobserved) as refusal:
        new_vhost.observe(site)
    said = str(refusal.value)
    assert f"management API at {place.rabbitmq.management_url} is of cluster lab-" in said
    assert f"names 127.0.0.1:{other.amqp_port}, which is of cluster lab-{other.amqp_port}" in said
    assert "broker: {management: ['http://127.0.0.1:15672']}" in said
    sent = "[oslo_messaging_notifications]\ndriver = messagingv2\n"
    url = other.url(place.new, place.user, PASSWORD)
    site = place.site(f"{sent}transport_url = {url}\n")
    assert "is of cluster lab-" in notifications.observe(site).incomplete[0]


def test_brokers_behind_a_load_balancer_tell_the_name_of_their_cluster(
    place: Place, tmp_path: Path
) -> None:
    port = free_port()
    configuration = tmp_path / "haproxy.cfg"
    text = _PROXY.format(port=port, broker=place.rabbitmq.amqp_port)
    configuration.write_text(text, encoding="utf-8")
    command: list[str | Path] = [processes.program("haproxy", "haproxy"), "-f", configuration]
    proxy = processes.Process("haproxy", command, tmp_path / "haproxy.log")
    try:
        proxy.wait_until(lambda: processes.listening(port), "listening")
        assert is_green(judged("vhost.permissions", place.site(port=port)))
    finally:
        proxy.kill()


def test_a_name_and_an_address_are_one_host(place: Place) -> None:
    url = place.rabbitmq.management_url.replace("127.0.0.1", "localhost")
    site = place.site(plan={"broker": {"management": [url]}})
    assert new_vhost.observe(site).management == url


def test_nothing_shows_whose_an_api_is(place: Place) -> None:
    site = place.site(port=free_port())
    with pytest.raises(Unobserved, match=r"nothing shows that .*Connection refused"):
        new_vhost.observe(site)
