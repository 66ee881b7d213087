from packaging.version import Version

from heat_upgrade_checks.evidence.code.libraries import Libraries
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat import releases
from heat_upgrade_checks.heat.series_libraries import (
    CHANGES,
    LIBRARIES,
    SERIES,
    TLS_OPTIONS_GONE,
)

_CORE = {"oslo.messaging", "oslo.db", "oslo.service", "oslo.config", "oslo.policy"}


@check("code.constraints", phases=["installed"], guide="cold 2-4, rolling 1")
def check_libraries_are_of_the_series(target_libraries: Libraries, gate: Judgement) -> None:
    """The oslo libraries are those of the target's series."""
    facts = target_libraries
    gate.looked_at(facts.extent)
    if not facts.heat:
        gate.cannot_tell(f"{facts.interpreter} has no openstack-heat; install the target release")
        return
    release = releases.parse(facts.heat)
    major = release.major
    if major not in SERIES:
        gate.not_applicable(
            f"the libraries of {release.series} are not known to this version of the tool"
        )
    if not facts.versions:
        gate.cannot_tell(
            f"{facts.interpreter} has no oslo library; install the target release anew"
        )
        return
    for name, series in LIBRARIES.items():
        if name in facts.versions:
            _library(name, facts, series, major, gate)
        else:
            gate.cannot_tell(
                f"{facts.interpreter} has no {name}, which Heat needs; install it with the "
                f"upper-constraints of {release.series}"
            )


def _library(
    name: str, facts: Libraries, series: dict[int, tuple[int, int]], major: int, gate: Judgement
) -> None:
    version = Version(facts.versions[name])
    installed, own = (version.major, version.minor), series[major]
    if installed == own:
        return
    summary = f"is {version}; {_series(major)} has {own[0]}.{own[1]}"
    hint = f"Install {name} {own[0]}.{own[1]} with the upper-constraints of {_series(major)}."
    changes = "".join(
        f"; {change}"
        for since, change in CHANGES.get(name, {}).items()
        if min(installed, own) < since <= max(installed, own)
    )
    before = series.get(major - 1, own)
    after = series.get(major + 1, (own[0] + 1, 0))
    if name not in _CORE or before < installed < after:
        gate.note(name, summary)
    elif own < TLS_OPTIONS_GONE <= installed and changes and facts.old_tls_options:
        options = ", ".join(facts.old_tls_options)
        gate.block(
            name,
            f"{summary}; {options} would be ignored and RabbitMQ spoken to in plain text",
            hint=hint,
        )
    else:
        gate.warn(name, f"{summary}{changes}", hint=hint)


def _series(major: int) -> str:
    return releases.parse(f"{major}.0.0").series
