"""The broker evidence on a real RabbitMQ."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker import (
    listeners,
    management,
    old_queues,
    queue_listing,
    waiting_messages,
)
from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.reading.placement import place
from tests.facts import a_row
from tests.services.evidence.broker_sites import ALL, PASSWORD, broker_site
from tests.services.evidence.proxies import Answer, before, changed
from tests.services.processes import free_port
from tests.services.rabbitmq import RabbitMQ
from tests.serving import Silent, serving
from tests.waiting import until


def test_what_waits_for_a_single_engine_is_no_waiting_work(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path
) -> None:
    # A cast in a dead engine's own queue stays there for ever.
    for queue in ("engine_worker", f"engine_worker.{uuid4()}", f"heat-engine-listener.{uuid4()}"):
        rabbitmq.declare_queue(vhost, queue)
        rabbitmq.publish(vhost, queue, "{}")
    site = broker_site(tmp_path, rabbitmq, vhost)
    until(lambda: waiting_messages.observe(site).current >= 1, "the message that waits seen")
    assert waiting_messages.observe(site).current == 1


def test_a_message_is_seen_in_the_sample_after_it_was_published(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path
) -> None:
    rabbitmq.declare_queue(vhost, "engine_worker")
    site = broker_site(tmp_path, rabbitmq, vhost)
    empty = old_queues.observe(site)
    assert (empty.vhost, empty.exists, empty.live) == (vhost, True, True)
    assert [q.ready for sample in empty.samples for q in sample.queues] == [0, 0, 0]
    rabbitmq.publish(vhost, "engine_worker", "{}")
    found = old_queues.observe(site)
    assert [(q.name, q.ready, q.unacknowledged) for q in found.samples[0].queues] == [
        ("engine_worker", 1, 0)
    ]


def test_a_quorum_queue_is_not_believed_before_it_had_time_to_count(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path
) -> None:
    path = f"queues/{quote(vhost, safe='')}/engine_worker"
    quorum = {"durable": True, "arguments": {"x-queue-type": "quorum"}}
    rabbitmq.call("PUT", path, quorum)
    rabbitmq.publish(vhost, "engine_worker", "{}")
    found = old_queues.observe(broker_site(tmp_path, rabbitmq, vhost))
    assert found.live is False
    assert max(queue.ready or 0 for sample in found.samples for queue in sample.queues) == 1
    apart = found.samples[1].at - found.samples[0].at
    # The two clocks of a machine do not tick as one.
    assert apart.total_seconds() > 6.99


def test_only_work_queues_are_listed_and_publishing_is_seen(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path
) -> None:
    for name in (
        "engine",
        "engine_worker.e1",
        "reply_1f",
        "engine_fanout_1f",
        "notifications.info",
    ):
        rabbitmq.declare_queue(vhost, name)
    site = broker_site(tmp_path, rabbitmq, vhost)
    found = old_queues.observe(site)
    assert [queue.name for queue in found.samples[0].queues] == ["engine", "engine_worker.e1"]
    assert found.publish_rate == 0.0
    place = quote(vhost, safe="")
    rabbitmq.call("PUT", f"exchanges/{place}/heat", {"type": "topic"})
    for name in ("engine", "notifications.info"):
        rabbitmq.call("POST", f"bindings/{place}/e/heat/q/{name}", {"routing_key": name})
    # Engines send notifications to the exchange of their calls (amqpdriver.py, _send).
    _publish_until(
        rabbitmq, vhost, "notifications.info", lambda: _rate_of_the_exchange(rabbitmq, vhost) > 0
    )
    assert old_queues.observe(site).publish_rate == 0.0
    _publish_until(rabbitmq, vhost, "engine", lambda: bool(old_queues.observe(site).publish_rate))


def _publish_until(rabbitmq: RabbitMQ, vhost: str, topic: str, seen: Callable[[], bool]) -> None:
    """Publish to Heat's exchange as Heat does."""
    message = {"properties": {}, "payload": "{}", "payload_encoding": "string"}
    path = f"exchanges/{quote(vhost, safe='')}/heat/publish"

    def published_and_seen() -> bool:
        assert rabbitmq.call("POST", path, {**message, "routing_key": topic})["routed"]
        return seen()

    until(published_and_seen, f"a rate of topic {topic} shown by the broker")


def _rate_of_the_exchange(rabbitmq: RabbitMQ, vhost: str) -> float:
    row = rabbitmq.call("GET", f"exchanges/{quote(vhost, safe='')}/heat")
    return float(row.get("message_stats", {}).get("publish_in_details", {}).get("rate", 0))


