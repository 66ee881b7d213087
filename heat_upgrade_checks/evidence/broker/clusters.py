"""Which management API speaks of which brokers: two clusters may have vhosts of one name."""

import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.configuration.heat_conf import BrokerHost, Transport
from heat_upgrade_checks.evidence.configuration.messaging_options import LoginOptions

_AMQP = {"amqp", "amqp/ssl"}


@dataclass(frozen=True)
class Listener:
    """A port on which a node of the cluster is spoken to, and how."""

    protocol: str
    port: int


@dataclass(frozen=True)
class Overview:
    """What `GET /api/overview` says of a cluster to an account that may monitor it.

    The listeners are left out where the broker keeps no statistics.
    """

    cluster_name: str
    rabbitmq_version: str
    rates_mode: Literal["none", "basic", "detailed"]
    disable_stats: bool
    listeners: tuple[Listener, ...] = ()

    @property
    def keeps_rates(self) -> bool:
        """Whether it keeps statistics, rates among them; without any, counts are missing too."""
        return not self.disable_stats and self.rates_mode != "none"


def require_cluster_of(
    transport: Transport, options: LoginOptions, url: str, overview: Overview
) -> None:
    """Have shown that the management API at this URL speaks of the brokers of this transport.

    It does where it has the address of one of them and names that one's port among its own. Else,
    as behind a load balancer, a broker is asked by AMQP for the name of its cluster.

    :raises Unobserved: it speaks of others, or nothing shows of which.
    """
    ports = {each.port for each in overview.listeners if each.protocol in _AMQP}
    here = _addresses(urlsplit(url).hostname or "")
    for host in transport.hosts:
        if host.port in ports and here & _addresses(host.host):
            return
    first = transport.hosts[0]
    line = f"broker: {{management: ['http://{_in_url(first)}:15672']}}"
    name, broker = _cluster_name(transport, options, url, line)
    if name != overview.cluster_name:
        raise Unobserved(
            f"RabbitMQ's management API at {url} is of cluster {overview.cluster_name}, and "
            f"transport_url with vhost {transport.vhost} names {broker}, which is of cluster "
            f"{name}; add the URL of that one's API to the plan, such as {line}"
        )


def _cluster_name(
    transport: Transport, options: LoginOptions, url: str, line: str
) -> tuple[str, str]:
    # Most sites name each broker by an address that its API has too, and need no library of AMQP.
    from heat_upgrade_checks.evidence.broker.amqp_login import log_in

    problems = []
    for host in transport.hosts:
        try:
            login = log_in(host, transport.vhost, options)
        except Unobserved as problem:
            problems.append(str(problem))
        else:
            if login.cluster:
                return login.cluster, login.broker
            problems.append(f"RabbitMQ at {login.broker} does not name its cluster")
    raise Unobserved(
        f"nothing shows that RabbitMQ's management API at {url} is of the brokers of transport_url "
        f"with vhost {transport.vhost}: {problems[0]}; or name the API of one of these brokers in "
        f"the plan, such as {line}"
    )


def _addresses(host: str) -> set[str]:
    """The name itself and what it resolves to."""
    found = {host.casefold()}
    with suppress(OSError, UnicodeError):
        found |= {str(address[0]) for *_, address in socket.getaddrinfo(host, None)}
    return found


def _in_url(host: BrokerHost) -> str:
    return f"[{host.host}]" if ":" in host.host else host.host
