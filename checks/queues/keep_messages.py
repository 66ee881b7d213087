from heat_upgrade_checks.evidence.broker.retention import Retention
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.losses import Rule, losing_rules
from heat_upgrade_checks.wording import duration, some

_NAMED = 3


@check("queues.keep-messages", phases=["pre"], guide="prerequisites")
def check_work_waits_as_long_as_it_must(current_retention: Retention, gate: Judgement) -> None:
    """No rule of RabbitMQ drops or expires messages of work."""
    _judge(current_retention, gate)


@check("queues.keep-messages", phases=["vhost"], guide="rolling 4")
def check_work_will_wait_on_the_new_vhost(target_retention: Retention, gate: Judgement) -> None:
    """No rule of RabbitMQ drops or expires messages of work."""
    _judge(target_retention, gate)


@check("queues.keep-messages", phases=["last-engine"], guide="rolling 7")
def check_an_empty_queue_has_lost_nothing(
    current_retention: Retention, database: Database, gate: Judgement
) -> None:
    """No rule of RabbitMQ drops or expires messages of work."""
    _judge(current_retention, gate, database)


def _judge(retention: Retention, gate: Judgement, database: Database | None = None) -> None:
    gate.looked_at(retention.extent)
    if retention.operator_policies is None:
        gate.cannot_tell(
            f"the operator policies of vhost {retention.vhost} are hidden from this account at "
            f"{retention.management}; name an account with the tag administrator as "
            "broker.username in the plan"
        )
    for rule in losing_rules(retention):
        if rule.unreadable:
            gate.cannot_tell(
                f"whether {rule.what} on vhost {retention.vhost} is for Heat's work queues cannot "
                f"be told here ({rule.unreadable}); write it without extensions of PCRE"
            )
            continue
        settings = ", ".join(f"{name}={value}" for name, value in rule.settings.items())
        gate.warn(
            rule.what,
            f"on vhost {retention.vhost} sets {settings} for {some(rule.queues, _NAMED)}; "
            + _consequence(rule)
            + (_older_than(rule, database) if database else ""),
            hint="Delete the queue while nobody works with it; Heat makes it anew without."
            if rule.what.startswith("queue ")
            else "Let its pattern leave out engine, engine_worker and heat-engine-listener.",
            commands=[["rabbitmqctl", "list_policies", "-p", retention.vhost]],
            data={"settings": rule.settings, "queues": list(rule.queues)},
        )


def _consequence(rule: Rule) -> str:
    if rule.ttl is not None:
        return (
            f"what waits longer than {duration(rule.ttl)} is gone, and its stack stays "
            "IN_PROGRESS for ever: an empty queue does not prove that its work was done"
        )
    if "expires" in rule.settings:
        return "a queue that no engine reads for that long is deleted with the work in it"
    return "work beyond that is dropped, and its stack stays IN_PROGRESS for ever"


def _older_than(rule: Rule, database: Database) -> str:
    """The stacks that may be waiting for what expired."""
    if rule.ttl is None:
        return ""
    names = [
        f"{stack.name} ({stack.id})"
        for stack in database.in_flight
        if stack.status == "IN_PROGRESS" and not stack.holders and stack.still > rule.ttl
    ]
    if not names:
        return ""
    return (
        f"; nobody holds {some(names, _NAMED)}, which did not move for longer, so that its message "
        "may be among them"
    )
