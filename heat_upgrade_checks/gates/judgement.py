"""What a check holds in its hand while it judges."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from heat_upgrade_checks.errors import NotConfigured
from heat_upgrade_checks.phases import Mode
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.records.findings import Finding, Level
from heat_upgrade_checks.records.gate import NOTHING, Digests


@dataclass
class Judgement:
    """The circumstances of the gate, and what one check says about them.

    `now` is the moment at which the gate was started, and `digests` are of what it rests on; a
    replay keeps both.
    """

    plan: Plan
    phase: str
    host: str
    now: datetime
    digests: Digests = NOTHING
    findings: list[Finding] = field(default_factory=list)
    unknowns: list[str] = field(default_factory=list)
    extent: str = ""

    @property
    def mode(self) -> Mode:
        """The upgrade's mode."""
        return self.plan.mode

    def heat_manage(self, *words: str) -> list[str]:
        """The heat-manage of the release that is in service: the target's from `post` on."""
        side = self.plan.target if self.phase == "post" else self.plan.current
        return side.heat_manage(*words)

    def looked_at(self, extent: str) -> None:
        """State what was judged, how much of it and from which source; every check must."""
        self.extent = extent

    def block(self, obj: str, summary: str, **details: Any) -> None:
        """The next step is not safe: `summary` says what was observed of `obj`."""
        self._say(Level.BLOCKER, obj, summary, **details)

    def warn(self, obj: str, summary: str, **details: Any) -> None:
        """The next step is safe, but the operator should know this before it."""
        self._say(Level.WARNING, obj, summary, **details)

    def note(self, obj: str, summary: str, **details: Any) -> None:
        """Worth a line in the report; it does not touch the verdict."""
        self._say(Level.NOTE, obj, summary, **details)

    def cannot_tell(self, sentence: str) -> None:
        """A part could not be judged: what, and what to do about it. The gate stays shut."""
        self.unknowns.append(sentence)

    def not_applicable(self, reason: str) -> None:
        """End the check here: its question does not arise, or the operator did not ask it."""
        raise NotConfigured(reason)

    def _say(
        self,
        level: Level,
        obj: str,
        summary: str,
        *,
        hint: str = "",
        commands: Sequence[Sequence[str]] = (),
        data: dict[str, Any] | None = None,
    ) -> None:
        argument_lists = tuple(tuple(command) for command in commands)
        self.findings.append(Finding(level, obj, summary, hint, argument_lists, data or {}))
