"""Is this hop between releases supported, and has the operator read what changed?"""

from heat_upgrade_checks import check, releases
from heat_upgrade_checks.evidence.release import Release
from heat_upgrade_checks.evidence.release_note_facts import ReleaseNotes
from heat_upgrade_checks.judgement import Judgement
from heat_upgrade_checks.releases import Hop

_ONE_AT_A_TIME = "Plan one upgrade per series; Heat's guide supports one series at a time."


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
            gate.warn(
                what,
                "skips a series; Heat's guide supports one series at a time",
                hint="Read the release notes of the skipped series too.",
            )
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
    if target.version.is_prerelease:
        gate.warn(str(target), "the target is a pre-release", hint="Wait for the release.")


@check("release.notes-acknowledged", phases=["pre"], guide="plan to upgrade")
def check_notes_are_acknowledged(release_notes: ReleaseNotes, gate: Judgement) -> None:
    """Every note that asks something of an operator was read and acknowledged."""
    gate.looked_at(release_notes.extent)
    acknowledged = {entry.name: entry for entry in release_notes.acknowledgements}
    for note in release_notes.notes:
        if not note.must_be_acknowledged:
            continue
        sections = ", ".join(note.must_be_acknowledged)
        entry = acknowledged.get(note.name)
        if entry is not None and entry.sha256 != note.sha256:
            summary = "changed since it was acknowledged"
        elif entry is None or not entry.is_signed:
            summary = f"is not acknowledged ({sections})"
        else:
            continue
        gate.block(
            note.name,
            summary,
            hint=f"Read it, then fill in `by` and `at` in {release_notes.file}.",
            commands=[["heat-upgrade-check", "notes"]],
            data={"sections": list(note.must_be_acknowledged)},
        )
    for name in sorted(acknowledged.keys() - {note.name for note in release_notes.notes}):
        gate.warn(
            name,
            "is acknowledged, but no note between the two releases has this name",
            hint=f"Remove it from {release_notes.file}, or correct notes in the plan.",
        )
