"""How many messages wait for engines on the vhosts of both releases, at one moment."""

from dataclasses import dataclass

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker import live_queues
from heat_upgrade_checks.evidence.management import connect
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import SideName, Site

_SIDES: tuple[SideName, ...] = ("current", "target")


@dataclass(frozen=True)
class WaitingWork:
    """Messages in work queues, ready and unacknowledged; 0 on a vhost that does not exist."""

    management: str
    current_vhost: str
    target_vhost: str
    current: int
    target: int

    @property
    def extent(self) -> str:
        """What was read."""
        return (
            f"{self.current} messages in the work queues of vhost {self.current_vhost}, "
            f"{self.target} in those of {self.target_vhost}, at {self.management}"
        )


def observe(site: Site) -> WaitingWork:
    """Count them once.

    :raises Unobserved: a queue has no count.
    """
    http, _ = connect(site)
    current, target = (site.conf(side).transport().vhost for side in _SIDES)
    return WaitingWork(
        http.base, current, target, _messages(http, current), _messages(http, target)
    )


def _messages(http: ReadOnlyHttp, vhost: str) -> int:
    total = 0
    for row in live_queues(http, vhost) or ():
        if row.get("messages") is None:
            raise Unobserved(
                f"the broker does not say how many messages queue {row['name']} of vhost {vhost} "
                "holds; find out why it is not running, or enable its statistics"
            )
        total += row["messages"]
    return total