def test_a_queue_whose_leader_is_gone_has_no_count(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path
) -> None:
    quorum = {"durable": True, "arguments": {"x-queue-type": "quorum"}}
    for name in ("engine", "engine_worker", "heat-engine-listener"):
        rabbitmq.call("PUT", f"queues/{quote(vhost, safe='')}/{name}", quorum)
    site = broker_site(tmp_path, rabbitmq, vhost)
    http, _ = management.connect(site)

    def counts() -> dict[str, int | None]:
        return {row.name: row.messages for row in queue_listing.live_queues(http, vhost) or ()}

    assert counts() == {"engine": 0, "engine_worker": 0, "heat-engine-listener": 0}
    # The first is down on its node; the second had its leader on a node that is gone.
    stop = """
        {ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"VHOST">>, queue, <<"QUEUE">>)),
        ra:stop_server(quorum_queues, amqqueue:get_pid(Q)),
        """
    stay, move = (
        "ok.",
        """
        {Id, _} = amqqueue:get_pid(Q),
        Move = fun(It) -> amqqueue:set_pid(It, {Id, 'rabbit@gone'}) end,
        rabbit_misc:execute_mnesia_transaction(
            fun() -> rabbit_amqqueue:update(amqqueue:get_name(Q), Move) end).
        """,
    )
    for name, then in (("engine", stay), ("engine_worker", move)):
        rabbitmq.evaluate((stop + then).replace("VHOST", vhost).replace("QUEUE", name))
    assert counts() == {"engine": None, "engine_worker": None, "heat-engine-listener": 0}
    with pytest.raises(Unobserved, match="does not say how many messages queue engine"):
        waiting_messages.observe(site)


@pytest.mark.parametrize("source", [old_queues, waiting_messages])
def test_only_the_list_of_vhosts_says_that_one_does_not_exist(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path, source: ModuleType
) -> None:
    def hidden(path: str, real: Answer) -> Answer:
        return (404, b'{"error": "Object Not Found"}') if "/queues/" in path else real

    with before(rabbitmq, hidden) as url:
        site = broker_site(tmp_path, rabbitmq, vhost, management=[url])
        with pytest.raises(Unobserved, match=f"404 to a question on vhost {vhost}, which it lists"):
            source.observe(site)


def test_a_vhost_that_goes_before_its_rate_is_asked_for(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path
) -> None:
    def going(path: str, real: Answer) -> Answer:
        if "publish_details" not in path:
            return real
        rabbitmq.delete_vhost(vhost)
        return 404, b'{"error": "Object Not Found"}'

    with before(rabbitmq, going) as url:
        site = broker_site(tmp_path, rabbitmq, vhost, management=[url])
        with pytest.raises(Unobserved, match="was deleted while it was looked at"):
            old_queues.observe(site)


