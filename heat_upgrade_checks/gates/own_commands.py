"""Calls of this tool that it prints, complete: they mean the same wherever they are pasted."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM = "heat-upgrade-check"

# A call without any of these judges a gate.
_WITH_REPORTS = {"rehearse", "watch", "verify", "where"}
_WITH_PLAN = {"notes", "init", *_WITH_REPORTS}


@dataclass(frozen=True)
class CalledWith:
    """The plan's file and the folder of all reports, as this call was given them."""

    plan: Path
    reports: Path

    def complete(self, command: Sequence[str]) -> tuple[str, ...]:
        """The command, with both where it is a call of this tool that takes them."""
        words = tuple(command)
        if words[:1] != (PROGRAM,):
            return words
        called = words[1] if len(words) > 1 else ""
        is_gate = called.startswith("-")
        if is_gate or called in _WITH_PLAN:
            words += ("--plan", str(self.plan.absolute()))
        if is_gate or called in _WITH_REPORTS:
            words += ("--reports", str(self.reports.absolute()))
        return words
