from heat_upgrade_checks.evidence.code.release import Release
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