def test_a_vhost_that_does_not_exist_is_a_fact(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    rabbitmq.add_user("heat", PASSWORD, "monitoring", {})
    found = old_queues.observe(broker_site(tmp_path, rabbitmq, "deleted-too-early"))
    assert (found.exists, found.samples) == (False, ())


def test_listeners_of_every_vhost_are_found_page_by_page(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_listing, "_PAGE", 2)
    other = f"other-{uuid4().hex[:8]}"
    rabbitmq.add_vhost(other)
    rabbitmq.add_user("heat", PASSWORD, "monitoring", {other: ALL})
    hidden = f"hidden-{uuid4().hex[:8]}"
    rabbitmq.add_vhost(hidden)
    for number in range(5):
        rabbitmq.declare_queue(vhost, f"heat-engine-listener.engine-{number}")
    rabbitmq.declare_queue(other, "heat-engine-listener.elsewhere")
    rabbitmq.declare_queue(other, "heat-engine-listener")
    found = listeners.observe(broker_site(tmp_path, rabbitmq, vhost))
    mine = {
        (each.vhost, each.engine_id) for each in found.listeners if each.vhost in {vhost, other}
    }
    assert mine == {(vhost, f"engine-{n}") for n in range(5)} | {(other, "elsewhere")}
    assert not any(each.consumers for each in found.listeners)
    assert {vhost, other} <= set(found.vhosts)
    assert hidden in found.hidden


def test_a_queue_that_was_made_this_moment_has_its_consumers_counted(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path
) -> None:
    rabbitmq.declare_queue(vhost, "heat-engine-listener.e1")
    found = listeners.observe(broker_site(tmp_path, rabbitmq, vhost))
    assert Listener("e1", vhost, 0) in found.listeners


def test_consumers_that_stay_unknown_are_not_none(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path
) -> None:
    """As those of a queue whose node is gone."""
    engine_id = str(uuid4())
    rabbitmq.declare_queue(vhost, f"heat-engine-listener.{engine_id}")

    def uncounted(path: str, answer: Any) -> Any:
        for queue in answer["items"] if "/queues/" in path else ():
            queue.pop("consumers", None)
        return answer

    with changed(rabbitmq, uncounted) as url:
        found = listeners.observe(broker_site(tmp_path, rabbitmq, vhost, management=[url]))
    assert Listener(engine_id, vhost, None) in found.listeners
    with pytest.raises(Unobserved, match=f"whether queue .*{engine_id} of vhost {vhost} is read"):
        place([a_row(engine_id, "control1")], found.listeners)
    assert Listener(engine_id, vhost, None) in place([], found.listeners).uncounted


def test_an_old_vhost_that_the_account_may_not_see(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    hidden = f"hidden-{uuid4().hex[:8]}"
    rabbitmq.add_vhost(hidden)
    rabbitmq.add_user("blind", PASSWORD, "monitoring", {})
    site = broker_site(tmp_path, rabbitmq, hidden, "blind")
    for source in (old_queues, listeners):
        with pytest.raises(Unobserved, match=f"set_permissions -p {hidden} blind"):
            source.observe(site)
    rabbitmq.add_user("blind", PASSWORD, "monitoring", {hidden: ("^$", "^$", "^$")})
    assert old_queues.observe(site).exists


@pytest.mark.parametrize("tags", ["", "management"])
def test_an_account_that_sees_too_little_is_told_what_to_grant(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path, tags: str
) -> None:
    user = f"limited-{tags or 'none'}"
    rabbitmq.add_user(user, PASSWORD, tags, {vhost: ALL})
    with pytest.raises(Unobserved, match="monitoring") as refused:
        listeners.observe(broker_site(tmp_path, rabbitmq, vhost, user))
    assert user in str(refused.value)


def test_the_second_management_url_serves_when_the_first_is_down(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path
) -> None:
    urls = [f"http://127.0.0.1:{free_port()}", rabbitmq.management_url]
    found = listeners.observe(broker_site(tmp_path, rabbitmq, vhost, management=urls))
    assert found.management == rabbitmq.management_url


def test_another_account_can_be_named(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rabbitmq.add_user("plain-heat", PASSWORD, "", {vhost: ALL})
    nothing = {vhost: ("^$", "^$", "^$")}
    rabbitmq.add_user("watcher", "canary-of-the-watcher", "monitoring", nothing)
    monkeypatch.setenv("WATCHER_PASSWORD", "canary-of-the-watcher")
    plan = {"username": "watcher", "password_env": "WATCHER_PASSWORD"}
    assert listeners.observe(broker_site(tmp_path, rabbitmq, vhost, "plain-heat", **plan)).version


def test_nothing_but_get_reaches_the_broker(rabbitmq: RabbitMQ, vhost: str, tmp_path: Path) -> None:
    methods: list[str] = []
    with (
        _front(lambda handler: methods.append(handler.command)) as url,
        pytest.raises(Unobserved),
    ):
        listeners.observe(broker_site(tmp_path, rabbitmq, vhost, management=[url]))
    assert set(methods) == {"GET"}


@contextmanager
def _front(seen: object, status: int = 200, body: bytes = b"<html>") -> Iterator[str]:
    """A server that is not RabbitMQ."""

    class Stranger(Silent):
        def do_GET(self) -> None:
            if callable(seen):
                seen(self)
            self.answer(status, body)

        do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    with serving(Stranger) as url:
        yield url


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"<html>", "the answer is not JSON; another server answers there"),
        (200, b"[]", "another server answers there"),
        (
            200,
            b'{"tags": ["monitoring"]}',
            "GET api/overview: .*cluster_name.*; another server",
        ),
        (404, b"{}", "answers 404 to GET api/whoami; correct broker.management"),
        (302, b"", "answers 302 to GET api/whoami"),
        (503, b"{}", "answers 503 to GET api/whoami; look into its log"),
    ],
)
def test_what_is_no_management_api_is_told(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path, status: int, body: bytes, words: str
) -> None:
    with _front(None, status, body) as url, pytest.raises(Unobserved, match=words):
        listeners.observe(broker_site(tmp_path, rabbitmq, vhost, management=[url]))


def test_a_count_that_the_broker_does_not_give_is_unknown_and_not_zero(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path
) -> None:
    """As the list of a broker whose statistics have not come yet."""
    rabbitmq.declare_queue(vhost, "engine_worker")

    def countless(path: str, answer: Any) -> Any:
        for queue in answer["items"] if "/queues/" in path else ():
            queue.pop("messages_ready", None)
        return answer

    with changed(rabbitmq, countless) as url:
        found = old_queues.observe(broker_site(tmp_path, rabbitmq, vhost, management=[url]))
    assert [queue.ready for sample in found.samples for queue in sample.queues] == [None] * 3
    assert found.live
