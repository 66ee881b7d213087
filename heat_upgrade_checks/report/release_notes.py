"""The release notes of a gate, each with who answers for having read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heat_upgrade_checks.records.findings import Finding, Level
from heat_upgrade_checks.records.gate import Gate

CHECK = "release.notes-acknowledged"


@dataclass(frozen=True)
class NoteRow:
    """One note as the gate saw it; `state` says in words whether it is acknowledged."""

    name: str
    state: str
    sections: str
    by: str
    at: str
    remark: str
    touches: str
    sha256: str


def rows(gate: Gate) -> tuple[NoteRow, ...]:
    """Every note that the gate judged: those still open first, then in the check's order."""
    return tuple(
        _row(finding)
        for check in gate.checks
        if check.id == CHECK
        for finding in check.findings
        if is_row(finding)
    )


def is_row(finding: Finding) -> bool:
    """Whether a finding is about one note, not about the notes as a whole."""
    return {"sha256", "asks"} <= finding.data.keys()


def _row(finding: Finding) -> NoteRow:
    data = finding.data
    if finding.level is Level.BLOCKER:
        state = "open"
    else:
        state = "acknowledged" if data.get("by") else "for information"
    return NoteRow(
        name=finding.object,
        state=state,
        sections=_words(data, "sections"),
        by=_words(data, "by"),
        at=_words(data, "at"),
        remark=_words(data, "remark"),
        touches=_words(data, "touches"),
        sha256=_words(data, "sha256"),
    )


def _words(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key, "")
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
