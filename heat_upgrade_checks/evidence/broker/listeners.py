"""RabbitMQ through its management API: where engines listen, and what the old queues hold."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import requests

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker.management import body, connect, get, require_sight
from heat_upgrade_checks.evidence.broker.peek import LeftMessage, peek
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.database.state import observe as observe_database
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat.queues import LISTENER, WORK_QUEUES, listening_engine

_PAGE = 500
# Seconds from one sample to the next. Statistics are 5 to 7 s old by default; live totals are not.
_LIVE_INTERVAL = 0.5
_STATISTICS_INTERVAL = 7.0
# The states of a queue that answers for itself. One without a leader says down, and counts of zero.
_ANSWERING = {"running", "idle", "flow", "live"}


@dataclass(frozen=True)
class Listener:
    """The listener queue of one engine; `consumers` is None where the broker does not say."""

    engine_id: str
    vhost: str
    consumers: int | None


@dataclass(frozen=True)
class Broker:
    """Where on the broker engines listen, in every vhost that the account may see.

    `hidden` are the vhosts on which it has no permission; RabbitMQ shows it no queue of those.
    """

    management: str
    version: str
    vhosts: tuple[str, ...]
    hidden: tuple[str, ...]
    listeners: tuple[Listener, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        return (
            f"{len(self.listeners)} engine listener queues in {len(self.vhosts)} vhosts "
            f"({len(self.hidden)} more are hidden), RabbitMQ {self.version} at {self.management}"
        )


@dataclass(frozen=True)
class Queue:
    """One queue at one moment; a count is None where the broker does not say."""

    name: str
    type: str
    ready: int | None
    unacknowledged: int | None


@dataclass(frozen=True)
class Sample:
    """The work queues of a vhost at one moment."""

    at: datetime
    queues: tuple[Queue, ...]


@dataclass(frozen=True)
class OldQueues:
    """The queues of the current release's vhost, sampled.

    `live` tells that the counts are the queues' own; otherwise they are the management database's,
    a few seconds old, and the samples lie further apart than its interval. `publish_rate` is in
    messages per second into the work queues over the broker's last statistics interval, None where
    it keeps none. What reaches another queue is no work: notifications go to the same exchange, and
    services may share the vhost.

    `database` was read after the first and before the last sample, so that work cannot slip from
    one to the other unseen; None, with the reason in `database_error`, where it could not be read.
    `left` are messages without a reader, looked into where the plan allows it; `left_error` is the
    reason why they could not be.
    """

    management: str
    vhost: str
    exists: bool
    live: bool
    samples: tuple[Sample, ...]
    publish_rate: float | None
    database: Database | None
    database_error: str
    left: tuple[LeftMessage, ...] = ()
    left_error: str = ""

    def read_between(self) -> Database:
        """The database between the samples.

        :raises Unobserved: it could not be read.
        """
        if self.database is None:
            raise Unobserved(self.database_error)
        return self.database

    @property
    def extent(self) -> str:
        """What was read."""
        if not self.exists:
            return f"vhost {self.vhost} does not exist at {self.management}"
        kind = "live counts" if self.live else "statistics"
        return (
            f"{len(self.samples[-1].queues)} work queues in vhost {self.vhost}, "
            f"{len(self.samples)} samples of {kind} at {self.management}"
        )


def observe(site: Site) -> Broker:
    """Where engines listen, over all vhosts."""
    http, version = connect(site)
    listeners: list[Listener] = []
    visible: list[str] = []
    hidden: list[str] = []
    for vhost in sorted(row["name"] for row in get(http, list, "api/vhosts", columns="name")):
        rows = listener_queues(http, vhost)
        (hidden if rows is None else visible).append(vhost)
        listeners += [
            Listener(engine_id, vhost, row.get("consumers"))
            for row in rows or ()
            if (engine_id := listening_engine(row["name"]))
        ]
    return Broker(http.base, version, tuple(visible), tuple(hidden), tuple(listeners))


def observe_old_queues(site: Site) -> OldQueues:
    """What the queues of the current release's vhost hold, several times in a row."""
    vhost = site.conf("current").transport().vhost
    http, _ = connect(site)
    samples: list[Sample] = []
    live, found, problem = True, None, ""
    begun = time.monotonic()
    for number in range(site.plan.broker.samples):
        if number == 1:
            found, problem = _read_database(site)
        if number:
            interval = _LIVE_INTERVAL if live else _STATISTICS_INTERVAL
            time.sleep(max(0.0, begun + interval - time.monotonic()))
        begun, at = time.monotonic(), datetime.now(UTC)
        rows = live_queues(http, vhost)
        if rows is None:
            if found is None and not problem:
                found, problem = _read_database(site)
            return OldQueues(http.base, vhost, False, False, (), None, found, problem)
        live = live and counts_are_live(rows)
        samples.append(Sample(at, tuple(map(_queue, rows))))
    rate = _publish_rate(http, vhost)
    left, left_error = _peek(site, http, vhost, samples[-1]) if site.plan.broker.peek else ((), "")
    return OldQueues(
        http.base, vhost, True, live, tuple(samples), rate, found, problem, left, left_error
    )


