"""The nodes of RabbitMQ's cluster, and when their statistics are new ones."""

import time
from dataclasses import dataclass

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.answers import Count
from heat_upgrade_checks.evidence.broker.management import get
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp

# Seconds. A node renews its statistics every 5 s by default.
_PAUSE = 0.2
_LONGEST = 60
# One renewal may have begun before it was waited for.
_RENEWALS = 2


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

    :raises Unobserved: none is listed as running, though one has answered, or one twice.
    """
    columns = "name,running,partitions,uptime"
    found = get(http, tuple[ListedNode, ...], "api/nodes", columns=columns)
    if len({node.name for node in found}) < len(found) or not any(node.running for node in found):
        raise Unobserved(
            f"RabbitMQ's management API at {http.base} lists no running node, or one twice; "
            "another server answers there, or a proxy: correct broker.management in the plan"
        )
    return found


def await_new_statistics(http: ReadOnlyHttp) -> None:
    """Wait until every running node has collected all its statistics after this call.

    What RabbitMQ lists of connections, channels and consumers is what each node collected last
    (rabbit_mgmt_metrics_collector.erl, one for each kind, all in one interval). That interval is
    in no answer, but the uptime which a node tells is collected in it.

    :raises Unobserved: a node does not within a minute.
    """
    deadline = time.monotonic() + _LONGEST
    last: dict[str, int | None] = {}
    renewals: dict[str, int] = {}
    while True:
        running = {node.name: node.uptime for node in nodes(http) if node.running}
        for name, uptime in running.items():
            changed = None not in {uptime, last.get(name)} and uptime != last[name]
            renewals[name] = renewals.get(name, 0) + changed
        last = running
        late = [name for name in running if renewals[name] < _RENEWALS]
        if not late:
            return
        if time.monotonic() > deadline:
            raise Unobserved(
                f"RabbitMQ at {http.base} has not renewed the statistics of node {late[0]} within "
                f"{_LONGEST} s, so its connections are not known; set collect_statistics_interval "
                "= 5000 in rabbitmq.conf, or look into that node's log"
            )
        time.sleep(_PAUSE)
