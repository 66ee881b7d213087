"""Rechecks an upgrade's journal: every byte, the order, and what it rests on."""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGate, whole_gates
from heat_upgrade_checks.files.access import why_not
from heat_upgrade_checks.gates import sequence
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.records import journal, seal
from heat_upgrade_checks.records.findings import Outcome
from heat_upgrade_checks.records.gate import Digests
from heat_upgrade_checks.records.journal import Entry
from heat_upgrade_checks.report.words import VERDICT_WORDS
from heat_upgrade_checks.wording import duration, moment

ORDER = "journal.in-order"


@dataclass(frozen=True)
class Objection:
    """What does not hold: `broken` shows that the journal proves nothing, `changed` that what the
    next gate rests on is not what the last one rested on."""

    level: Literal["broken", "changed"]
    where: str
    sentence: str


@dataclass(frozen=True)
class Verification:
    """All gates of one upgrade, and what does not hold. `sha256` stands for the last one."""

    entries: tuple[Entry, ...]
    objections: tuple[Objection, ...]
    sha256: str

    @property
    def exit_code(self) -> int:
        """0 where all holds, 1 where only something changed, 2 where the journal is broken."""
        levels = {each.level for each in self.objections}
        return 2 if "broken" in levels else len(levels)


def verify(upgrade_folder: Path, plan: Plan, digests: Digests, now: datetime) -> Verification:
    """Recheck the gates of this plan; `digests` are of what the next gate would rest on.

    :raises UsageError: there is no gate, or a part may not be read.
    """
    try:
        _require_readable(upgrade_folder)
    except PermissionError as error:
        path = Path(error.filename or upgrade_folder)
        raise UsageError(f"{path}: {why_not(path, error)}") from None
    entries = journal.entries(upgrade_folder)
    if not entries:
        raise UsageError(
            f"there is no gate in {upgrade_folder}; name the folder of the gates with --reports"
        )
    objections = [
        Objection("broken", folder, sentence)
        for folder, sentences in journal.damage(entries).items()
        for sentence in sentences
    ]
    gates = whole_gates(entries)
    objections += _order(entries, gates, plan)
    if gates:
        objections += _of_another_upgrade(gates, plan, digests)
        objections += _changed(gates[-1], plan, digests, now)
    return Verification(tuple(entries), tuple(objections), seal.digest(entries[-1].folder))


def _require_readable(upgrade_folder: Path) -> None:
    """What this account may not read is no sign that the journal is broken.

    :raises PermissionError: it names the first such folder or file.
    """
    if not upgrade_folder.is_dir():
        return
    gates = sorted(path for path in upgrade_folder.iterdir() if path.name[:1].isdigit())
    for path in (*gates, *(file for gate in gates if gate.is_dir() for file in gate.iterdir())):
        if path.exists() and not os.access(path, os.R_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def lines(verification: Verification) -> Iterator[str]:
    """What an operator reads, a line per gate and objection."""
    objections = list(verification.objections)
    for entry in verification.entries:
        name = entry.folder.name
        own = [each for each in objections if each.where == name]
        objections = [each for each in objections if each.where != name]
        told = "UNREADABLE"
        if not isinstance(entry.gate, str):
            verdict = VERDICT_WORDS[entry.gate.verdict]
            told = f"{verdict:16}  {moment(entry.gate.finished_at)}"
        state = "holds" if all(each.level == "changed" for each in own) else "DOES NOT HOLD"
        yield f"{name:24} {told}  {state}"
        yield from (f"    {each.sentence}" for each in own)
    yield from (f"{each.where}: {each.sentence}" for each in objections)
    last = verification.entries[-1].folder.name
    yield f"{last} has SHA-256 {verification.sha256}; keep it in the change ticket"


def _order(entries: list[Entry], gates: tuple[EarlierGate, ...], plan: Plan) -> Iterator[Objection]:
    waived = {
        entry.folder.name
        for entry in entries
        if entry.whole
        for check in entry.whole.checks
        if check.id == ORDER and check.outcome is Outcome.WAIVED
    }
    for number, gate in enumerate(gates):
        if not gate.opened or gate.folder in waived:
            continue
        for refusal in sequence.refusals(
            gates[:number], gate.phase, gate.identity, gate.started_at, plan.journal.max_age
        ):
            yield Objection(
                "broken", gate.folder, f"opened, although gate {refusal.phase} {refusal.sentence}"
            )


def _of_another_upgrade(
    gates: tuple[EarlierGate, ...], plan: Plan, digests: Digests
) -> Iterator[Objection]:
    last = gates[-1]
    theirs = (last.identity.name, last.identity.mode)
    if theirs != (plan.name, plan.mode):
        yield Objection(
            "broken",
            last.folder,
            f"belongs to the {theirs[1]} upgrade {theirs[0]}, not to the {plan.mode} upgrade "
            f"{plan.name} of the plan",
        )
    # A gate that could not read the address belongs to no other one.
    known = next((gate for gate in reversed(gates) if gate.digests.environment), None)
    if not digests.environment:
        yield Objection(
            "changed", "the database", "its address cannot be read now; correct the configuration"
        )
    elif known and known.digests.environment != digests.environment:
        yield Objection("broken", known.folder, "was run for another database than the plan's")


def _changed(last: EarlierGate, plan: Plan, digests: Digests, now: datetime) -> Iterator[Objection]:
    for what, before, after in (
        ("the plan", last.digests.plan, digests.plan),
        (f"waivers {plan.waivers}", last.digests.waivers, digests.waivers),
        (
            f"acknowledgements {plan.notes.acknowledgements if plan.notes else ''}",
            last.digests.acknowledgements,
            digests.acknowledgements,
        ),
    ):
        if before != after:
            yield Objection("changed", what, f"changed since {last.folder}")
    if last.phase != "post" and now - last.finished_at > plan.journal.max_age:
        allowed = duration(plan.journal.max_age.total_seconds())
        yield Objection(
            "changed",
            last.folder,
            f"is older than the {allowed} that the plan allows: the next gate will refuse it",
        )
