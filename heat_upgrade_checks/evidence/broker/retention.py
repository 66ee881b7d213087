"""What RabbitMQ is told to do with messages that wait in the work queues of a release's vhost."""

from dataclasses import dataclass
from typing import Any

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker.management import (
    body,
    connect,
    path_of,
    require_sight,
)
from heat_upgrade_checks.evidence.broker.policies import Policy, operator_policies, policies
from heat_upgrade_checks.evidence.broker.vhosts import default_queue_types
from heat_upgrade_checks.evidence.configuration import messaging_options
from heat_upgrade_checks.evidence.configuration.addresses import host_of
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat.declarations import TOPICS, declared
from heat_upgrade_checks.heat.queues import holds_work, work_queues_of
from heat_upgrade_checks.phases import SideName


@dataclass(frozen=True)
class WorkQueue:
    """A work queue with its arguments, or one that an engine will declare: then not `exists`."""

    name: str
    type: str
    arguments: dict[str, Any]
    exists: bool


@dataclass(frozen=True)
class Retention(Facts):
    """The rules of one vhost, and the work queues that they may be for.

    `operator_policies` is None where the account may not see them.
    """

    management: str
    vhost: str
    policies: tuple[Policy, ...]
    operator_policies: tuple[Policy, ...] | None
    queues: tuple[WorkQueue, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        rules = len(self.policies) + len(self.operator_policies or ())
        there = sum(queue.exists for queue in self.queues)
        return (
            f"{rules} policies and {there} work queues of vhost {self.vhost}, and those that an "
            f"engine makes there, at {self.management}"
        )


@dataclass(frozen=True)
class _Queue:
    """Of a queue that does not run RabbitMQ may tell its name alone."""

    name: str
    type: str | None = None
    arguments: dict[str, Any] | None = None


def observe_current(site: Site) -> Retention:
    """The rules of the current release's vhost."""
    return _observe(site, "current")


def observe_target(site: Site) -> Retention:
    """The rules of the target release's vhost."""
    return _observe(site, "target")


def _observe(site: Site, side: SideName) -> Retention:
    """:raises Unobserved: the vhost does not exist, or the account may not see it."""
    conf = site.conf(side)
    vhost = conf.transport().vhost
    http, _ = connect(site, side)
    found = default_queue_types(http)
    if vhost not in found:
        raise Unobserved(
            f"vhost {vhost} of the {side} release does not exist at {http.base}; make it, or "
            "correct its transport_url"
        )
    there = _queues(http, vhost)
    options = messaging_options.read(conf)
    known = {queue.name for queue in there}
    # All queues of topics are declared alike.
    wanted = declared("queue", TOPICS[0], options, found[vhost])
    made = tuple(
        WorkQueue(name, wanted.type, wanted.arguments, False)
        for name in work_queues_of(host_of(conf))
        if wanted and name not in known
    )
    return Retention(
        management=http.base,
        vhost=vhost,
        policies=policies(http, vhost),
        operator_policies=operator_policies(http, vhost),
        queues=(*there, *made),
    )


def _queues(http: ReadOnlyHttp, vhost: str) -> tuple[WorkQueue, ...]:
    path = path_of("queues", vhost)
    response = http.get(path, columns="name,type,arguments")
    require_sight(http, response, vhost)
    found = []
    for row in body(http, response, list[_Queue], path):
        if not holds_work(row.name):
            continue
        if row.type is None or row.arguments is None:
            raise Unobserved(
                f"RabbitMQ at {http.base} does not say what kind of queue {row.name} is; "
                "find out why it is not running, or delete it"
            )
        found.append(WorkQueue(row.name, row.type, row.arguments, True))
    return tuple(sorted(found, key=lambda queue: queue.name))
