"""Whether RabbitMQ lets Heat declare queues that are neither durable nor of one connection.

RabbitMQ calls them `transient_nonexcl_queues`: a deprecated feature from 3.12 on, listed by its API
from 3.13 on, denied by default from 4.3 on. The list tells the default alone, whatever the
broker's configuration says (`deprecated_features.permit.transient_nonexcl_queues`); that they are
allowed is shown by one that runs.
"""

import re
from dataclasses import dataclass

import requests

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker.management import (
    body,
    connect,
    path_of,
    require_sight,
)
from heat_upgrade_checks.evidence.broker.vhosts import default_queue_types
from heat_upgrade_checks.evidence.configuration import messaging_options
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat.declarations import transient_queues
from heat_upgrade_checks.phases import SideName

FEATURE = "transient_nonexcl_queues"
_KNOWS_IT, _LISTS_IT = (3, 12), (3, 13)
_ANSWERING = {"running", "idle", "flow", "live"}


@dataclass(frozen=True)
class TransientQueues(Facts):
    """What a release declares of the kind, and what its broker says to that.

    `declared` are the kinds of Heat's queues that are. `default` is the feature's phase in
    RabbitMQ's words, "" where this version lists none; `knows` tells that it can be denied at all.
    `running` is one such queue that runs on a vhost of either release, "" where none was seen.
    """

    management: str
    version: str
    declared: tuple[str, ...]
    knows: bool
    default: str
    running: str

    @property
    def extent(self) -> str:
        """What was read."""
        what = ", ".join(self.declared) or "none"
        return (
            f"transient queues that the options make: {what}; RabbitMQ {self.version} at "
            f"{self.management}"
        )


@dataclass(frozen=True)
class _Feature:
    name: str
    deprecation_phase: str


@dataclass(frozen=True)
class _Queue:
    """Of a queue that does not run RabbitMQ may tell its name alone."""

    name: str
    durable: bool | None = None
    exclusive: bool | None = None
    state: str | None = None


def observe_current(site: Site) -> TransientQueues:
    """The current release's."""
    return _observe(site, "current")


def observe_target(site: Site) -> TransientQueues:
    """The target release's."""
    return _observe(site, "target")


def _observe(site: Site, side: SideName) -> TransientQueues:
    declared = transient_queues(messaging_options.read(site.conf(side)))
    http, overview = connect(site, side)
    version = overview.rabbitmq_version
    number = _number(http, version)
    knows = number >= _KNOWS_IT
    if not declared or not knows:
        return TransientQueues(http.base, version, declared, knows, "", "")
    sides: list[SideName] = ["current", side]
    vhosts = {site.conf(each).transport().vhost for each in sides}
    running = _running(http, sorted(vhosts & default_queue_types(http).keys()))
    return TransientQueues(http.base, version, declared, True, _default(http, number), running)


def _number(http: ReadOnlyHttp, version: str) -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", version)
    if match is None:
        raise Unobserved(
            f"RabbitMQ at {http.base} does not say which version it is; another server answers "
            "there, or a proxy: correct broker.management in the plan"
        )
    return int(match[1]), int(match[2])


def _default(http: ReadOnlyHttp, number: tuple[int, int]) -> str:
    path = "api/deprecated-features"
    response = http.get(path)
    if response.status_code == requests.codes.not_found and number < _LISTS_IT:
        return ""
    phases = {
        each.name: each.deprecation_phase for each in body(http, response, list[_Feature], path)
    }
    if FEATURE not in phases:
        raise Unobserved(
            f"RabbitMQ at {http.base} does not list {FEATURE} among its deprecated features; find "
            "out with rabbitmqctl list_deprecated_features whether it still has transient queues"
        )
    return phases[FEATURE]


def _running(http: ReadOnlyHttp, vhosts: list[str]) -> str:
    for vhost in vhosts:
        path = path_of("queues", vhost)
        # With statistics a queue has no state in its first seconds.
        response = http.get(path, disable_stats="true", columns="name,durable,exclusive,state")
        require_sight(http, response, vhost)
        for row in body(http, response, list[_Queue], path):
            if row.durable is False and row.exclusive is False and row.state in _ANSWERING:
                return f"{row.name} on vhost {vhost}"
    return ""
