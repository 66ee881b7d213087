"""Asking again until a gate opens: for how long, how often, and what shrinks meanwhile."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from heat_upgrade_checks.evidence.broker.old_queues import OldQueues
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.gather import Observation
from heat_upgrade_checks.heat.queues import holds_work
from heat_upgrade_checks.records.gate import DrainSample

Facts = TypeVar("Facts")


@dataclass
class Patience:
    """How long to wait for a gate and how often to ask; it begins when it is made.

    `told` hears of each round: the samples so far and the seconds that are left.
    """

    duration: timedelta
    interval: timedelta
    told: Callable[[Sequence[DrainSample], float], None]
    _begun: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds until the waiting ends; never below zero."""
        return max(0.0, self._begun + self.duration.total_seconds() - time.monotonic())

    def pause(self) -> None:
        """Until the next round, or until time is up."""
        time.sleep(min(self.interval.total_seconds(), self.left))


def sample(observations: Mapping[str, Observation], at: datetime) -> DrainSample:
    """What is left to drain, as far as this phase looks at it; None for what it does not."""
    messages = None
    database = _facts(observations, "database", Database)
    queues = _facts(observations, "old_queues", OldQueues)
    if queues is not None:
        database = queues.database or database
        messages = _messages(queues)
    if database is None:
        return DrainSample(at, messages, None, None)
    resources = sum(len(stack.resources) for stack in database.in_flight)
    return DrainSample(at, messages, len(database.in_flight), resources)


def seconds_to_go(samples: Sequence[DrainSample]) -> float | None:
    """When the work would be done at the pace so far; None where it does not shrink."""
    if len(samples) < 2:
        return None
    first, last = samples[0], samples[-1]
    before, now = _work(first), _work(last)
    passed = (last.at - first.at).total_seconds()
    if now >= before or passed <= 0:
        return None
    return now * passed / (before - now)


def _work(one: DrainSample) -> int:
    return sum(part or 0 for part in (one.messages, one.stacks, one.resources))


def _messages(queues: OldQueues) -> int | None:
    """Messages in the work queues of the last sample; None where one of them is unknown."""
    if not queues.samples:
        return None
    total = 0
    for queue in queues.samples[-1].queues:
        if holds_work(queue.name):
            if queue.ready is None or queue.unacknowledged is None:
                return None
            total += queue.ready + queue.unacknowledged
    return total


def _facts(observations: Mapping[str, Observation], name: str, kind: type[Facts]) -> Facts | None:
    observation = observations.get(name)
    facts = observation.facts if observation is not None else None
    return facts if isinstance(facts, kind) else None
