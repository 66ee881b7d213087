"""The vhosts of both releases, looked at again and again over one connection."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.broker.management import connect
from heat_upgrade_checks.evidence.broker.queue_listing import (
    counts_are_live,
    listener_queues,
    live_queues,
)
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat.queues import listening_engine


@dataclass
class VhostLoad:
    """The messages in the work queues of each vhost, and who listens there.

    `messages` lacks a vhost whose count was not observed, and `problems` says why. `live` tells
    that the counts are the queues' own. `unseen` says why listeners are not known, if so.
    """

    messages: dict[str, int] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    listeners: list[Listener] = field(default_factory=list)
    live: bool = True
    unseen: str = ""


class WatchedVhosts:
    """RabbitMQ's management API, kept connected as long as it answers."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._http: ReadOnlyHttp | None = None

    def look(self, vhosts: Iterable[str]) -> VhostLoad:
        """What these vhosts hold now.

        :raises Unobserved: no management API answers.
        """
        load = VhostLoad()
        if self._http is None:
            self._http, _ = connect(self._site)
        for vhost in vhosts:
            try:
                self._look(self._http, vhost, load)
            except Unobserved as problem:
                load.problems.setdefault(vhost, str(problem))
                load.unseen = str(problem)
        if load.unseen:
            # The next look may find another of the management URLs.
            self._http = None
        return load

    def _look(self, http: ReadOnlyHttp, vhost: str, load: VhostLoad) -> None:
        rows = live_queues(http, vhost)
        if rows is None:
            load.problems[vhost] = f"vhost {vhost} does not exist at {http.base}"
            return
        load.live = load.live and counts_are_live(rows)
        untold = [row.name for row in rows if row.messages is None]
        if untold:
            load.problems[vhost] = (
                f"the broker gives no count for queue {untold[0]} of vhost {vhost}; "
                "find out why it is not running, or enable its statistics"
            )
        else:
            load.messages[vhost] = sum(row.messages or 0 for row in rows)
        listeners = listener_queues(http, vhost)
        if listeners is None:
            raise Unobserved(f"the listener queues of vhost {vhost} may not be seen at {http.base}")
        load.listeners += [
            Listener(engine_id, vhost, row.consumers)
            for row in listeners
            if (engine_id := listening_engine(row.name))
        ]
