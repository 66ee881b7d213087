"""Heat's version numbers, the OpenStack series they belong to, and which hop between two is legal.

Heat's major version grows by one with each series: 11 is Rocky, 19 Zed, 20 is 2023.1. From 2023.1
on, the first series of a year is a SLURP ("skip level upgrade release process"): an operator may
go from one SLURP to the next. Source: openstack/releases, deliverables/*/heat.yaml and
data/series_status.yaml. Heat's own guide supports one series at a time only.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from packaging.version import InvalidVersion, Version

from heat_upgrade_checks.errors import UsageError

FIRST_KNOWN = 11
_NAMED = (
    "rocky",
    "stein",
    "train",
    "ussuri",
    "victoria",
    "wallaby",
    "xena",
    "yoga",
    "zed",
)
_FIRST_DATED = FIRST_KNOWN + len(_NAMED)
_DISTRIBUTION = re.compile(r"^(?:\d+:)?(?P<upstream>[^-]+)(?:-.*)?$")


@dataclass(frozen=True)
class HeatRelease:
    """One version of Heat and the series it belongs to."""

    version: Version

    @property
    def series(self) -> str:
        """The series' name, such as `zed` or `2026.1`."""
        major = self.version.major
        if major < _FIRST_DATED:
            return _NAMED[major - FIRST_KNOWN]
        year, half = divmod(major - _FIRST_DATED, 2)
        return f"{2023 + year}.{half + 1}"

    @property
    def slurp(self) -> bool:
        """Whether skip-level upgrades may begin and end here."""
        major = self.version.major
        return major >= _FIRST_DATED and (major - _FIRST_DATED) % 2 == 0

    def __str__(self) -> str:
        return f"{self.version} ({self.series})"


def parse(text: str) -> HeatRelease:
    """Read an upstream version (`26.0.2`) or a distribution's (`1:24.0.0-0ubuntu1`).

    :raises UsageError: it is no version of Heat that this tool knows.
    """
    match = _DISTRIBUTION.match(text.strip())
    try:
        version = Version(match["upstream"] if match else text)
    except InvalidVersion:
        raise UsageError(f"{text!r} is not a version of Heat; write it like 26.0.2") from None
    if version.major < FIRST_KNOWN:
        raise UsageError(
            f"Heat {text} is older than Rocky ({FIRST_KNOWN}.0.0), the oldest release known here"
        )
    return HeatRelease(version)


class Hop(StrEnum):
    """How two releases lie to each other."""

    NEXT_SERIES = "the next series"
    POINT_RELEASE = "a later point release of the same series"
    SKIP_LEVEL = "a skip-level hop from one SLURP series to the next"
    SKIPPED_SERIES = "more than one series ahead"
    SAME = "the same version"
    DOWNGRADE = "older than the current release"


def hop(current: HeatRelease, target: HeatRelease) -> Hop:
    """How `target` lies to `current`."""
    if target.version < current.version:
        return Hop.DOWNGRADE
    if target.version == current.version:
        return Hop.SAME
    distance = target.version.major - current.version.major
    if distance == 0:
        return Hop.POINT_RELEASE
    if distance == 1:
        return Hop.NEXT_SERIES
    if distance == 2 and current.slurp and target.slurp:
        return Hop.SKIP_LEVEL
    return Hop.SKIPPED_SERIES
