"""Who is connected to the two releases' vhosts, and which queues they read there."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, NamedTuple, TypeVar

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker.amqp_login import CONNECTION_NAME
from heat_upgrade_checks.evidence.broker.management import (
    EMPTY,
    NOTHING,
    body,
    connect,
    is_absent,
    path_of,
    require_sight,
)
from heat_upgrade_checks.evidence.broker.nodes import await_new_statistics
from heat_upgrade_checks.evidence.broker.publishing import Publishing
from heat_upgrade_checks.evidence.configuration.heat_conf import HeatConf
from heat_upgrade_checks.evidence.configuration.messaging_options import control_exchange
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat.declarations import MessagingOptions
from heat_upgrade_checks.heat.programs import told
from heat_upgrade_checks.heat.queues import REPLY
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.wording import counted


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
            f"{counted(len(side.clients), 'process', 'processes')} on vhost {side.vhost}"
            if side.exists
            else f"vhost {side.vhost} does not exist"
            for side in self.sides
        )
        return f"{sides}, by two lists of connections and consumers at {self.management}"


Row = TypeVar("Row")


class _Process(NamedTuple):
    program: str
    pid: int | None
    peer_host: str
    user: str


@dataclass(frozen=True)
class _Connection:
    """One as RabbitMQ lists it; one from within the broker, of a plugin, has no peer."""

    name: str
    user: str
    type: str = "network"
    peer_host: str | None = None
    user_provided_name: str = ""
    client_properties: Annotated[dict[str, Any], EMPTY] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.type == "network" and self.peer_host is None:
            raise ValueError("peer_host is missing")

    @property
    def process(self) -> _Process:
        """The process that its client's name for it tells."""
        given = self.user_provided_name or str(self.client_properties.get("connection_name", ""))
        program, _, rest = given.partition(":")
        pid = rest.partition(":")[0]
        return _Process(
            program=program,
            pid=int(pid) if pid.isdecimal() and pid.isascii() else None,
            peer_host=self.peer_host or "unknown host",
            user=self.user,
        )


@dataclass(frozen=True)
class _Channel:
    connection_name: str


@dataclass(frozen=True)
class _Queue:
    name: str


@dataclass(frozen=True)
class _Consumer:
    """One as RabbitMQ lists it; no channel where the broker does not know that any more."""

    queue: _Queue
    channel_details: Annotated[_Channel | None, NOTHING]


@dataclass(frozen=True)
class _Look:
    """The connections to a vhost by their names, and the queues that each of them consumes."""

    processes: dict[str, _Process]
    reads: dict[str, set[str]]

    def joined(self, later: "_Look") -> "_Look":
        """What was seen in either."""
        reads: dict[str, set[str]] = defaultdict(set)
        for name in (*self.reads, *later.reads):
            reads[name] = self.reads.get(name, set()) | later.reads.get(name, set())
        return _Look(self.processes | later.processes, reads)


def observe(site: Site) -> Connections:
    """List connections and consumers of both vhosts, before and after RabbitMQ renewed them.

    Whoever has connected in the last seconds is in the second list only.
    """
    http, overview = connect(site)
    if overview.disable_stats:
        raise Unobserved(
            f"RabbitMQ at {http.base} keeps no statistics, so it lists no connection; "
            "set management_agent.disable_metrics_collector = false"
        )
    sides: list[SideName] = ["current"]
    if site.plan.target.is_configured:
        sides.append("target")
    confs = [site.conf(side) for side in sides]
    vhosts = dict.fromkeys(conf.transport().vhost for conf in confs)
    before = {vhost: _look(http, vhost) for vhost in vhosts}
    await_new_statistics(http)
    looks: dict[str, _Look | None] = {}
    for vhost, first in before.items():
        then = _look(http, vhost)
        looks[vhost] = first.joined(then) if first and then else then
    exchanges = tuple(sorted(set(map(control_exchange, confs))))
    detailed = overview.rates_mode == "detailed"
    found = [_clients(conf, http, looks, exchanges, detailed) for conf in confs]
    return Connections(http.base, found[0], found[1] if len(found) > 1 else None)


def _look(http: ReadOnlyHttp, vhost: str) -> _Look | None:
    """Who is connected to a vhost; None where it does not exist."""
    connections = _rows(http, vhost, _Connection, path_of("vhosts", vhost, "connections"))
    consumers = _rows(http, vhost, _Consumer, path_of("consumers", vhost))
    if connections is None or consumers is None:
        return None
    reads: dict[str, set[str]] = defaultdict(set)
    for consumer in consumers:
        if consumer.channel_details:
            reads[consumer.channel_details.connection_name].add(consumer.queue.name)
    # This tool's own login is listed for some seconds too.
    processes = {row.name: row.process for row in connections}
    return _Look(
        {name: it for name, it in processes.items() if it.program != CONNECTION_NAME}, reads
    )


def _rows(http: ReadOnlyHttp, vhost: str, shape: type[Row], path: str) -> tuple[Row, ...] | None:
    """A listing of one vhost; None where the vhost does not exist."""
    response = http.get(path)
    if is_absent(http, response, vhost):
        return None
    require_sight(http, response, vhost)
    return body(http, response, tuple[shape, ...], path)  # type: ignore[valid-type]


def _clients(
    conf: HeatConf,
    http: ReadOnlyHttp,
    looks: dict[str, _Look | None],
    exchanges: tuple[str, ...],
    detailed: bool,
) -> VhostClients:
    transport = conf.transport()
    vhost = transport.vhost
    accounts = tuple(sorted({host.username for host in transport.hosts if host.username}))
    look = looks[vhost]
    if look is None:
        return VhostClients(vhost, accounts, False, (), exchanges)
    sends = Publishing(http, vhost) if detailed else None
    connections: dict[_Process, list[str]] = defaultdict(list)
    for name, process in look.processes.items():
        connections[process].append(name)
    clients = []
    for process, names in connections.items():
        reads = tuple(sorted(set().union(*(look.reads.get(name, set()) for name in names))))
        client = Client(*process, len(names), reads)
        # Named programs need no further question; a cloud has hundreds of them.
        if sends and process.user in accounts and not told(process.program, reads):
            targets = {name: sends.exchanges(name) for name in names}
            client = _with_targets(client, targets, look.reads)
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
