"""What every report says of a gate in the same words."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from heat_upgrade_checks.records.findings import AppliedWaiver, Finding, Outcome, Verdict
from heat_upgrade_checks.records.gate import ReleaseName
from heat_upgrade_checks.records.watch import Availability
from heat_upgrade_checks.wording import counted, duration, moment

CAP = 20

VERDICT_WORDS = {
    Verdict.GO: "GO",
    Verdict.GO_WITH_WARNINGS: "GO WITH WARNINGS",
    Verdict.NO_GO: "NO-GO",
    Verdict.INCOMPLETE: "INCOMPLETE",
}

ANSWERS = {
    Verdict.GO: "Yes. The next step may be taken.",
    Verdict.GO_WITH_WARNINGS: "Yes, with warnings. Read them before the next step.",
    Verdict.NO_GO: "No. Do not take the next step.",
    Verdict.INCOMPLETE: "Could not tell. Do not take the next step.",
}

OUTCOME_WORDS = {
    Outcome.FAILED: "failed",
    Outcome.ERROR: "could not tell",
    Outcome.WARNED: "warned",
    Outcome.WAIVED: "waived",
    Outcome.PASSED: "passed",
    Outcome.NOT_APPLICABLE: "not applicable",
}


@dataclass(frozen=True)
class Remedy:
    """Findings that call for the same action, with that action."""

    findings: tuple[Finding, ...]
    hint: str
    commands: tuple[str, ...]


def api_availability(seen: Availability) -> str:
    """How long the API was down, with what that was measured by."""
    if not seen.watched:
        return f"API: not measured, asked {counted(seen.asked, 'time')}"
    parts = [
        f"API: {duration(seen.down) if seen.down else '0 s'} down of {duration(seen.watched)} "
        f"watched, asked {counted(seen.asked, 'time')}, resolution {round(seen.resolution, 1):g} s"
    ]
    if seen.slowest is not None:
        parts.append(f"slowest answer {duration(seen.slowest)}")
    if seen.unknown:
        parts.append(f"{counted(seen.unknown, 'ask')} told nothing of it")
    if seen.down_at_end:
        parts.append("it was down when watching ended")
    return "; ".join(parts)


def release(name: ReleaseName) -> str:
    """A Heat release, or that it was not observed."""
    if name.version and name.series:
        return f"{name.version} ({name.series})"
    return name.version or name.series or "not observed"


def remedies(findings: Iterable[Finding]) -> list[Remedy]:
    """The findings in their order; neighbours with the same remedy stand together."""
    return [
        Remedy(tuple(alike), hint, tuple(shlex.join(command) for command in commands))
        for (hint, commands), alike in groupby(findings, lambda each: (each.hint, each.commands))
    ]


def more(things: Sequence[object], cap: int) -> str:
    """What stands below a list cut at `cap`; empty where the list is whole."""
    hidden = len(things) - cap
    if hidden <= 0:
        return ""
    amount = f"and {hidden} more" if cap else f"{hidden} in all"
    return f"{amount}; the full list is in gate.json"


def waiver(applied: AppliedWaiver) -> str:
    """Who answers for going on in spite of what, until when and why."""
    covered = [*applied.covers[:CAP]]
    covered += [f"{len(applied.covers) - CAP} more"] if len(applied.covers) > CAP else []
    covered += ["what could not be told"] if applied.covers_unknown else []
    return (
        f"Waived by {applied.owner} until {moment(applied.expires)} ({applied.ticket}): "
        f"{applied.reason}. Covers {', '.join(covered)}"
    )
