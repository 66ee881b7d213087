"""Where engines listen: RabbitMQ's listener queues, over all vhosts."""

from dataclasses import dataclass

from heat_upgrade_checks.evidence.broker.management import connect, vhosts
from heat_upgrade_checks.evidence.broker.queue_listing import listener_queues
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat.queues import listening_engine


@dataclass(frozen=True)
class Listener:
    """The listener queue of one engine; `consumers` is None where the broker does not say."""

    engine_id: str
    vhost: str
    consumers: int | None


@dataclass(frozen=True)
class Broker(Facts):
    """Where on the broker engines listen, in every vhost that the account may see.

    `hidden` are the vhosts on which it has no permission; RabbitMQ shows it no queue of those.
    """

    management: str
    version: str
    vhosts: tuple[str, ...]
    hidden: tuple[str, ...]
    listeners: tuple[Listener, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        return (
            f"{len(self.listeners)} engine listener queues in {len(self.vhosts)} vhosts "
            f"({len(self.hidden)} more are hidden), RabbitMQ {self.version} at {self.management}"
        )


def observe(site: Site) -> Broker:
    """Where engines listen, over all vhosts."""
    http, overview = connect(site)
    listeners: list[Listener] = []
    visible: list[str] = []
    hidden: list[str] = []
    for vhost in sorted(vhosts(http)):
        rows = listener_queues(http, vhost)
        (hidden if rows is None else visible).append(vhost)
        listeners += [
            Listener(engine_id, vhost, row.consumers)
            for row in rows or ()
            if (engine_id := listening_engine(row.name))
        ]
    return Broker(
        http.base, overview.rabbitmq_version, tuple(visible), tuple(hidden), tuple(listeners)
    )
