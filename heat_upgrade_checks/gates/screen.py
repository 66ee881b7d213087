"""What an operator sees while a gate runs: a line per check, the blockers last, then the report."""

import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.status import Status
from rich.text import Text

from heat_upgrade_checks.gates.waiting import seconds_to_go
from heat_upgrade_checks.output import onto
from heat_upgrade_checks.records.findings import CheckResult, Finding, Level, Outcome, Verdict
from heat_upgrade_checks.records.gate import DrainSample, Gate
from heat_upgrade_checks.report import sections
from heat_upgrade_checks.report.words import waiver
from heat_upgrade_checks.wording import counted, duration, plain

_WORDS = {
    Outcome.PASSED: ("PASSED", "green"),
    Outcome.WARNED: ("WARNED", "yellow"),
    Outcome.FAILED: ("BLOCKED", "bold red"),
    Outcome.ERROR: ("UNKNOWN", "bold magenta"),
    Outcome.NOT_APPLICABLE: ("N/A", "dim"),
    Outcome.WAIVED: ("WAIVED", "yellow"),
}
_VERDICT_STYLES = {
    Verdict.GO: "bold green",
    Verdict.GO_WITH_WARNINGS: "bold yellow",
    Verdict.NO_GO: "bold red",
    Verdict.INCOMPLETE: "bold magenta",
}
_MOST_FINDINGS = 20


Waiting = Callable[[], Iterable[str]]


class _Progress:
    """The sources that have not answered yet, asked anew each time it is drawn."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting

    def __rich__(self) -> Text:
        return Text("waiting for " + (", ".join(self._waiting()) or "the checks"), style="dim")


class Terminal:
    """Prints one gate. Colour only where the output is a terminal that wants it."""

    def __init__(self) -> None:
        # A descriptor of its own: pytest takes the first one while checks run.
        self._console = Console(
            file=onto(os.dup(1)), highlight=False, soft_wrap=True, markup=False, emoji=False
        )
        self._status: Status | None = None
        self._said: dict[str, tuple[Outcome, str]] = {}
        self._drained = ""

    def wait(self, samples: Sequence[DrainSample], left: float) -> None:
        """What is left to drain and for how long it is waited for, where that has changed."""
        last, estimate = samples[-1], seconds_to_go(samples)
        parts = [
            f"{counted(count, thing)} {where}"
            for count, thing, where in (
                (last.messages, "message", "in the old queues"),
                (last.stacks, "stack", "in flight"),
                (last.resources, "resource", "held"),
            )
            if count is not None
        ]
        drained = ", ".join(parts) or "what keeps the gate shut"
        soon = f"; about {duration(estimate)} to go" if estimate is not None else ""
        line = f"{drained}{soon}; waiting {duration(left)} more"
        if self._status:
            self._status.update(Text(line, style="dim"))
        elif drained != self._drained:
            self._print(f"waiting: {line}")
        self._drained = drained

    def begin(self, phase: str, question: str, upgrade: str, waiting: Waiting) -> None:
        """Say what is asked; on a terminal also, all the time, which sources are waited for."""
        self._print(f"{upgrade}, phase {phase}: {question}")
        if self._console.is_terminal:
            self._status = self._console.status(_Progress(waiting))
            self._status.start()

    def check_ended(self, result: CheckResult) -> None:
        """One line as a check ends; when it is judged again, only if it says something else."""
        said = (result.outcome, self._gist(result))
        if self._said.get(result.id) == said:
            return
        self._said[result.id] = said
        word, style = _WORDS[result.outcome]
        line = Text(f"{word:8} ", style=style)
        line.append(f"{result.id:28} {self._gist(result)}", style="default")
        line.append(f"  ({result.seconds:.1f} s)", style="dim")
        self._console.print(line)

    def end(self, gate: Gate, folder: Path) -> None:
        """Blockers and what could not be told, with what to do, then verdict and report."""
        if self._status:
            self._status.stop()
        if not gate.interrupted:
            self._found(gate)
        style = "bold" if sections.no_answer(gate) else _VERDICT_STYLES[gate.verdict]
        self._print()
        self._console.print(Text(sections.verdict(gate), style=style))
        if gate.replayed_at:
            self._print(sections.replay(gate))
        self._print(str(folder / "gate.html"))

    def _found(self, gate: Gate) -> None:
        waived = [result for result in gate.checks if result.outcome is Outcome.WAIVED]
        for result in waived:
            self._waived(result)
        for reason, ids in _unknown(gate).items():
            self._print(f"\nUNKNOWN  {', '.join(ids)}\n    {plain(reason)}")
        judged = [result for result in gate.checks if result not in waived]
        for level, word in ((Level.WARNING, "WARNING"), (Level.BLOCKER, "BLOCKER")):
            found = [(r, f) for r in judged for f in r.findings if f.level is level]
            for result, finding in found[:_MOST_FINDINGS]:
                self._finding(word, result, finding)
            if len(found) > _MOST_FINDINGS:
                self._print(f"\n... and {len(found) - _MOST_FINDINGS} more; see the report")

    def _gist(self, result: CheckResult) -> str:
        if result.outcome is Outcome.PASSED:
            return result.title
        if result.outcome is Outcome.WAIVED:
            return plain(waiver(result.waivers[0]))
        if result.findings and result.outcome is not Outcome.ERROR:
            first, more = result.findings[0], len(result.findings) - 1
            text = f"{first.object}: {first.summary}" + (f" (and {more} more)" if more else "")
            return plain(text)
        return plain(result.reason)

    def _waived(self, result: CheckResult) -> None:
        self._print(f"\nWAIVED  {result.id}: {result.title}")
        if result.reason:
            self._print(f"    {plain(result.reason)}")
        found = [each for each in result.findings if each.level is not Level.NOTE]
        for finding in found[:_MOST_FINDINGS]:
            self._print(f"    {plain(finding.object)}: {plain(finding.summary)}")
        for applied in result.waivers:
            self._print(f"    {plain(waiver(applied))}")

    def _finding(self, word: str, result: CheckResult, finding: Finding) -> None:
        self._print(f"\n{word}  {result.id}: {plain(finding.object)}")
        self._print(f"    {plain(finding.summary)}")
        if finding.hint:
            self._print(f"    {plain(finding.hint)}")
        for command in finding.commands:
            self._print(f"      $ {plain(shlex.join(command))}")

    def _print(self, line: str = "") -> None:
        self._console.print(Text(line))


def _unknown(gate: Gate) -> dict[str, list[str]]:
    """Why something could not be told -> the checks that this one cause left unjudged."""
    causes: dict[str, list[str]] = {}
    for result in gate.checks:
        if result.outcome is Outcome.ERROR:
            causes.setdefault(result.reason, []).append(result.id)
    return causes