def _peek(
    site: Site, http: ReadOnlyHttp, vhost: str, sample: Sample
) -> tuple[tuple[LeftMessage, ...], str]:
    try:
        return tuple(peek(site, http, vhost, [q.name for q in sample.queues if q.ready])), ""
    except Unobserved as error:
        return (), str(error)


def _read_database(site: Site) -> tuple[Database | None, str]:
    try:
        return observe_database(site), ""
    except Unobserved as error:
        return None, str(error)


def live_queues(http: ReadOnlyHttp, vhost: str) -> list[dict[str, Any]] | None:
    """The work queues with their live counts; None where the vhost does not exist.

    RabbitMQ leaves out the others, of which a vhost may have thousands. It asks each queue for its
    counts on the node of its leader: one whose leader is gone counts nothing, or is not listed at
    all (rabbit_amqqueue:collect_info_all). Such a queue has no count here.
    """
    known = _work_queues(http, vhost, columns="name")
    rows = _work_queues(http, vhost, disable_stats="true", enable_queue_totals="true")
    if known is None or rows is None:
        return None
    lacking = _names(known) - _names(rows)
    if lacking:
        # Not those that were deleted meanwhile.
        lacking &= _names(_work_queues(http, vhost, columns="name") or ())
    return [*map(_counted, rows), *({"name": name} for name in sorted(lacking))]


def _names(rows: Iterable[dict[str, Any]]) -> set[str]:
    return {row["name"] for row in rows}


def _counted(row: dict[str, Any]) -> dict[str, Any]:
    """The row, without its counts where the queue does not answer for itself."""
    if row.get("state") in _ANSWERING:
        return row
    return {key: value for key, value in row.items() if not key.startswith("messages")}


def counts_are_live(rows: Iterable[dict[str, Any]]) -> bool:
    """Whether these counts are the queues' own, as they are now.

    A broker that does not know the parameters answers with its statistics. A quorum queue gives
    its counts every 5 s only (rabbit_quorum_queue's tick).
    """
    return all(
        row.get("type") == "classic" and "memory" not in row and "message_stats" not in row
        for row in rows
    )


def _queue(row: dict[str, Any]) -> Queue:
    ready, unacknowledged = row.get("messages_ready"), row.get("messages_unacknowledged")
    return Queue(row["name"], str(row.get("type", "")), ready, unacknowledged)


def _publish_rate(http: ReadOnlyHttp, vhost: str) -> float | None:
    overview = get(http, dict, "api/overview")
    if overview.get("disable_stats") or overview.get("rates_mode") == "none":
        return None
    rows = _work_queues(http, vhost, columns="name,message_stats.publish_details.rate")
    # With statistics kept, no figure means that nothing was published since the start.
    stats = [row.get("message_stats") or {} for row in rows or ()]
    return float(sum((each.get("publish_details") or {}).get("rate", 0.0) for each in stats))


def _work_queues(http: ReadOnlyHttp, vhost: str, **parameters: str) -> list[dict[str, Any]] | None:
    """The work queues; None where the vhost does not exist."""
    rows = _queues_named(http, vhost, name=f"^{WORK_QUEUES}$", use_regex="true", **parameters)
    if isinstance(rows, list):
        return rows
    if rows.status_code == requests.codes.not_found:
        return None
    require_sight(http, rows, vhost)
    return body(http, rows, list, f"the queues of vhost {vhost}")


def listener_queues(http: ReadOnlyHttp, vhost: str) -> list[dict[str, Any]] | None:
    """The listener queues of a vhost; None where the account has no permission."""
    rows = _queues_named(http, vhost, name=LISTENER, use_regex="false", columns="name,consumers")
    if isinstance(rows, list):
        return rows
    if rows.status_code == requests.codes.unauthorized:
        return None
    return body(http, rows, list, f"the queues of vhost {vhost}")


def _queues_named(
    http: ReadOnlyHttp, vhost: str, **parameters: str
) -> list[dict[str, Any]] | requests.Response:
    """The queues of a vhost page by page, or the answer that refuses to list them."""
    path = f"api/queues/{quote(vhost, safe='')}"
    found: list[dict[str, Any]] = []
    page, pages = 1, 1
    while page <= pages:
        response = http.get(path, page=str(page), page_size=str(_PAGE), **parameters)
        if response.status_code in {requests.codes.not_found, requests.codes.unauthorized}:
            return response
        answer = body(http, response, dict, path)
        found += answer["items"]
        page, pages = page + 1, answer["page_count"]
    return found
