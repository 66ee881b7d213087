"""Who is connected to the two releases' vhosts, and which queues they read there."""

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import requests

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker.amqp_login import CONNECTION_NAME
from heat_upgrade_checks.evidence.broker.management import (
    body,
    connect,
    get,
    path_of,
    require_sight,
)
from heat_upgrade_checks.evidence.configuration.heat_conf import HeatConf
from heat_upgrade_checks.evidence.configuration.messaging_options import control_exchange
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat.declarations import MessagingOptions
from heat_upgrade_checks.heat.programs import told
from heat_upgrade_checks.heat.queues import REPLY
from heat_upgrade_checks.phases import SideName


@dataclass(frozen=True)
class Client:
    """One process with AMQP connections; oslo.messaging names each `<program>:<pid>:<uuid>`.

    Another library names them as it likes, or not at all: then `pid` is None, and those of one name
    from one host are taken together. `reads` are the queues that it consumes.

    `publishes` are the exchanges that it was seen to publish to, but for those of answers; `silent`
    is how many connections were not seen to publish that are there to do so, one for each queue of
    answers at least: who waits for an answer has sent a question. Both are looked for only where
    the names do not tell whose process it is, and RabbitMQ knows them only with
    `management.rates_mode = detailed` (rabbit_mgmt_metrics_collector.erl).
    """

    program: str
    pid: int | None
    peer_host: str
    user: str
    connections: int
    reads: tuple[str, ...]
    publishes: tuple[str, ...] = ()
    silent: int = 0

    def __str__(self) -> str:
        return (
            f"{self.program or 'unknown program'} (pid {self.pid or 'unknown'}) on {self.peer_host}"
        )


@dataclass(frozen=True)
class VhostClients:
    """The clients of one vhost; `accounts` are those of the release whose vhost it is.

    `exchanges` are those to which Heat publishes its calls, in either release.
    """

    vhost: str
    accounts: tuple[str, ...]
    exists: bool
    clients: tuple[Client, ...]
    exchanges: tuple[str, ...] = (MessagingOptions.control_exchange,)


@dataclass(frozen=True)
class Connections(Facts):
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
    overview = get(http, dict, "api/overview")
    if overview.get("disable_stats"):
        raise Unobserved(
            f"RabbitMQ at {http.base} keeps no statistics, so it lists no connection; "
            "set management_agent.disable_metrics_collector = false"
        )
    sides: list[SideName] = ["current"]
    if site.plan.target.is_configured:
        sides.append("target")
    detailed = overview.get("rates_mode") == "detailed"
    exchanges = tuple(sorted({control_exchange(site.conf(side)) for side in sides}))
    found = [_clients(site.conf(side), http, exchanges, detailed) for side in sides]
    return Connections(http.base, found[0], found[1] if len(found) > 1 else None)


def _clients(
    conf: HeatConf, http: ReadOnlyHttp, exchanges: tuple[str, ...], detailed: bool
) -> VhostClients:
    transport = conf.transport()
    vhost = transport.vhost
    accounts = tuple(sorted({host.username for host in transport.hosts if host.username}))
    rows = _rows(http, vhost, path_of("vhosts", vhost, "connections"))
    consumers = _rows(http, vhost, path_of("consumers", vhost))
    if rows is None or consumers is None:
        return VhostClients(vhost, accounts, False, (), exchanges)
    read = _read_queues(consumers)
    sends = _Sends(http, vhost) if detailed else None
    connections: dict[_Process, list[str]] = defaultdict(list)
    for row in rows:
        process = _process(row)
        if process.program != CONNECTION_NAME:  # a login of this tool's own, listed seconds late
            connections[process].append(row.get("name", ""))
    clients = []
    for process, names in connections.items():
        reads = tuple(sorted(set().union(*(read[name] for name in names))))
        client = Client(*process, len(names), reads)
        # Named programs need no further question; a cloud has hundreds of them.
        if sends and process.user in accounts and not told(process.program, reads):
            client = _with_targets(client, {name: sends.exchanges(name) for name in names}, read)
        clients.append(client)
    return VhostClients(vhost, accounts, True, tuple(sorted(clients, key=str)), exchanges)


def _with_targets(
    client: Client, targets: dict[str, set[str]], read: dict[str, set[str]]
) -> Client:
    """The client with what each of its connections publishes to."""
    idle = sum(not exchanges and not read[name] for name, exchanges in targets.items())
    sending = sum(map(bool, targets.values()))
    waiting = sum(queue.startswith(REPLY) for queue in client.reads)
    publishes = tuple(sorted(set().union(*targets.values())))
    return replace(client, publishes=publishes, silent=max(idle, waiting - sending))


class _Sends:
    """To which exchanges the connections of a vhost publish, one question for each channel."""

    def __init__(self, http: ReadOnlyHttp, vhost: str) -> None:
        self._http = http
        self._channels: dict[str, list[str]] = defaultdict(list)
        path = path_of("vhosts", vhost, "channels")
        columns = "name,connection_details.name,message_stats.publish"
        for row in get(http, list, path, columns=columns):
            if (row.get("message_stats") or {}).get("publish"):
                connection = (row.get("connection_details") or {}).get("name", "")
                self._channels[connection].append(row["name"])

    def exchanges(self, connection: str) -> set[str]:
        """The exchanges of calls and notifications: answers go to the default exchange."""
        found: set[str] = set()
        for channel in self._channels[connection]:
            path = path_of("channels", channel)
            response = self._http.get(path, columns="name,publishes.exchange.name")
            if response.status_code != requests.codes.not_found:  # it has ended meanwhile
                rows = body(self._http, response, dict, path).get("publishes") or []
                found |= {row["exchange"]["name"] for row in rows}
        return {name for name in found if name and not name.startswith(REPLY)}


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
