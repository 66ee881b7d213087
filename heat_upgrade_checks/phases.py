"""The phases of an upgrade, in the order of Heat's upgrade guide."""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["rolling", "cold"]
SideName = Literal["current", "target"]
"""Which of the two releases of an upgrade: the one that runs, or the one to come."""


@dataclass(frozen=True)
class Phase:
    """A moment between two steps of the guide at which the driver is called."""

    name: str
    modes: tuple[Mode, ...]
    called: str
    question: str
    guide: str


PHASES: dict[str, Phase] = {
    phase.name: phase
    for phase in (
        Phase(
            "pre",
            ("rolling", "cold"),
            "before anything changes",
            "May this upgrade begin?",
            "plan to upgrade, prerequisites",
        ),
        Phase(
            "stopped",
            ("cold",),
            "after every heat-api, heat-api-cfn and heat-engine was stopped",
            "Is nothing of Heat running, and was nothing cut off?",
            "cold 1",
        ),
        Phase(
            "installed",
            ("rolling", "cold"),
            "after the target's code and configuration are in place, before its db_sync",
            "Will this code run here, on this configuration, for these stacks?",
            "cold 2-4, rolling 1",
        ),
        Phase(
            "synced",
            ("rolling", "cold"),
            "after the target's db_sync",
            "Is the schema complete, and can the releases work on it?",
            "cold 5, rolling 2-3",
        ),
        Phase(
            "vhost",
            ("rolling",),
            "after the new vhost is made, before the first target engine starts",
            "Is the new release isolated, and is nothing in flight that its start would break?",
            "rolling 4",
        ),
        Phase(
            "engine",
            ("rolling",),
            "before each old engine or API is taken away",
            "Does this host hold no work, and do the others carry on?",
            "rolling 5-6",
        ),
        Phase(
            "last-engine",
            ("rolling",),
            "before the last old engine stops",
            "Is every API moved, every old queue drained, no work held on the old side?",
            "rolling 7",
        ),
        Phase(
            "post",
            ("rolling", "cold"),
            "after all services run the target release",
            "Did everything arrive, and does it work?",
            "cold 6, rolling 8",
        ),
    )
}
