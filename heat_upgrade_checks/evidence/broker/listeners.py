"""Where engines listen: RabbitMQ's listener queues, over all vhosts."""

from dataclasses import dataclass

from heat_upgrade_checks.evidence.broker.management import connect, no_sight, vhosts
from heat_upgrade_checks.evidence.broker.nodes import await_new_statistics
from heat_upgrade_checks.evidence.broker.queue_listing import ReadQueue, listener_queues
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat.queues import listening_engine
from heat_upgrade_checks.wording import counted


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
            f"{counted(len(self.listeners), 'engine listener queue')} in "
            f"{counted(len(self.vhosts), 'vhost')} "
            f"({len(self.hidden)} more are hidden), RabbitMQ {self.version} at {self.management}"
        )


def observe(site: Site) -> Broker:
    """Where engines listen, over all vhosts.

    :raises Unobserved: among others, the current release's own vhost is hidden.
    """
    http, overview = connect(site)
    own = site.conf("current").transport().vhost
    found = _by_vhost(http, own)
    if any(queue.consumers is None for queues in found.values() for queue in queues or ()):
        # RabbitMQ counts a queue's consumers some seconds after it was made.
        await_new_statistics(http)
        found = _by_vhost(http, own)
    return Broker(
        management=http.base,
        version=overview.rabbitmq_version,
        vhosts=tuple(vhost for vhost, queues in found.items() if queues is not None),
        hidden=tuple(vhost for vhost, queues in found.items() if queues is None),
        listeners=tuple(
            Listener(engine_id, vhost, queue.consumers)
            for vhost, queues in found.items()
            for queue in queues or ()
            if (engine_id := listening_engine(queue.name))
        ),
    )


def _by_vhost(http: ReadOnlyHttp, own: str) -> dict[str, list[ReadQueue] | None]:
    """The listener queues of each vhost; None for one that is hidden, which `own` must not be."""
    found = {vhost: listener_queues(http, vhost) for vhost in sorted(vhosts(http))}
    if own in found and found[own] is None:
        raise no_sight(http, own)
    return found
