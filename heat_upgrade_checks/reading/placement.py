"""Which engine works on which vhost: service rows joined with listener queues.

Heat keeps no release in its service rows, and each engine listens on `heat-engine-listener.<id>`
in the vhost it works on. So where the releases have a vhost each, the vhost tells the release.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import ServiceRow
from heat_upgrade_checks.heat.queues import LISTENER
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.plan import Plan


@dataclass(frozen=True)
class Engine:
    """One live engine worker process and the vhosts in which it consumes its listener queue."""

    engine_id: str
    host: str
    vhosts: tuple[str, ...]
    started_at: datetime

    def __str__(self) -> str:
        return f"{self.host} ({self.engine_id})"


@dataclass(frozen=True)
class Placement:
    """All live engines with their vhosts.

    `strangers` are listeners with a consumer whose engine has no live service row; those of
    `silent` have one that is not alive. Of `uncounted` the broker does not say whether they have a
    consumer.
    """

    engines: tuple[Engine, ...]
    strangers: tuple[Listener, ...]
    silent: frozenset[str] = frozenset()
    uncounted: tuple[Listener, ...] = ()

    def on(self, vhost: str) -> set[str]:
        """The ids of the live engines that work on this vhost and on no other."""
        return {engine.engine_id for engine in self.engines if engine.vhosts == (vhost,)}

    def strangers_of(self, vhosts: Collection[str]) -> tuple[Listener, ...]:
        """The strangers that are of the Heat with these vhosts.

        Another one, as of a second region, has vhosts of its own on the same brokers, and its
        engines' rows are in another database.
        """
        return tuple(
            listener
            for listener in self.strangers
            if listener.vhost in vhosts or listener.engine_id in self.silent
        )


def not_told(listener: Listener) -> str:
    """That the broker does not say whether an engine reads its queue, and what helps."""
    return (
        f"RabbitMQ does not say whether queue {LISTENER}{listener.engine_id} of vhost "
        f"{listener.vhost} is read; run this again in some seconds, and if it stays so bring the "
        "queue's node back, or delete the queue of an engine that is gone for good"
    )


def place(services: Iterable[ServiceRow], listeners: Iterable[Listener]) -> Placement:
    """Join the live service rows with the listener queues that have a consumer.

    :raises Unobserved: the broker does not say whether a live engine reads its queue.
    """
    vhosts: dict[str, set[str]] = defaultdict(set)
    listeners = tuple(listeners)
    consumed = [listener for listener in listeners if listener.consumers]
    uncounted = [listener for listener in listeners if listener.consumers is None]
    for listener in consumed:
        vhosts[listener.engine_id].add(listener.vhost)
    rows = tuple(services)
    alive = [row for row in rows if row.alive]
    known = {row.engine_id for row in alive}
    for listener in uncounted:
        if listener.engine_id in known:
            raise Unobserved(not_told(listener))
    return Placement(
        engines=tuple(
            Engine(
                row.engine_id,
                row.host,
                tuple(sorted(vhosts.get(row.engine_id, ()))),
                row.created_at,
            )
            for row in alive
        ),
        strangers=tuple(listener for listener in consumed if listener.engine_id not in known),
        silent=frozenset(row.engine_id for row in rows if not row.alive),
        uncounted=tuple(uncounted),
    )


def releases_by_host(
    plan: Plan, old: Configuration, new: Configuration | None
) -> dict[str, SideName]:
    """The release that an engine should run, for the hosts that only one release has.

    The plan's `engines` tell, or without any the hosts that the configurations set; `new` is None
    as long as the target release has none. One release's hosts alone tell nothing: the other may
    have the same. Hosts are in lower case here.
    """
    current, target = ({*map(str.casefold, side.engines)} for side in (plan.current, plan.target))
    if not current and not target and new and old.host_is_set and new.host_is_set:
        current, target = {old.host.casefold()}, {new.host.casefold()}
    if not current or not target:
        return {}
    named: dict[str, SideName] = dict.fromkeys(current - target, "current")
    return named | dict.fromkeys(target - current, "target")
