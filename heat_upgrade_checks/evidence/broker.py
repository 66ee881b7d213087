"""RabbitMQ through its management API: where engines listen, and what the old queues hold."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import requests

from heat_upgrade_checks.errors import Unobserved, UsageError
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.queues import listening_engine

_MANAGEMENT_PORT = 15672
_PAGE = 500
_SEES_ALL = {"monitoring", "administrator"}
# Seconds between samples. Statistics are 5 to 7 s old by default; live totals are not.
_LIVE_INTERVAL = 0.5
_STATISTICS_INTERVAL = 7.0


@dataclass(frozen=True)
class Listener:
    """The listener queue of one engine; `consumers` is None where the broker does not say."""

    engine_id: str
    vhost: str
    consumers: int | None


@dataclass(frozen=True)
class Broker:
    """Where on the broker engines listen, in every vhost."""

    management: str
    version: str
    vhosts: tuple[str, ...]
    listeners: tuple[Listener, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        return (
            f"{len(self.listeners)} engine listener queues in {len(self.vhosts)} vhosts, "
            f"RabbitMQ {self.version} at {self.management}"
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
    """All queues of a vhost at one moment."""

    at: datetime
    queues: tuple[Queue, ...]


@dataclass(frozen=True)
class OldQueues:
    """The queues of the current release's vhost, sampled.

    `live` tells that the counts are the queues' own; otherwise they are the management database's,
    a few seconds old, and the samples lie further apart than its interval.
    """

    management: str
    vhost: str
    exists: bool
    live: bool
    samples: tuple[Sample, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        if not self.exists:
            return f"vhost {self.vhost} does not exist at {self.management}"
        kind = "live counts" if self.live else "statistics"
        return (
            f"{len(self.samples[-1].queues)} queues in vhost {self.vhost}, "
            f"{len(self.samples)} samples of {kind} at {self.management}"
        )


def observe(site: Site) -> Broker:
    """Where engines listen, over all vhosts."""
    http, version = _connect(site)
    vhosts = [row["name"] for row in _rows(http, "api/vhosts", columns="name")]
    listeners = [
        Listener(engine_id, row["vhost"], row.get("consumers"))
        for row in _queues_named(http, "heat-engine-listener.")
        if (engine_id := listening_engine(row["name"]))
    ]
    return Broker(http.base, version, tuple(sorted(vhosts)), tuple(listeners))


def observe_old_queues(site: Site) -> OldQueues:
    """What the queues of the current release's vhost hold, several times in a row."""
    vhost = site.conf("current").transport().vhost
    http, _ = _connect(site)
    path = f"api/queues/{quote(vhost, safe='')}"
    samples: list[Sample] = []
    live = True
    for number in range(site.plan.broker.samples):
        if number:
            time.sleep(_LIVE_INTERVAL if live else _STATISTICS_INTERVAL)
        response = http.get(path, disable_stats="true", enable_queue_totals="true")
        if response.status_code == requests.codes.not_found:
            return OldQueues(http.base, vhost, False, False, ())
        rows = _body(http, response, path)
        # A broker that does not know these parameters answers with its statistics.
        live = live and not any("memory" in row or "message_stats" in row for row in rows)
        queues = tuple(
            Queue(
                row["name"],
                str(row.get("type", "")),
                row.get("messages_ready"),
                row.get("messages_unacknowledged"),
            )
            for row in rows
        )
        samples.append(Sample(datetime.now(UTC), queues))
    return OldQueues(http.base, vhost, True, live, tuple(samples))


def _connect(site: Site) -> tuple[ReadOnlyHttp, str]:
    """The first management URL that answers, and the broker's version."""
    plan = site.plan.broker
    hosts = site.conf("current").transport().hosts
    password = plan.password(site.secrets)
    if plan.username is not None and password is None:
        raise UsageError("broker.username in the plan needs broker.password_env or password_file")
    username = plan.username or hosts[0].username
    if password is None:
        password = hosts[0].password
    if username is None or password is None:
        raise Unobserved(
            "transport_url holds no account for RabbitMQ; "
            "add broker.username and broker.password_env to the plan"
        )
    urls = plan.management or tuple(f"http://{host.host}:{_MANAGEMENT_PORT}" for host in hosts)
    problems = []
    for url in urls:
        http = ReadOnlyHttp("RabbitMQ's management API", url, (username, password), plan.ca_file)
        try:
            _require_full_sight(http, username)
            overview = _body(http, http.get("api/overview"), "api/overview")
        except Unobserved as problem:
            problems.append(str(problem))
        else:
            return http, str(overview.get("rabbitmq_version", "unknown"))
    raise Unobserved(problems[0])


def _require_full_sight(http: ReadOnlyHttp, username: str) -> None:
    """Seeing only some vhosts would let an engine on another one go unseen."""
    account = _body(http, http.get("api/whoami"), "api/whoami")
    tags = account.get("tags", [])
    tags = set(tags.split(",") if isinstance(tags, str) else tags)
    if not tags & _SEES_ALL:
        raise Unobserved(
            f"RabbitMQ's account {username} sees only its own vhosts at {http.base}; "
            f"run: rabbitmqctl set_user_tags {username} monitoring"
        )


def _body(http: ReadOnlyHttp, response: requests.Response, path: str) -> Any:
    if response.status_code == requests.codes.unauthorized:
        raise Unobserved(
            f"RabbitMQ's management API at {http.base} refuses the account "
            f"{http.auth[0] if http.auth else ''}: wrong password, or it lacks the monitoring tag; "
            "correct broker.username and broker.password_env in the plan"
        )
    if not response.ok:
        raise Unobserved(
            f"RabbitMQ's management API at {http.base} answers {response.status_code} to "
            f"GET {path}; correct broker.management in the plan"
        )
    return http.json(response)


def _rows(http: ReadOnlyHttp, path: str, **parameters: str) -> list[dict[str, Any]]:
    rows = _body(http, http.get(path, **parameters), path)
    if not isinstance(rows, list):
        raise Unobserved(f"{http.what} at {http.base}: GET {path} is no list; is it RabbitMQ?")
    return rows


def _queues_named(http: ReadOnlyHttp, part: str) -> Iterator[dict[str, Any]]:
    """The queues of all vhosts whose name contains `part`, page by page."""
    page, pages = 1, 1
    while page <= pages:
        answer = _body(
            http,
            http.get(
                "api/queues",
                page=str(page),
                page_size=str(_PAGE),
                name=part,
                use_regex="false",
                columns="vhost,name,consumers",
            ),
            "api/queues",
        )
        yield from answer["items"]
        page, pages = page + 1, answer["page_count"]
