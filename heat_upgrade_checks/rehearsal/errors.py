"""How a rehearsal ends early."""

from heat_upgrade_checks.errors import HeatUpgradeCheckError
from heat_upgrade_checks.records.rehearsal import Step


class StepFailed(HeatUpgradeCheckError):
    """The backup or the target failed in this step: that is the rehearsal's result."""

    def __init__(self, step: Step, sentence: str) -> None:
        super().__init__(sentence)
        self.step = step
