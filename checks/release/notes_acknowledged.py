from typing import Any

from heat_upgrade_checks.evidence.notes.facts import Acknowledgement, Note, ReleaseNotes
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check


@check("release.notes-acknowledged", phases=["pre"], guide="plan to upgrade")
def check_notes_are_acknowledged(release_notes: ReleaseNotes, gate: Judgement) -> None:
    """Every note that asks something of an operator was read and acknowledged."""
    gate.looked_at(release_notes.extent)
    entries = {entry.name: entry for entry in release_notes.acknowledgements}
    opened, settled = [], []
    for note in release_notes.in_order:
        entry = entries.get(note.name)
        if note.must_be_acknowledged and not (entry and entry.is_signature_of(note)):
            opened.append((note, entry))
        else:
            settled.append((note, entry))
    # What asks for something comes first wherever findings are cut short.
    for note, entry in opened:
        changed = entry is not None and entry.is_signed and entry.sha256 != note.sha256
        asks = ", ".join(note.must_be_acknowledged)
        gate.block(
            note.name,
            ("changed since it was acknowledged" if changed else f"is not acknowledged ({asks})")
            + _touching(note, release_notes),
            hint=f"Read it, then fill in `by` and `at` in {release_notes.file}.",
            commands=[["heat-upgrade-check", "notes"]],
            data=_record(note, None, release_notes),
        )
    for name in sorted(entries.keys() - {note.name for note in release_notes.notes}):
        gate.warn(
            name,
            "is acknowledged, but no note between the two releases has this name",
            hint=f"Remove it from {release_notes.file}, or correct notes in the plan.",
        )
    for name in release_notes.lost:
        gate.warn(
            name,
            f"is a note of {release_notes.current} that {release_notes.target} does not have, so "
            "the target may lack what it tells of",
            hint="Take a later point release of the target, or make sure that you can do without.",
        )
    for sentence in release_notes.incomplete:
        gate.note("what the notes touch", sentence)
    for note, entry in settled:
        gate.note(
            note.name,
            _settled(note, entry, release_notes),
            data=_record(note, entry, release_notes),
        )
    for name in release_notes.edited:
        gate.note(name, "is a note of both releases that reads differently in the target")


def _settled(note: Note, entry: Acknowledgement | None, release_notes: ReleaseNotes) -> str:
    if entry is None or not entry.is_signature_of(note):
        sections = ", ".join(name for name, texts in note.sections.items() if texts) or "empty"
        return f"needs no acknowledgement ({sections})" + _touching(note, release_notes)
    remark = f": {entry.remark}" if entry.remark else ""
    return f"acknowledged by {entry.by} at {entry.at}{remark}" + _touching(note, release_notes)


def _touching(note: Note, release_notes: ReleaseNotes) -> str:
    reasons = release_notes.touches.get(note.name, ())
    return f"; touches this deployment: {', '.join(reasons)}" if reasons else ""


def _record(
    note: Note, entry: Acknowledgement | None, release_notes: ReleaseNotes
) -> dict[str, Any]:
    """What the reports show of one note; `by` is empty while nobody has signed this very text."""
    return {
        "sha256": note.sha256,
        "sections": [name for name, texts in note.sections.items() if texts],
        "asks": list(note.must_be_acknowledged),
        "by": entry.by if entry else "",
        "at": entry.at if entry else "",
        "remark": entry.remark if entry else "",
        "touches": list(release_notes.touches.get(note.name, ())),
    }
