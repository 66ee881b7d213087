"""How a rehearsal ends early."""

from typing import Literal

from heat_upgrade_checks.errors import HeatUpgradeCheckError

Step = Literal["restore", "migrate", "exercise"]


class StepFailed(HeatUpgradeCheckError):
    """The backup or the target failed in this step: that is the rehearsal's result."""

    def __init__(self, step: Step, sentence: str) -> None:
        super().__init__(sentence)
        self.step = step
