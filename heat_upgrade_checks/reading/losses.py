"""Which rules of RabbitMQ take a message out of a work queue before anybody read it.

Of the policies that match a queue the one with the highest priority applies, and beside it one of
the operator's; the arguments of the queue stay in force. Of a number that several set, RabbitMQ
takes the smallest. oslo.messaging gives no such argument to a work queue.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from heat_upgrade_checks.evidence.broker.policies import Policy
from heat_upgrade_checks.evidence.broker.retention import Retention, WorkQueue

TTL = "message-ttl"
_LOSING = (TTL, "expires", "max-length", "max-length-bytes")
_OVERFLOW = "overflow"


@dataclass(frozen=True)
class Rule:
    """One rule and the work queues it is for; `settings` are those that lose messages.

    `ttl` is in seconds, None where messages do not expire. `unreadable` says why it is not known
    whether the rule is for a work queue.
    """

    what: str
    settings: dict[str, Any]
    queues: tuple[str, ...]
    unreadable: str = ""

    @property
    def ttl(self) -> float | None:
        """Seconds after which a message that waits is gone."""
        value = self.settings.get(TTL)
        return value / 1000 if isinstance(value, int | float) else None


def losing_rules(retention: Retention) -> list[Rule]:
    """The rules that lose messages of work."""
    found = [
        *_of_policies("policy", retention.policies, retention.queues),
        *_of_policies("operator policy", retention.operator_policies or (), retention.queues),
    ]
    for queue in retention.queues:
        given = {name.removeprefix("x-"): value for name, value in queue.arguments.items()}
        if losing := _losing(given):
            found.append(Rule(f"queue {queue.name}", losing, (queue.name,)))
    return found


def _of_policies(
    kind: str, policies: Iterable[Policy], queues: tuple[WorkQueue, ...]
) -> Iterable[Rule]:
    ordered = sorted(policies, key=lambda policy: -policy.priority)
    applied: dict[str, int] = {}
    for policy in ordered:
        what, losing = f"{kind} {policy.name}", _losing(policy.definition)
        try:
            pattern = re.compile(policy.pattern)
        except re.error as error:
            if losing:
                yield Rule(what, losing, (), f"its pattern {policy.pattern!r}: {error}")
            continue
        mine = []
        for queue in queues:
            # Which one of several with one priority applies is RabbitMQ's choice.
            beaten = applied.get(queue.name, policy.priority) > policy.priority
            if not beaten and _is_for(policy, queue) and pattern.search(queue.name):
                applied[queue.name] = policy.priority
                mine.append(queue.name)
        if losing and mine:
            yield Rule(what, losing, tuple(mine))


def _is_for(policy: Policy, queue: WorkQueue) -> bool:
    return policy.apply_to in {"all", "queues", f"{queue.type}_queues"}


def _losing(given: dict[str, Any]) -> dict[str, Any]:
    found = {name: given[name] for name in _LOSING if name in given}
    if found and _OVERFLOW in given:
        found[_OVERFLOW] = given[_OVERFLOW]
    return found
