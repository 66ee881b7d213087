"""Is this hop between releases supported, and has the operator read what changed?"""

from typing import Any

from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.notes.facts import Acknowledgement, Note, ReleaseNotes
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat import releases, series_changes
from heat_upgrade_checks.heat.releases import HeatRelease, Hop, Stage

_ONE_AT_A_TIME = "Plan one upgrade per series; Heat's guide supports one series at a time."
_UNRELEASED = {
    Stage.CANDIDATE: "the target is a pre-release",
    Stage.MILESTONE: "the target is a milestone, which precedes the pre-releases",
    Stage.DEVELOPMENT: "the target is a development version, which nobody released",
}


@check("release.path", phases=["pre", "installed"], guide="plan to upgrade")
def check_release_path(current_release: Release, target_release: Release, gate: Judgement) -> None:
    """The target is the next series, or a later point release of the same one."""
    current = releases.parse(current_release.version)
    target = releases.parse(target_release.version)
    gate.looked_at(f"current {current_release.extent}; target {target_release.extent}")
    what = f"{current} to {target}"
    match releases.hop(current, target):
        case Hop.NEXT_SERIES | Hop.POINT_RELEASE:
            pass
        case Hop.SKIP_LEVEL if gate.plan.allow_skip_level:
            _warn_of_both_series(current, target, gate)
        case Hop.SKIP_LEVEL:
            gate.block(
                what,
                "skips a series",
                hint=f"{_ONE_AT_A_TIME} Or set allow_skip_level: true in the plan.",
            )
        case Hop.SKIPPED_SERIES:
            gate.block(what, "the target is more than one series ahead", hint=_ONE_AT_A_TIME)
        case Hop.SAME:
            gate.block(
                what,
                "both sides have the same version",
                hint="Correct current or target in the plan, or install the target release.",
            )
        case Hop.DOWNGRADE:
            gate.block(
                what,
                "the target is older than the current release",
                hint="Heat has no downgrade; restore the backup instead.",
            )
    if target.stage in _UNRELEASED:
        gate.warn(str(target), _UNRELEASED[target.stage], hint="Wait for the release.")
    if current.stage is not Stage.RELEASE:
        gate.note(str(current), f"the current release is {current.stage}")


def _warn_of_both_series(current: HeatRelease, target: HeatRelease, gate: Judgement) -> None:
    series = list(series_changes.between(current, target))
    gate.warn(
        f"{current} to {target}",
        "skips a series; Heat's guide supports one series at a time",
        hint="Read the release notes of the skipped series too, and prepare for what both bring at "
        f"once. {'. '.join(map(str, series))}.",
        data={
            "brings": [
                {"series": each.series, "what": change.what, "source": change.source}
                for each in series
                for change in each.changes or ()
            ]
        },
    )


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
    for sentence in release_notes.untold:
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
