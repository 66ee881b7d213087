"""Whether RabbitMQ itself is well: nodes, alarms, partitions, quorum, statistics."""

from dataclasses import dataclass

from heat_upgrade_checks.evidence.broker.management import connect, get
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site


@dataclass(frozen=True)
class Node:
    """One node of the cluster; None where the broker does not say."""

    name: str
    running: bool
    memory_alarm: bool | None
    disk_alarm: bool | None
    partitions: tuple[str, ...] | None


@dataclass(frozen=True)
class BrokerHealth(Facts):
    """The broker as its management API describes it.

    `statistics` tells whether it keeps any; without them counts are missing. `quorum_critical` is
    True where a quorum queue would lose its quorum with one more node, None where it is unknown.
    """

    management: str
    version: str
    nodes: tuple[Node, ...]
    statistics: bool
    quorum_critical: bool | None

    @property
    def extent(self) -> str:
        """What was read."""
        return f"{len(self.nodes)} nodes of RabbitMQ {self.version} at {self.management}"


def observe(site: Site) -> BrokerHealth:
    """Ask the first management URL that answers."""
    http, overview = connect(site)
    rows = get(http, list, "api/nodes")
    spare = http.passes("api/health/checks/node-is-quorum-critical")
    return BrokerHealth(
        management=http.base,
        version=overview.rabbitmq_version,
        nodes=tuple(
            Node(
                name=row["name"],
                running=bool(row.get("running")),
                memory_alarm=row.get("mem_alarm"),
                disk_alarm=row.get("disk_free_alarm"),
                partitions=None if row.get("partitions") is None else tuple(row["partitions"]),
            )
            for row in rows
        ),
        statistics=overview.keeps_rates,
        quorum_critical=None if spare is None else not spare,
    )
