"""Where the target release sends notifications, and who reads them there."""

from dataclasses import dataclass

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.answers import Count
from heat_upgrade_checks.evidence.broker.management import (
    body,
    connect,
    path_of,
    require_sight,
)
from heat_upgrade_checks.evidence.broker.vhosts import default_queue_types
from heat_upgrade_checks.evidence.configuration.heat_conf import HeatConf, Transport
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site

_GROUP = "oslo_messaging_notifications"
_OVER_RABBITMQ = {"messaging", "messagingv2"}


@dataclass(frozen=True)
class NotificationQueue:
    """A queue to which Heat sends; None stands for what the broker does not say.

    oslo.messaging makes it with the first notification where it does not exist.
    """

    name: str
    exists: bool
    consumers: int | None
    messages: int | None


@dataclass(frozen=True)
class Notifications(Facts):
    """The target's notifications.

    `queues` is empty where nothing is sent over RabbitMQ. `unchanged` tells that the current
    release sends to the same place, so that the upgrade moves nothing; `incomplete` says why the
    queues could not be seen.
    """

    drivers: tuple[str, ...]
    vhost: str
    vhost_exists: bool
    unchanged: bool
    queues: tuple[NotificationQueue, ...]
    incomplete: tuple[str, ...] = ()

    @property
    def sent(self) -> bool:
        """Whether notifications go to RabbitMQ."""
        return bool(_OVER_RABBITMQ & set(self.drivers))

    @property
    def extent(self) -> str:
        """What was read."""
        drivers = ", ".join(self.drivers) or "none"
        if not self.sent:
            return f"notification drivers of the target release: {drivers}"
        names = ", ".join(queue.name for queue in self.queues) or "no queue seen"
        where = f" on vhost {self.vhost}" if self.vhost else ""
        return f"notification drivers of the target release: {drivers}; {names}{where}"


@dataclass(frozen=True)
class _Queue:
    """The counts are statistics; a queue that was just made, or does not run, has none."""

    name: str
    consumers: Count | None = None
    messages: Count | None = None


def observe(site: Site) -> Notifications:
    """Look at the queues to which the target's configuration sends notifications."""
    conf = site.conf("target")
    drivers = _drivers(conf)
    if not _OVER_RABBITMQ & set(drivers):
        return Notifications(drivers, "", False, False, ())
    unchanged = _destination(conf) == _destination(site.conf("current"))
    try:
        transport = conf.notification_transport()
        queues = _queues(site, transport, _names(conf))
    except Unobserved as reason:
        return Notifications(drivers, "", False, unchanged, (), incomplete=(str(reason),))
    return Notifications(drivers, transport.vhost, queues is not None, unchanged, queues or ())


def _drivers(conf: HeatConf) -> tuple[str, ...]:
    return tuple(word for value in conf.get_all("driver", _GROUP) if (word := value.strip()))


def _destination(conf: HeatConf) -> tuple[object, ...]:
    """What is equal where two configurations send to the same queues; accounts do not matter."""
    where: object
    try:
        transport = conf.notification_transport()
        where = (frozenset((host.host, host.port) for host in transport.hosts), transport.vhost)
    except Unobserved:
        where = conf.get("transport_url", _GROUP)
    return where, _names(conf), bool(_OVER_RABBITMQ & set(_drivers(conf)))


def _names(conf: HeatConf) -> tuple[str, ...]:
    """`<topic>.<level>`: Heat tells failures as error and all else at its default level."""
    topics = (conf.get("topics", _GROUP) or "notifications").split(",")
    level = (conf.get("default_notification_level") or "info").lower()
    levels = dict.fromkeys((level, "error"))
    return tuple(
        f"{topic.strip()}.{level}" for topic in topics if topic.strip() for level in levels
    )


def _queues(
    site: Site, transport: Transport, names: tuple[str, ...]
) -> tuple[NotificationQueue, ...] | None:
    """The queues of these names; None where the vhost does not exist."""
    http, _ = connect(site, "target", transport)
    vhost = transport.vhost
    if vhost not in default_queue_types(http):
        return None
    path = path_of("queues", vhost)
    response = http.get(path, columns="name,consumers,messages")
    require_sight(http, response, vhost)
    rows = {row.name: row for row in body(http, response, list[_Queue], path)}
    return tuple(
        NotificationQueue(name, True, rows[name].consumers, rows[name].messages)
        if name in rows
        else NotificationQueue(name, False, None, None)
        for name in names
    )
