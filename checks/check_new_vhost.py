"""Is the target release's vhost fit for its first engine?"""

from collections.abc import Iterable

from heat_upgrade_checks.evidence.broker.new_vhost import Access, NewVhost, Policy, VhostSettings
from heat_upgrade_checks.evidence.broker.notifications import NotificationQueue, Notifications
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat.declarations import (
    BrokerObject,
    clashes,
    contradictions,
    declared,
    without_durability,
)
from heat_upgrade_checks.heat.permissions import RIGHTS, names_needed, refused

_QUEUES_OF_A_WORKER = 10
_NAMED = 3
_SILENT = {"noop", "log", "test"}
_SENDING = {"messaging", "messagingv2"}


@check("vhost.exists", phases=["vhost"], guide="rolling 4")
def check_the_new_vhost_exists(new_vhost: NewVhost, gate: Judgement) -> None:
    """The vhost of the target release exists."""
    gate.looked_at(
        f"vhost {new_vhost.name} among {len(new_vhost.vhosts)} at {new_vhost.management}"
    )
    if new_vhost.exists:
        return
    alike = [name for name in new_vhost.vhosts if name.strip("/") == new_vhost.name.strip("/")]
    gate.block(
        f"vhost {new_vhost.name}",
        f"does not exist at {new_vhost.management}"
        + (f", but {', '.join(alike)} does" if alike else ""),
        hint="Correct transport_url of the target: rabbit://host/heat names heat, and "
        "rabbit://host//heat names /heat."
        if alike
        else "Make it; then give Heat's account its permissions, and copy policies and limits.",
        commands=[] if alike else [["rabbitmqctl", "add_vhost", new_vhost.name]],
    )


@check("vhost.permissions", phases=["vhost"], guide="rolling 4")
def check_heat_may_use_the_new_vhost(new_vhost: NewVhost, gate: Judgement) -> None:
    """Heat's account may use the vhost of the target release."""
    _require_vhost(new_vhost, gate)
    accounts = ", ".join(access.account for access in new_vhost.access)
    gate.looked_at(f"account {accounts} on vhost {new_vhost.name} at {new_vhost.management}")
    for access in new_vhost.access:
        if access.readable:
            _judge_permissions(access, new_vhost, gate)
        else:
            _judge_login(access, new_vhost, gate)


def _judge_permissions(access: Access, new_vhost: NewVhost, gate: Judgement) -> None:
    grant = ["rabbitmqctl", "set_permissions", "-p", new_vhost.name, access.account]
    commands = [[*grant, ".*", ".*", ".*"]]
    if access.permissions is None:
        gate.block(
            f"account {access.account}",
            f"has no permission on vhost {new_vhost.name}, or does not exist",
            hint="Make the account if it is missing, then grant it.",
            commands=commands,
        )
        return
    for right in RIGHTS:
        pattern = access.permissions.pattern(right)
        names = names_needed(right, new_vhost.options, new_vhost.engine_host)
        try:
            lacking = refused(pattern, names)
        except ValueError as error:
            gate.cannot_tell(
                f"the {right} pattern of account {access.account} on vhost {new_vhost.name} cannot "
                f"be read here ({error}); write it without extensions of PCRE"
            )
            continue
        if lacking:
            gate.block(
                f"account {access.account}",
                f"may not {right} {_some(lacking)} on vhost {new_vhost.name}; its pattern is "
                f"{pattern!r}",
                hint="Widen the pattern, so that it matches each name.",
                commands=commands,
                data={"right": right, "pattern": pattern, "names": lacking},
            )


def _judge_login(access: Access, new_vhost: NewVhost, gate: Judgement) -> None:
    if access.unknown:
        gate.cannot_tell(access.unknown)
    elif access.refusal:
        gate.block(
            f"account {access.account}",
            f"is refused by {access.broker} on vhost {new_vhost.name}: {access.refusal}",
            hint="Correct transport_url of the target, or grant the account the vhost.",
            commands=[
                ["rabbitmqctl", "authenticate_user", access.account],
                ["rabbitmqctl", "list_user_permissions", access.account],
            ],
        )
    else:
        gate.note(
            f"account {access.account}",
            f"logs in to vhost {new_vhost.name} on {access.broker}; only an account with the tag "
            "administrator can read its patterns, so what it may do there was not judged",
            hint="Compare its patterns with those on the old vhost.",
            commands=[["rabbitmqctl", "list_permissions", "-p", new_vhost.name]],
        )


