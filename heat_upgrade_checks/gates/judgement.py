"""What a check holds in its hand while it judges."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from heat_upgrade_checks.errors import NotConfigured
from heat_upgrade_checks.gates.question import Question
from heat_upgrade_checks.phases import Mode
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.records.findings import Finding, Level


@dataclass
class Judgement:
    """The gate's question, and what the check `id` says about it.

    `now` is the moment at which it judges, after its sources have answered; a replay keeps it.
    """

    question: Question
    id: str
    now: datetime
    findings: list[Finding] = field(default_factory=list)
    unknowns: list[str] = field(default_factory=list)
    extent: str = ""

    @property
    def plan(self) -> Plan:
        """The upgrade's plan."""
        return self.question.plan

    @property
    def phase(self) -> str:
        """The phase that is judged."""
        return self.question.phase

    @property
    def host(self) -> str:
        """In phase engine: the host that is taken away next."""
        return self.question.host

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

    def not_done(
        self, obj: str, summary: str, *, hint: str, commands: Sequence[Sequence[str]]
    ) -> None:
        """What goes beyond Heat's guide was left out: a warning, unless the plan requires it."""
        if self.id in self.plan.require:
            what = f"the plan requires it: {obj} {summary}"
            command = self.question.called_with.complete(commands[0])
            self.cannot_tell(f"{what}; run {shlex.join(command)}")
        else:
            self.warn(obj, summary, hint=hint, commands=commands)

    def cannot_tell(self, sentence: str) -> None:
        """A part could not be judged: what, and what to do about it. The gate stays shut."""
        self.unknowns.append(sentence)

    def not_applicable(self, reason: str) -> NoReturn:
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
        argument_lists = tuple(map(self.question.called_with.complete, commands))
        self.findings.append(Finding(level, obj, summary, hint, argument_lists, data or {}))
