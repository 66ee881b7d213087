"""Who is connected to both vhosts once each API was asked.

An API that is idle, or was just restarted, has no connection: oslo.messaging opens one with the
first question to an engine. So each is asked one before the broker is looked at.
"""

from dataclasses import dataclass

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.api.endpoints import Endpoint
from heat_upgrade_checks.evidence.api.endpoints import observe as ask_each_api
from heat_upgrade_checks.evidence.broker.connections import Connections
from heat_upgrade_checks.evidence.broker.connections import observe as look_at_connections
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site


@dataclass(frozen=True)
class AskedApis(Facts):
    """The connections to both vhosts, looked at when each API that is known had been asked.

    `backends` are those that the plan names, and `unanswered` those of them that gave no good
    answer, so that nobody knows on which vhost they ask. `unasked` is the sentence why no API could
    be asked, or "".
    """

    backends: tuple[str, ...]
    unanswered: tuple[str, ...]
    unasked: str
    connections: Connections

    @property
    def extent(self) -> str:
        """What was read."""
        asked = len(self.backends) - len(self.unanswered)
        return f"{self.connections.extent}, after {asked} backends of the API had answered"


def observe(site: Site) -> AskedApis:
    """Ask each API for a list of one stack, then list the connections."""
    backends = tuple(dict.fromkeys(map(str, site.plan.api.backends)))
    endpoints: tuple[Endpoint, ...] = ()
    unasked = ""
    try:
        endpoints = ask_each_api(site).endpoints
    except (Unobserved, NotConfigured) as reason:
        unasked = str(reason)
    answered = {each.backend for each in endpoints if each.answers}
    return AskedApis(
        backends=backends,
        unanswered=tuple(url for url in backends if url not in answered),
        unasked=unasked,
        connections=look_at_connections(site),
    )
