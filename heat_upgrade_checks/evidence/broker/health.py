"""Whether RabbitMQ itself is well: nodes, alarms, partitions, quorum, statistics."""

from dataclasses import dataclass
from typing import Annotated, Literal

import requests
from pydantic import Field

from heat_upgrade_checks.evidence.answers import Shape
from heat_upgrade_checks.evidence.broker.management import body, connect
from heat_upgrade_checks.evidence.broker.nodes import nodes
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.wording import counted


@dataclass(frozen=True)
class Node:
    """One node of the cluster; `partitions` is None where it does not say."""

    name: str
    running: bool
    partitions: tuple[str, ...] | None


@dataclass(frozen=True)
class Alarm:
    """One alarm in effect: the node and what it lacks, such as memory or disk space."""

    node: str
    resource: str


@dataclass(frozen=True)
class BrokerHealth(Facts):
    """The broker as its management API describes it.

    `alarms` are those of the whole cluster at that moment, as RabbitMQ's own health check tells
    them: its list of nodes does so some seconds late. `statistics` tells whether it keeps any;
    without them counts are missing. `quorum_critical` is True where a quorum queue would lose its
    quorum with one more node.
    """

    management: str
    version: str
    nodes: tuple[Node, ...]
    alarms: tuple[Alarm, ...]
    statistics: bool
    quorum_critical: bool

    @property
    def extent(self) -> str:
        """What was read."""
        return f"{counted(len(self.nodes), 'node')} of RabbitMQ {self.version} at {self.management}"


@dataclass(frozen=True)
class _Passed:
    status: Literal["ok"]


@dataclass(frozen=True)
class _Failed:
    status: Literal["failed"]


@dataclass(frozen=True)
class _Alarmed(_Failed):
    alarms: Annotated[tuple[Alarm, ...], Field(min_length=1)]


def observe(site: Site) -> BrokerHealth:
    """Ask the first management URL that answers."""
    http, overview = connect(site)
    listed = nodes(http)
    alarmed = _failure(http, _Alarmed, "api/health/checks/alarms")
    critical = _failure(http, _Failed, "api/health/checks/node-is-quorum-critical")
    return BrokerHealth(
        management=http.base,
        version=overview.rabbitmq_version,
        nodes=tuple(Node(node.name, node.running, node.partitions) for node in listed),
        alarms=tuple(dict.fromkeys(alarmed.alarms)) if alarmed else (),
        statistics=overview.keeps_rates,
        quorum_critical=critical is not None,
    )


def _failure(http: ReadOnlyHttp, shape: type[Shape], path: str) -> Shape | None:
    """What a health check of RabbitMQ says where it fails; None where it passes.

    :raises Unobserved: it says neither.
    """
    response = http.check(path)
    if response.status_code == requests.codes.service_unavailable:
        return body(http, response, shape, path, good=requests.codes.service_unavailable)
    body(http, response, _Passed, path)
    return None
