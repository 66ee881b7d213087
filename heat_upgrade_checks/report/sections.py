"""A gate's checks, sorted by what the operator has to do about them."""

from collections import Counter
from dataclasses import dataclass

from heat_upgrade_checks.phases import PHASES
from heat_upgrade_checks.records.findings import CheckResult, Finding, Level, Outcome, Verdict
from heat_upgrade_checks.records.gate import Gate
from heat_upgrade_checks.report import release_notes
from heat_upgrade_checks.report.words import ANSWERS, OUTCOME_WORDS, VERDICT_WORDS
from heat_upgrade_checks.wording import counted, moment


@dataclass(frozen=True)
class Entry:
    """One check, with those of its findings that belong to the section."""

    check: CheckResult
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Section:
    """Checks that ask the same thing of the operator."""

    title: str
    meaning: str
    entries: tuple[Entry, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the section's checks found, in their order."""
        return tuple(finding for entry in self.entries for finding in entry.findings)


def blockers(gate: Gate) -> Section:
    """What closes the gate. A failed check stands here even if it recorded no blocker."""
    return Section(
        "Blockers",
        "Each of these must be gone before the next step.",
        _found(gate, Level.BLOCKER, Outcome.FAILED),
    )


def errors(gate: Gate) -> Section:
    """What could not be judged."""
    return Section(
        "Could not tell",
        "These checks could not observe what they judge; a gate with one of them is never open.",
        _became(gate, Outcome.ERROR),
    )


def warnings(gate: Gate) -> Section:
    """What should be known before going on."""
    return Section(
        "Warnings",
        "These do not close the gate; read them before the next step.",
        _found(gate, Level.WARNING, Outcome.WARNED),
    )


def waived(gate: Gate) -> Section:
    """What somebody answers for."""
    return Section(
        "Waived",
        "These checks were judged; somebody answers for going on in spite of what they found.",
        tuple(
            Entry(check, check.findings) for check in gate.checks if check.outcome is Outcome.WAIVED
        ),
    )


def not_looked_at(gate: Gate) -> Section:
    """What the gate says nothing about."""
    return Section(
        "Not looked at",
        "This gate says nothing about these.",
        _became(gate, Outcome.NOT_APPLICABLE),
    )


def notes(gate: Gate) -> Section:
    """What is only worth knowing; release notes have a table of their own."""
    entries = (
        Entry(each.check, tuple(found for found in each.findings if not _in_own_table(each, found)))
        for each in _found(gate, Level.NOTE)
    )
    return Section(
        "Notes",
        "Nothing needs to be done about these.",
        tuple(entry for entry in entries if entry.findings),
    )


def no_answer(gate: Gate) -> str:
    """That the phase's question stays open, whatever the verdict; nothing where it does not."""
    kinds = (("PARTIAL", gate.partial), ("REPLAY", gate.replayed_at is not None))
    told = " ".join(word for word, is_so in kinds if is_so)
    return f"{told}: no answer to the phase's question" if told else ""


def verdict(gate: Gate) -> str:
    """The verdict in words, behind what keeps it from being the phase's answer."""
    word = VERDICT_WORDS[gate.verdict] + (" (interrupted)" if gate.interrupted else "")
    return "; ".join(filter(None, (no_answer(gate), word)))


def headline(gate: Gate) -> str:
    """The verdict and what it rests on, in one line."""
    return f"{verdict(gate)}: {_ground(gate)}"


def replay(gate: Gate) -> str:
    """What has to stand below the headline of a replay; nothing for a gate."""
    if gate.replayed_at is None:
        return ""
    return f"Replay of evidence recorded at {moment(gate.started_at)}; it is no gate."


def question(gate: Gate) -> str:
    """What the phase asks; a phase this version does not know is only named."""
    phase = PHASES.get(gate.phase)
    return phase.question if phase else f"Is it safe to go on after phase {gate.phase}?"


def answer(gate: Gate) -> str:
    """The verdict as the answer to the phase's question, where it is one."""
    if gate.replayed_at:
        return "No answer: this judges again what was recorded. Run the phase."
    if gate.partial:
        return "No answer: only some of its checks were selected. Run the phase without --only."
    return ANSWERS[gate.verdict]


def outcomes(gate: Gate) -> dict[Outcome, int]:
    """How many checks had which outcome, worst first; every outcome is present."""
    counts = Counter(check.outcome for check in gate.checks)
    return {outcome: counts[outcome] for outcome in OUTCOME_WORDS}


def tally(gate: Gate) -> str:
    """How many checks came out how, in words."""
    parts = [
        f"{count} {OUTCOME_WORDS[outcome]}" for outcome, count in outcomes(gate).items() if count
    ]
    return f"{counted(len(gate.checks), 'check')}: {', '.join(parts)}" if parts else "no check"


def _ground(gate: Gate) -> str:
    found = blockers(gate)
    parts = []
    if found.entries:
        checks = counted(len(found.entries), "check")
        parts.append(f"{counted(len(found.findings), 'blocker')} in {checks}")
    if unknown := len(errors(gate).entries):
        parts.append(f"{counted(unknown, 'check')} could not tell")
    if gate.verdict is Verdict.GO_WITH_WARNINGS:
        if cautions := len(warnings(gate).findings):
            parts.append(counted(cautions, "warning"))
        if excused := len(waived(gate).entries):
            parts.append(f"{counted(excused, 'check')} waived")
    if parts:
        return ", ".join(parts)
    judged = len(gate.checks) - len(not_looked_at(gate).entries)
    if not judged:
        return "nothing was judged"
    if gate.verdict is Verdict.GO:
        return f"{counted(judged, 'check')} passed"
    return "not every check was judged"


def _in_own_table(entry: Entry, finding: Finding) -> bool:
    return entry.check.id == release_notes.CHECK and release_notes.is_row(finding)


def _became(gate: Gate, outcome: Outcome) -> tuple[Entry, ...]:
    return tuple(Entry(check) for check in gate.checks if check.outcome is outcome)


def _found(gate: Gate, level: Level, outcome: Outcome | None = None) -> tuple[Entry, ...]:
    """Entries for the findings of one level; a waived check's findings stand with its waiver."""
    return tuple(
        Entry(check, found)
        for check in gate.checks
        if check.outcome is not Outcome.WAIVED
        if (found := tuple(each for each in check.findings if each.level is level))
        or check.outcome is outcome
    )
