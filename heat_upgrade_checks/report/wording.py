"""Words and figures that every report states in the same way."""

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, pairwise

from heat_upgrade_checks.records.findings import AppliedWaiver, Finding, Outcome, Verdict
from heat_upgrade_checks.records.gate import ReleaseName
from heat_upgrade_checks.records.watch import Availability

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

# What XML 1.0 forbids, and what a reader cannot see or that reorders what he sees.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)


_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


@dataclass(frozen=True)
class Remedy:
    """Findings that call for the same action, with that action."""

    findings: tuple[Finding, ...]
    hint: str
    commands: tuple[str, ...]


def visible(text: str) -> str:
    """The text with every control, invisible and direction-changing character spelled out."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def clipped(text: str, limit: int) -> str:
    """The text, cut and marked as such where it is longer than `limit`."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def counted(number: int, thing: str) -> str:
    """The number with its noun: "1 blocker", "7 blockers"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def duration(seconds: float) -> str:
    """A span of time in the two units that matter: "3 h 5 min", "0.8 s"."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    total = round(seconds)
    for (unit, size), (part, part_size) in pairwise(_UNITS):
        if total >= size:
            rest = total % size // part_size
            return f"{total // size} {unit}" + (f" {rest} {part}" if rest else "")
    return f"{total} s"


def moment(when: datetime) -> str:
    """A point in time in UTC, with its offset."""
    return when.astimezone(UTC).isoformat(sep=" ", timespec="seconds")


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
