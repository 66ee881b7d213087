"""Who is connected to the two releases' vhosts, and which queues they read there."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote

import requests

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.amqp_login import CONNECTION_NAME
from heat_upgrade_checks.evidence.management import body, connect, get, require_sight
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import SideName, Site


@dataclass(frozen=True)
class Client:
    """One process with AMQP connections; oslo.messaging names each `<program>:<pid>:<uuid>`.

    Another library names them as it likes, or not at all: then `pid` is None, and those of one name
    from one host are taken together. `reads` are the queues that it consumes.
    """

    program: str
    pid: int | None
    peer_host: str
    user: str
    connections: int
    reads: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.program or 'unknown program'} (pid {self.pid or 'unknown'}) on {self.peer_host}"
        )


@dataclass(frozen=True)
class VhostClients:
    """The clients of one vhost; `accounts` are those of the release whose vhost it is."""

    vhost: str
    accounts: tuple[str, ...]
    exists: bool
    clients: tuple[Client, ...]


@dataclass(frozen=True)
class Connections:
    """The clients of the current (`old`) and of the target release's vhost (`new`).

    `new` is None where the plan names no configuration of the target release yet.
    """

    management: str
    old: VhostClients
    new: VhostClients | None

    @property
    def sides(self) -> tuple[VhostClients, ...]:
        """Each vhost once."""
        if self.new is None or self.new.vhost == self.old.vhost:
            return (self.old,)
        return self.old, self.new

    @property
    def extent(self) -> str:
        """What was read."""
        sides = ", ".join(
            f"{len(side.clients)} processes on vhost {side.vhost}"
            if side.exists
            else f"vhost {side.vhost} does not exist"
            for side in self.sides
        )
        return f"{sides}, by connections and consumers at {self.management}"


class _Process(NamedTuple):
    program: str
    pid: int | None
    peer_host: str
    user: str


def observe(site: Site) -> Connections:
    """List connections and consumers of both vhosts."""
    http, _ = connect(site)
    if get(http, dict, "api/overview").get("disable_stats"):
        raise Unobserved(
            f"RabbitMQ at {http.base} keeps no statistics, so it lists no connection; "
            "set management_agent.disable_metrics_collector = false"
        )
    old = _clients(site, http, "current")
    new = _clients(site, http, "target") if site.plan.target.is_configured else None
    return Connections(http.base, old, new)


def _clients(site: Site, http: ReadOnlyHttp, side: SideName) -> VhostClients:
    transport = site.conf(side).transport()
    accounts = tuple(sorted({host.username for host in transport.hosts if host.username}))
    connections = _rows(http, transport.vhost, f"api/vhosts/{_quoted(transport.vhost)}/connections")
    consumers = _rows(http, transport.vhost, f"api/consumers/{_quoted(transport.vhost)}")
    if connections is None or consumers is None:
        return VhostClients(transport.vhost, accounts, False, ())
    read = _read_queues(consumers)
    counted: Counter[_Process] = Counter()
    reads: dict[_Process, set[str]] = defaultdict(set)
    for row in connections:
        process = _process(row)
        if process.program == CONNECTION_NAME:  # a login of this tool's own, listed seconds late
            continue
        counted[process] += 1
        reads[process] |= read[row.get("name", "")]
    clients = (
        Client(*process, count, tuple(sorted(reads[process]))) for process, count in counted.items()
    )
    return VhostClients(transport.vhost, accounts, True, tuple(sorted(clients, key=str)))


def _quoted(vhost: str) -> str:
    return quote(vhost, safe="")


def _rows(http: ReadOnlyHttp, vhost: str, path: str) -> list[dict[str, Any]] | None:
    """A listing of one vhost; None where the vhost does not exist."""
    response = http.get(path)
    if response.status_code == requests.codes.not_found:
        return None
    require_sight(http, response, vhost)
    return body(http, response, list, path)


def _read_queues(consumers: list[dict[str, Any]]) -> dict[str, set[str]]:
    """The name of a connection -> the queues that its channels consume."""
    found: dict[str, set[str]] = defaultdict(set)
    for consumer in consumers:
        # An empty list where the broker does not know the channel any more.
        channel = consumer.get("channel_details") or {}
        found[channel.get("connection_name", "")].add(consumer["queue"]["name"])
    found.pop("", None)
    return found


def _process(row: dict[str, Any]) -> _Process:
    properties = row.get("client_properties") or {}
    name = str(row.get("user_provided_name") or properties.get("connection_name") or "")
    program, _, rest = name.partition(":")
    pid = rest.partition(":")[0]
    return _Process(
        program=program,
        pid=int(pid) if pid.isdigit() else None,
        peer_host=str(row.get("peer_host", "unknown host")),
        user=str(row.get("user", "")),
    )