@check("vhost.policies", phases=["vhost"], guide="rolling 4")
def check_the_new_vhost_is_set_up_like_the_old(
    new_vhost: NewVhost, database: Database, gate: Judgement
) -> None:
    """Policies, limits and default queue type of the new vhost are those of the old one."""
    _require_vhost(new_vhost, gate)
    new, old = new_vhost.settings, new_vhost.old_settings
    gate.looked_at(
        f"policies, limits and default queue type of vhosts {new_vhost.name} and "
        f"{new_vhost.old_name} at {new_vhost.management}"
    )
    if new is None:
        gate.cannot_tell(new_vhost.settings_unknown)
        return
    workers = sum(row.alive for row in database.services)
    _judge_max_queues(new.limits.get("max-queues", -1), max(workers, 1), new_vhost.name, gate)
    if old is None:
        gate.cannot_tell(new_vhost.old_settings_unknown)
        return
    _compare(_policies(new), _policies(old), new_vhost, gate)
    for settings, name in ((new, new_vhost.name), (old, new_vhost.old_name)):
        if settings.operator_policies is None:
            gate.note(
                f"vhost {name}", "its operator policies are hidden from this account and not judged"
            )
    limits = {f"limit {name}": str(value) for name, value in old.limits.items()}
    _compare({f"limit {n}": str(v) for n, v in new.limits.items()}, limits, new_vhost, gate)
    if new.default_queue_type != old.default_queue_type:
        _differs(
            "default queue type", new.default_queue_type, old.default_queue_type, new_vhost, gate
        )


def _judge_max_queues(limit: int, workers: int, name: str, gate: Judgement) -> None:
    needed = _QUEUES_OF_A_WORKER * workers
    if 0 <= limit < needed:
        gate.block(
            "limit max-queues",
            f"is {limit} on vhost {name}; {workers} live engine workers make up to {needed} queues",
            hint="Raise or clear the limit.",
            commands=[["rabbitmqctl", "clear_vhost_limits", "-p", name]],
            data={"limit": limit, "needed": needed, "workers": workers},
        )


def _policies(settings: VhostSettings) -> dict[str, str]:
    found = {f"policy {each.name}": _spell(each) for each in settings.policies}
    return found | {
        f"operator policy {each.name}": _spell(each) for each in settings.operator_policies or ()
    }


def _spell(policy: Policy) -> str:
    definition = ", ".join(f"{key}={policy.definition[key]}" for key in sorted(policy.definition))
    return (
        f"{definition} for {policy.apply_to} that match {policy.pattern}, "
        f"priority {policy.priority}"
    )


def _compare(new: dict[str, str], old: dict[str, str], vhost: NewVhost, gate: Judgement) -> None:
    for name in sorted(new.keys() | old.keys()):
        if new.get(name) != old.get(name):
            _differs(name, new.get(name), old.get(name), vhost, gate)


def _differs(what: str, new: str | None, old: str | None, vhost: NewVhost, gate: Judgement) -> None:
    gate.warn(
        what,
        f"is {new or 'not set'} on vhost {vhost.name}, and {old or 'not set'} on {vhost.old_name}",
        hint="Set up the new vhost like the old one, unless the difference is meant.",
        data={"new": new, "old": old},
    )


@check("vhost.queue-arguments", phases=["vhost"], guide="rolling 4")
def check_nothing_left_over_clashes(new_vhost: NewVhost, gate: Judgement) -> None:
    """Nothing in the new vhost stops the target release from declaring its queues."""
    _require_vhost(new_vhost, gate)
    gate.looked_at(new_vhost.extent)
    options = new_vhost.options
    for contradiction in contradictions(options):
        gate.block(
            "[oslo_messaging_rabbit]",
            f"{contradiction}; no engine of the target release starts",
            hint="Correct the target's configuration.",
        )
    if new_vhost.objects is None or new_vhost.settings is None:
        gate.cannot_tell(new_vhost.objects_unknown or new_vhost.settings_unknown)
        return
    fallback = without_durability(options, new_vhost.objects)
    if fallback:
        gate.warn(
            f"exchange {options.control_exchange}",
            "is not durable and the target release declares it durable; it falls back to queues "
            "that a restart of the broker deletes with their messages",
            hint="Delete the exchange before the first engine of the target release starts.",
        )
    for found in new_vhost.objects:
        wanted = declared(
            found.kind, found.name, fallback or options, new_vhost.settings.default_queue_type
        )
        if wanted is not None and clashes(found, wanted):
            _clash(found, wanted, new_vhost, gate)


def _clash(found: BrokerObject, wanted: BrokerObject, new_vhost: NewVhost, gate: Judgement) -> None:
    delete: list[list[str]] = []
    if found.kind == "queue":
        delete = [["rabbitmqctl", "delete_queue", "-p", new_vhost.name, found.name]]
    gate.block(
        f"{found.kind} {found.name}",
        f"is {found}; the target release declares it {wanted}, which RabbitMQ refuses with "
        "PRECONDITION_FAILED",
        hint=f"Delete the {found.kind} from vhost {new_vhost.name} if nothing uses it, or name "
        "another vhost in transport_url.",
        commands=delete,
        data={"vhost": new_vhost.name, "is": str(found), "declared": str(wanted)},
    )


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
    if notifications.unknown and notifications.unchanged:
        gate.note(
            "notifications",
            "go where the current release sends them, which could not be seen: "
            f"{notifications.unknown}",
        )
    elif notifications.unknown:
        gate.cannot_tell(notifications.unknown)
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


def _require_vhost(new_vhost: NewVhost, gate: Judgement) -> None:
    if not new_vhost.exists:
        gate.not_applicable(f"vhost {new_vhost.name} does not exist; see vhost.exists")


def _some(names: Iterable[str]) -> str:
    names = list(names)
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
