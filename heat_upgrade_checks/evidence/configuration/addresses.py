"""Where each release's configuration points, without any of its secrets."""

import socket
from dataclasses import dataclass

from heat_upgrade_checks.evidence.configuration.heat_conf import HeatConf
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.phases import SideName

_GRACE = 60


@dataclass(frozen=True)
class Configuration(Facts):
    """What one release's configuration says of its place in the deployment.

    `host` is `[DEFAULT] host`, which Heat defaults to the machine's name, here this one's, unless
    `host_is_set`; `brokers` are host:port.
    `graceful_shutdown_timeout` is in seconds; 0 waits for ever (oslo_service/_options.py).
    """

    files: tuple[str, ...]
    host: str
    brokers: tuple[str, ...]
    vhost: str
    graceful_shutdown_timeout: int = _GRACE
    host_is_set: bool = False

    def names_the_vhost_of(self, other: "Configuration") -> bool:
        """Whether both name one vhost of one broker, which is told by a host that both name.

        The port is not asked: that of TLS is another one of the same broker.
        """
        return self.vhost == other.vhost and bool(self._hosts & other._hosts)

    @property
    def _hosts(self) -> set[str]:
        return {broker.rpartition(":")[0] for broker in self.brokers}

    @property
    def extent(self) -> str:
        """What was read."""
        return f"{', '.join(self.files)}: vhost {self.vhost} on {', '.join(self.brokers)}"


def observe_current(site: Site) -> Configuration:
    """The current release's configuration."""
    return _observe(site, "current")


def observe_target(site: Site) -> Configuration:
    """The target release's configuration."""
    return _observe(site, "target")


def host_of(conf: HeatConf) -> str:
    """`[DEFAULT] host`, which names the engine's queue."""
    return conf.get("host") or socket.gethostname()


def _observe(site: Site, side: SideName) -> Configuration:
    conf = site.conf(side)
    transport = conf.transport()
    return Configuration(
        files=conf.files,
        host=host_of(conf),
        brokers=tuple(f"{broker.host}:{broker.port}" for broker in transport.hosts),
        vhost=transport.vhost,
        graceful_shutdown_timeout=conf.number("graceful_shutdown_timeout", _GRACE),
        host_is_set=bool(conf.get("host")),
    )
