"""How many messages wait for engines on the vhosts of both releases, at one moment."""

from dataclasses import dataclass

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker.management import connect
from heat_upgrade_checks.evidence.broker.queue_listing import live_queues
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat.queues import addressed_engine


@dataclass(frozen=True)
class WaitingMessages(Facts):
    """Messages in shared work queues, ready and unacknowledged; 0 on a vhost that does not exist.

    What waits in the queue of a single engine is for its threads, and begins no work: after the
    engine's death it stays there for ever.
    `target` is None where the plan names no configuration of the target release yet.
    """

    management: str
    current: int
    target: int | None

    @property
    def extent(self) -> str:
        """What was read."""
        new = "" if self.target is None else f", {self.target} on the target release's"
        return (
            f"{self.current} messages in the work queues on the current release's vhost{new}, "
            f"at {self.management}"
        )


def observe(site: Site) -> WaitingMessages:
    """Count them once.

    :raises Unobserved: a queue has no count.
    """
    http, _ = connect(site)
    current = _messages(http, site.conf("current").transport().vhost)
    target = None
    if site.plan.target.is_configured:
        target = _messages(http, site.conf("target").transport().vhost)
    return WaitingMessages(http.base, current, target)


def _messages(http: ReadOnlyHttp, vhost: str) -> int:
    total = 0
    for row in live_queues(http, vhost) or ():
        if addressed_engine(row.name):
            continue
        if row.messages is None:
            raise Unobserved(
                f"the broker does not say how many messages queue {row.name} of vhost {vhost} "
                "holds; find out why it is not running, or enable its statistics"
            )
        total += row.messages
    return total
