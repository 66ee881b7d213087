"""Stacks at work, and who holds them."""

from dataclasses import replace
from typing import Any

from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.stacks.in_flight import ResourceInFlight, StackInFlight
from heat_upgrade_checks.evidence.stacks.leftovers import Leftovers
from heat_upgrade_checks.evidence.stacks.snapshots import SnapshotDeletion
from heat_upgrade_checks.reading.placement import place
from tests.facts import NEW, OLD, a_row, a_stack

# `silent` still has a row that reports, but the broker shows it on no vhost.
ROWS = (
    a_row("old", "control1"),
    a_row("new", "control2"),
    a_row("silent", "control3"),
    a_row("dead", "control4", silent=500),
)
PLACEMENT = place(ROWS, [Listener("old", OLD, 1), Listener("new", NEW, 1)])
NOTHING = Leftovers(ROWS, (), (), 0, (), 0, (), 0, 0, 0, 0, 0)


def held(name: str, engine: str, signal: bool = False) -> ResourceInFlight:
    """A resource that an engine holds."""
    return ResourceInFlight(
        name, "CREATE", "IN_PROGRESS", engine, "OS::Heat::X", signal, None, 30.0
    )


SIGNAL = a_stack(resources=(held("wait", "old", signal=True),))


def paused(hook: str = "pre-create", age: float = 0, engine: str = "") -> ResourceInFlight:
    """A resource at a hook, reached `age` seconds ago."""
    return ResourceInFlight("r", "INIT", "COMPLETE", engine, age=age, hook=hook)


# Every engine of ROWS started at the time of the look.
PAUSED = a_stack(resources=(paused(),), still=9999)
OUTLIVED = a_stack(resources=(paused(age=100),), still=9999)
STILL_HELD = a_stack("old", status="FAILED")
ABANDONED = replace(SIGNAL, status="FAILED")


def deleting(age: float = 0, **changes: Any) -> StackInFlight:
    """A stack at rest of which a snapshot is being deleted since `age` seconds."""
    deletion = SnapshotDeletion("snap", "nightly", age, 3600)
    stack = a_stack(status="COMPLETE", still=9999, snapshots=True, deletions=(deletion,))
    return replace(stack, **changes)
