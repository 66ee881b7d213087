"""What the queues of the current release's vhost hold, several times in a row."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker.management import connect
from heat_upgrade_checks.evidence.broker.peek import LeftMessage, peek
from heat_upgrade_checks.evidence.broker.queue_listing import (
    CountedQueue,
    PublishedQueue,
    counts_are_live,
    live_queues,
    work_queues,
)
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.database.state import observe as observe_database
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.wording import counted

# Seconds from one sample to the next. Statistics are 5 to 7 s old by default; live totals are not.
_LIVE_INTERVAL = 0.5
_STATISTICS_INTERVAL = 7.0


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
class OldQueues(Facts):
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
    def incomplete(self) -> tuple[str, ...]:
        """What is said of the database and of messages that could not be read."""
        return tuple(filter(None, (self.database_error, self.left_error)))

    @property
    def extent(self) -> str:
        """What was read."""
        if not self.exists:
            return f"vhost {self.vhost} does not exist at {self.management}"
        kind = "live counts" if self.live else "statistics"
        return (
            f"{counted(len(self.samples[-1].queues), 'work queue')} in vhost {self.vhost}, "
            f"{counted(len(self.samples), 'sample')} of {kind} at {self.management}"
        )


def observe(site: Site) -> OldQueues:
    """What the queues of the current release's vhost hold, several times in a row."""
    vhost = site.conf("current").transport().vhost
    http, overview = connect(site)
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
    rate = _publish_rate(http, vhost) if overview.keeps_rates else None
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


def _queue(row: CountedQueue) -> Queue:
    return Queue(row.name, row.type, row.messages_ready, row.messages_unacknowledged)


def _publish_rate(http: ReadOnlyHttp, vhost: str) -> float:
    columns = "name,message_stats.publish_details.rate"
    rows = work_queues(http, vhost, PublishedQueue, columns=columns)
    if rows is None:
        raise Unobserved(
            f"vhost {vhost} at {http.base} was deleted while it was looked at; run this phase again"
        )
    return sum(row.rate for row in rows)
