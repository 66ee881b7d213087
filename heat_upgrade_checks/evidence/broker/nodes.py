"""The nodes of RabbitMQ's cluster."""

from dataclasses import dataclass

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.answers import Count
from heat_upgrade_checks.evidence.broker.management import get
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp


@dataclass(frozen=True)
class ListedNode:
    """A node as its cluster lists it; what a node tells of itself is None until it does.

    `uptime`, in milliseconds, is that of the node's last statistics.
    """

    name: str
    running: bool
    partitions: tuple[str, ...] | None = None
    uptime: Count | None = None


def nodes(http: ReadOnlyHttp) -> tuple[ListedNode, ...]:
    """Every node of the cluster.

    :raises Unobserved: none is listed, though one has answered.
    """
    columns = "name,running,partitions,uptime"
    found = get(http, tuple[ListedNode, ...], "api/nodes", columns=columns)
    if not any(node.running for node in found):
        raise Unobserved(
            f"RabbitMQ's management API at {http.base} lists no running node; another server "
            "answers there, or a proxy: correct broker.management in the plan"
        )
    return found
