"""The pages of queues that RabbitMQ lists: believed where they add up."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker import (
    listeners,
    management,
    old_queues,
    queue_listing,
    waiting_messages,
)
from heat_upgrade_checks.evidence.broker.queue_listing import CountedQueue, NamedQueue
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from tests.services.evidence.broker_sites import broker_site
from tests.services.evidence.proxies import Answer, before, changed
from tests.services.rabbitmq import RabbitMQ


def test_a_queue_that_is_deleted_while_they_are_listed_is_not_one_without_a_leader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = CountedQueue("engine", state="running", messages=0)
    names = [NamedQueue("engine"), NamedQueue("engine_worker")]
    listings: Iterator[list[Any]] = iter([names, [engine], names[:1]])
    monkeypatch.setattr(queue_listing, "work_queues", lambda *_, **__: next(listings))
    assert queue_listing.live_queues(ReadOnlyHttp("RabbitMQ", "http://rabbit"), "heat") == [engine]


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ({"items": [], "total_count": 20}, "do not add up"),
        ({"items": [], "item_count": 0}, "do not add up"),
        ({"items": [], "item_count": 0, "filtered_count": 0}, "do not add up"),
        ({"items": {}}, "items: input should be a valid array"),
        ({"page_count": 0}, "do not add up"),
        ({"page_count": -1}, "page_count: input should be greater than or equal to 0"),
        ({"page": 2}, "do not add up"),
        ({"filtered_count": None}, "filtered_count: input should be a valid integer"),
    ],
)
def test_a_page_that_contradicts_itself_is_none(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path, page: dict[str, object], words: str
) -> None:
    for name in ("engine_worker", "heat-engine-listener.e1"):
        rabbitmq.declare_queue(vhost, name)

    def contradicting(path: str, answer: Any) -> Any:
        return {**answer, **page} if "/queues/" in path else answer

    with changed(rabbitmq, contradicting) as url:
        site = broker_site(tmp_path, rabbitmq, vhost, management=[url])
        for source in (old_queues, waiting_messages, listeners):
            with pytest.raises(Unobserved, match=words):
                source.observe(site)


@pytest.mark.parametrize(
    "counts",
    [
        {"messages": "", "messages_ready": ""},
        {"messages": [], "messages_ready": []},
        {"messages": False, "messages_ready": False},
        {"messages": 0, "messages_ready": 5, "messages_unacknowledged": -5},
        {"messages": 0.0, "messages_ready": 0.5},
    ],
)
def test_a_count_is_a_natural_number(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path, counts: dict[str, object]
) -> None:
    rabbitmq.declare_queue(vhost, "engine_worker")

    def miscounting(path: str, answer: Any) -> Any:
        for queue in answer["items"] if "/queues/" in path else ():
            queue.update(counts)
        return answer

    with changed(rabbitmq, miscounting) as url:
        site = broker_site(tmp_path, rabbitmq, vhost, management=[url])
        for source in (old_queues, waiting_messages):
            with pytest.raises(Unobserved, match=r"items\.0\.messages"):
                source.observe(site)


def test_queues_that_come_and_go_between_two_pages_are_asked_for_again(
    rabbitmq: RabbitMQ, vhost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is deleted moves the first of the second page to the first, which was read."""
    monkeypatch.setattr(queue_listing, "_PAGE", 2)
    for number in range(5):
        rabbitmq.declare_queue(vhost, f"engine_worker.e{number}")
    place, lists = quote(vhost, safe=""), itertools.count()

    def shifting(path: str, real: Answer) -> Answer:
        if f"/queues/{place}?page=1" in path and "columns=name" in path and next(lists) == 0:
            rabbitmq.call("DELETE", f"queues/{place}/engine_worker.e0")
            rabbitmq.declare_queue(vhost, "engine_worker.e9")
        return real

    with before(rabbitmq, shifting) as url:
        site = broker_site(tmp_path, rabbitmq, vhost, management=[url])
        http, _ = management.connect(site)
        found = queue_listing.work_queues(http, vhost, NamedQueue, columns="name")
    assert [row.name for row in found or ()] == [f"engine_worker.e{n}" for n in (1, 2, 3, 4, 9)]
    assert next(lists) > 2
