"""Gates judged in the lab, each searched for secrets, and each kind of them replayed at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.driver import Outcome, call, timeless
from tests.journals import open_gates_before
from tests.lab.rolling import Rolling


@dataclass
class Gates:
    """The driver on one lab. Changes to the plan are for one gate only."""

    rolling: Rolling
    folder: Path
    plan: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)
    _replayed: set[tuple[str, int]] = field(default_factory=set)

    @classmethod
    def of(cls, rolling: Rolling, folder: Path, **changes: Any) -> "Gates":
        """The gates of a lab, below a folder; `changes` replace sections of its plan for good."""
        plan = yaml.safe_load(rolling.plan.read_text("utf-8"))
        plan["notes"]["acknowledgements"] = str(folder / "notes.yaml")
        for side, section in changes.items():
            plan[side] = plan[side] | section
        return cls(rolling, folder, plan)

    def judge(self, phase: str, *arguments: str, **changes: Any) -> Outcome:
        """Judge one gate after those that must come before it, as open ones would have left them.

        `changes` change sections of the plan; one given as None is left out.
        """
        plan_file = self._write_plan(**changes)
        if "--only" not in arguments:
            open_gates_before(phase, plan_file, self.folder / "reports")
        outcome = self.call("--phase", phase, *arguments, **changes)
        assert "Traceback" not in outcome.err + outcome.out, outcome.err + outcome.out
        assert not outcome.err, outcome.err
        self._holds_no_secret(outcome)
        if (phase, outcome.code) not in self._replayed:
            self._replayed.add((phase, outcome.code))
            self._replays(outcome)
        return outcome

    def call(self, *arguments: str, **changes: Any) -> Outcome:
        """Call the driver."""
        path = self._write_plan(**changes)
        environment = {
            "HEAT_UPGRADE_PLAN": str(path),
            "OS_CLIENT_CONFIG_FILE": str(self.rolling.clouds_yaml),
            **self.environment,
        }
        reports = () if arguments[0] == "notes" else ("--reports", str(self.folder / "reports"))
        return call(*arguments, *reports, cwd=self.folder, environment=environment)

    def acknowledge(self) -> None:
        """What an operator does about release notes, where there are any: read and sign each."""
        outcome = self.call("notes")
        assert outcome.code == 0, outcome.out + outcome.err
        path = self.folder / "notes.yaml"
        entries = yaml.safe_load(path.read_text("utf-8")) or []
        for entry in entries:
            entry.update(by="operator", at="2026-11-22")
        path.write_text(yaml.safe_dump(entries), "utf-8")

    def _write_plan(self, **changes: Any) -> Path:
        plan = {
            key: {**self.plan.get(key, {}), **change} if isinstance(change, Mapping) else change
            for key, change in {**self.plan, **changes}.items()
            if change is not None
        }
        path = self.folder / "plan.yaml"
        path.write_text(yaml.safe_dump(plan), "utf-8")
        return path

    def _holds_no_secret(self, outcome: Outcome) -> None:
        for secret in self.rolling.lab.secrets:
            assert secret not in outcome.written

    def _replays(self, outcome: Outcome) -> None:
        replayed = call(
            "--replay", outcome.folder, "--reports", self.folder / "replays", cwd=self.folder
        )
        assert replayed.code == outcome.code
        assert timeless(replayed.gate) == timeless(outcome.gate)
