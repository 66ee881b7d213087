from heat_upgrade_checks.evidence.broker.notifications import NotificationQueue, Notifications
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check

_SILENT = {"noop", "log", "test"}


_SENDING = {"messaging", "messagingv2"}


@check("vhost.notifications", phases=["vhost", "post"], guide="rolling 4, 8; cold 6")
def check_notifications_are_read(notifications: Notifications, gate: Judgement) -> None:
    """Notifications do not pile up where nobody reads them."""
    gate.looked_at(notifications.extent)
    for driver in notifications.drivers:
        if driver not in _SILENT | _SENDING:
            gate.warn(
                f"notification driver {driver}",
                "was not looked into; whether somebody reads what it sends is not known",
                hint="Find out where it sends to, and who reads there.",
            )
    if not notifications.sent:
        return
    if notifications.incomplete and notifications.unchanged:
        gate.note(
            "notifications",
            "go where the current release sends them, which could not be seen: "
            f"{'; '.join(notifications.incomplete)}",
        )
    elif notifications.incomplete:
        gate.cannot_tell("; ".join(notifications.incomplete))
    elif not notifications.vhost_exists:
        gate.warn(
            f"vhost {notifications.vhost}",
            "does not exist, and the target release sends notifications there",
            hint=_HINT,
        )
    for queue in notifications.queues:
        _judge_reader(queue, notifications, gate)


_HINT = (
    "Let [oslo_messaging_notifications] transport_url of the target name the vhost in which they "
    "are read, move their readers, or set driver = noop."
)


def _judge_reader(queue: NotificationQueue, sent: Notifications, gate: Judgement) -> None:
    if not queue.exists:
        gate.warn(
            f"queue {queue.name}",
            f"does not exist on vhost {sent.vhost}, so nobody reads it; the first notification "
            "makes it, and it grows from then on",
            hint=_HINT,
        )
    elif queue.consumers is None:
        gate.cannot_tell(
            f"the broker does not say whether queue {queue.name} on vhost {sent.vhost} has a "
            "consumer; enable its statistics, or wait some seconds and run this again"
        )
    elif not queue.consumers:
        waiting = "" if queue.messages is None else f" and holds {queue.messages} messages"
        gate.warn(
            f"queue {queue.name}",
            f"has no consumer on vhost {sent.vhost}{waiting}; notifications pile up in it",
            hint=_HINT,
            data={"messages": queue.messages},
        )
