"""The queues of a vhost that Heat's engines read, listed by RabbitMQ's management API."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Generic, TypeVar

import requests
from pydantic import Field

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.answers import Count
from heat_upgrade_checks.evidence.broker.management import (
    EMPTY,
    body,
    is_absent,
    path_of,
    require_sight,
)
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.retry import ask
from heat_upgrade_checks.heat.queues import LISTENER, WORK_QUEUES

_PAGE = 500
# The states of a queue that answers for itself. One without a leader says down, and counts of zero.
_ANSWERING = {"running", "idle", "flow", "live"}


@dataclass(frozen=True)
class NamedQueue:
    """A queue of which nothing but its name is asked."""

    name: str


@dataclass(frozen=True)
class CountedQueue(NamedQueue):
    """A queue with its counts; one is None where the broker does not say.

    `memory` and `message_stats` stand in a row of statistics alone.
    """

    type: str = ""
    state: str = ""
    messages: Count | None = None
    messages_ready: Count | None = None
    messages_unacknowledged: Count | None = None
    memory: object = None
    message_stats: object = None


@dataclass(frozen=True)
class ReadQueue(NamedQueue):
    """A queue and how many read it; None where the broker does not say."""

    consumers: Count | None = None


@dataclass(frozen=True)
class _Rate:
    rate: Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class _Publishing:
    # Absent where nothing was published since the start.
    publish_details: _Rate | None = None


@dataclass(frozen=True)
class PublishedQueue(NamedQueue):
    """A queue and the rate at which messages come into it."""

    message_stats: Annotated[_Publishing, EMPTY] = _Publishing()

    @property
    def rate(self) -> float:
        """Messages per second over the broker's last statistics interval."""
        details = self.message_stats.publish_details
        return details.rate if details else 0.0


Row = TypeVar("Row", bound=NamedQueue)


@dataclass(frozen=True)
class _Page(Generic[Row]):
    """One page; `filtered_count` are the queues of all pages that have the name asked for."""

    items: tuple[Row, ...]
    item_count: Count
    filtered_count: Count
    page: Count
    page_count: Count


class _Refused(Exception):
    """RabbitMQ does not list the queues of this vhost."""

    def __init__(self, response: requests.Response) -> None:
        self.response = response


class _Shifted(Exception):
    """The pages do not add up: queues came and went between or within them."""


def live_queues(http: ReadOnlyHttp, vhost: str) -> list[CountedQueue] | None:
    """The work queues with their live counts; None where the vhost does not exist.

    RabbitMQ leaves out the others, of which a vhost may have thousands. It asks each queue for its
    counts on the node of its leader: one whose leader is gone counts nothing, or is not listed at
    all (rabbit_amqqueue:collect_info_all). Such a queue has no count here.
    """
    known = work_queues(http, vhost, NamedQueue, columns="name")
    rows = work_queues(http, vhost, CountedQueue, disable_stats="true", enable_queue_totals="true")
    if known is None or rows is None:
        return None
    lacking = _names(known) - _names(rows)
    if lacking:
        # Not those that were deleted meanwhile.
        lacking &= _names(work_queues(http, vhost, NamedQueue, columns="name") or ())
    return [*map(_counted, rows), *(CountedQueue(name) for name in sorted(lacking))]


def _names(rows: Iterable[NamedQueue]) -> set[str]:
    return {row.name for row in rows}


def _counted(row: CountedQueue) -> CountedQueue:
    """The row, without its counts where the queue does not answer for itself."""
    if row.state in _ANSWERING:
        return row
    return replace(row, messages=None, messages_ready=None, messages_unacknowledged=None)


def counts_are_live(rows: Iterable[CountedQueue]) -> bool:
    """Whether these counts are the queues' own, as they are now.

    A broker that does not know the parameters answers with its statistics. A quorum queue gives
    its counts every 5 s only (rabbit_quorum_queue's tick).
    """
    return all(
        row.type == "classic" and row.memory is None and row.message_stats is None for row in rows
    )


def work_queues(
    http: ReadOnlyHttp, vhost: str, shape: type[Row], **parameters: str
) -> list[Row] | None:
    """The work queues; None where the vhost does not exist."""
    try:
        named = {"name": f"^{WORK_QUEUES}$", "use_regex": "true"}
        return _queues_named(http, vhost, shape, **named, **parameters)
    except _Refused as refusal:
        if is_absent(http, refusal.response, vhost):
            return None
        require_sight(http, refusal.response, vhost)
        raise


def listener_queues(http: ReadOnlyHttp, vhost: str) -> list[ReadQueue] | None:
    """The listener queues of a vhost; None where the account has no permission."""
    try:
        return _queues_named(
            http, vhost, ReadQueue, name=LISTENER, use_regex="false", columns="name,consumers"
        )
    except _Refused as refusal:
        return [] if is_absent(http, refusal.response, vhost) else None


def _queues_named(http: ReadOnlyHttp, vhost: str, shape: type[Row], **parameters: str) -> list[Row]:
    """The queues of a vhost, every one of them once.

    :raises _Refused: the answer is 404 or 401.
    :raises Unobserved: however often they are asked for, the pages do not add up.
    """

    def listed() -> list[Row]:
        rows = [row for page in _pages(http, vhost, shape, parameters) for row in page]
        # What one page lost between two questions the next may have passed over.
        if len(rows) > _PAGE and _names(rows) != {
            row.name for page in _pages(http, vhost, shape, parameters) for row in page
        }:
            raise _Shifted
        return rows

    try:
        return ask(listed, again_on=lambda error: isinstance(error, _Shifted))
    except _Shifted:
        raise Unobserved(
            f"RabbitMQ's management API at {http.base} does not list the queues of vhost {vhost} "
            "in full: its pages do not add up, as queues come and go; run this again"
        ) from None


def _pages(
    http: ReadOnlyHttp, vhost: str, shape: type[Row], parameters: dict[str, str]
) -> Iterator[tuple[Row, ...]]:
    path, number, last = path_of("queues", vhost), 1, 1
    names: set[str] = set()
    while number <= last:
        response = http.get(path, page=str(number), page_size=str(_PAGE), **parameters)
        if response.status_code in {requests.codes.not_found, requests.codes.unauthorized}:
            raise _Refused(response)
        if number > 1 and response.status_code == requests.codes.bad_request:
            raise _Shifted  # there is no such page any more
        page = body(http, response, _Page[shape], path)  # type: ignore[valid-type]
        last = -(-page.filtered_count // _PAGE)
        names |= _names(page.items)
        seen = min(number * _PAGE, page.filtered_count)
        if (page.page, page.page_count) != (number, last) or not (
            len(page.items) == page.item_count and len(names) == seen
        ):
            raise _Shifted
        yield page.items
        number += 1
