"""What a process that is connected to a vhost is to Heat, as far as the broker tells."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from heat_upgrade_checks.evidence.broker.connections import Client, Connections, VhostClients
from heat_upgrade_checks.heat.programs import (
    APIS,
    ENGINE,
    WSGI_SERVERS,
    callers,
    is_of_another_service,
    others_call,
    told,
)
from heat_upgrade_checks.heat.queues import REPLY, serves_engines
from heat_upgrade_checks.wording import counted


class Role(Enum):
    """Engines read the queues of work; APIs, heat-api-cfn among them, put it there."""

    ENGINE = "engine"
    API = "API"
    OTHER = "another service's"
    UNKNOWN = "unknown"


def role(client: Client, side: VhostClients) -> Role:
    """The part that this client of a vhost plays.

    Without a telling name it is an API if it uses Heat's account there and either is a WSGI server
    or waits for answers to calls of its own, unless all it publishes goes to other services.
    """
    calling = callers(client.reads)
    names = {client.program, *calling}
    if ENGINE in names or any(map(serves_engines, client.reads)):
        return Role.ENGINE
    if names & APIS:
        return Role.API
    if is_of_another_service(client.program) or others_call(calling):
        return Role.OTHER
    if client.user in side.accounts and (client.program in WSGI_SERVERS or calling):
        return Role.OTHER if _publishes_elsewhere(client, side) else Role.API
    return Role.UNKNOWN


def only_sends(client: Client, connections: Connections) -> bool:
    """Whether this process reads nothing here and is an engine at work on the other vhost.

    So is an engine that sends its notifications here.
    """
    return not client.reads and any(
        (other.program, other.pid, other.peer_host)
        == (client.program, client.pid, client.peer_host)
        and any(map(serves_engines, other.reads))
        for side in connections.sides
        for other in side.clients
    )


def _publishes_elsewhere(client: Client, side: VhostClients) -> bool:
    """Whether each connection that sends was seen to, and none to an exchange of Heat's."""
    to_heat = any(name in side.exchanges or serves_engines(name) for name in client.publishes)
    return bool(client.publishes) and not client.silent and not to_heat


@dataclass(frozen=True)
class Program:
    """All processes of one program on one vhost."""

    name: str
    clients: tuple[Client, ...]

    def __str__(self) -> str:
        return f"program {self.name}" if self.name else "a program without a name"

    @property
    def extent(self) -> str:
        """How many they are, and how connected."""
        connections = sum(client.connections for client in self.clients)
        processes = "process has" if len(self.clients) == 1 else "processes have"
        return f"{len(self.clients)} {processes} {counted(connections, 'connection')}"

    @property
    def data(self) -> dict[str, Any]:
        """Where they run, and under which accounts."""
        return {
            "processes": [str(client) for client in self.clients],
            "users": sorted({client.user for client in self.clients}),
        }


def programs(side: VhostClients, *roles: Role) -> Iterator[Program]:
    """The clients of a vhost that play these parts, by program."""
    found: dict[str, list[Client]] = defaultdict(list)
    for client in side.clients:
        if role(client, side) in roles:
            found[client.program].append(client)
    for name, clients in sorted(found.items()):
        yield Program(name, tuple(clients))


def connected(client: Client, side: VhostClients) -> str:
    """How it is connected, in the words of a finding."""
    calls = any(queue.startswith(REPLY) for queue in client.reads)
    waits = ", waits for answers" if calls else ""
    return f"has {client.connections} connections to vhost {side.vhost}{waits}"


def where_it_runs(client: Client) -> dict[str, object]:
    """What tells the process, for a finding's data."""
    return {"pid": client.pid, "peer_host": client.peer_host, "user": client.user}


def in_doubt(client: Client) -> str:
    """What helps where an API is told by Heat's account alone; a second sentence of a hint."""
    if told(client.program, client.reads):
        return ""
    return " If it is another service's, tell the two apart: give Heat an account of its own."
