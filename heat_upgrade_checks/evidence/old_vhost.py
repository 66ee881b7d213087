"""Who is still connected to the current release's vhost."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.management import body, connect, get, require_sight
from heat_upgrade_checks.evidence.site import Site


@dataclass(frozen=True)
class Connection:
    """One AMQP connection. oslo.messaging names it `<program>:<pid>:<uuid>`.

    `program` is "" and `pid` None for a connection with no such name.
    """

    program: str
    pid: int | None
    peer_host: str
    user: str

    def __str__(self) -> str:
        name = self.program or "unknown program"
        return f"{name} (pid {self.pid or 'unknown'}) on {self.peer_host}"


@dataclass(frozen=True)
class OldVhost:
    """The current release's vhost and the connections to it."""

    management: str
    vhost: str
    exists: bool
    connections: tuple[Connection, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        if not self.exists:
            return f"vhost {self.vhost} does not exist at {self.management}"
        return f"{len(self.connections)} connections to vhost {self.vhost} at {self.management}"


def observe(site: Site) -> OldVhost:
    """List the connections to the old vhost."""
    vhost = site.conf("current").transport().vhost
    http, _ = connect(site)
    if get(http, dict, "api/overview").get("disable_stats"):
        raise Unobserved(
            f"RabbitMQ at {http.base} keeps no statistics, so it lists no connection; "
            "set management_agent.disable_metrics_collector = false"
        )
    path = f"api/vhosts/{quote(vhost, safe='')}/connections"
    response = http.get(path)
    if response.status_code == requests.codes.not_found:
        return OldVhost(http.base, vhost, False, ())
    require_sight(http, response, vhost)
    rows = body(http, response, list, path)
    return OldVhost(http.base, vhost, True, tuple(_connection(row) for row in rows))


def _connection(row: dict[str, Any]) -> Connection:
    properties = row.get("client_properties") or {}
    name = str(row.get("user_provided_name") or properties.get("connection_name") or "")
    program, _, rest = name.partition(":")
    pid = rest.partition(":")[0]
    named = pid.isdigit()
    return Connection(
        program=program if named else "",
        pid=int(pid) if named else None,
        peer_host=str(row.get("peer_host", "unknown host")),
        user=str(row.get("user", "")),
    )
