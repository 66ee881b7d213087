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
_FIRST_ROLLING = 8  # Ocata: heat/doc/source/operating_guides/upgrades_guide.rst, rolling upgrades
_LAST_BELIEVED = 99  # 2062.2; what is higher is a year or a slip of the pen
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

_DATED = re.compile(r"20\d\d\.[12]")
_DISTRIBUTION = re.compile(r"(?:\d+:)?(?P<upstream>[^-]+)(?:-(?P<revision>.*))?")
# Both leave no doubt that something older than the release was packaged: Debian's tilde sorts
# before nothing, and Fedora's guidelines give what precedes a release the revision 0.N.
_SNAPSHOT = re.compile(r"(?P<release>[\d.]+)~(?:git|snap).*")
_RPM_PRERELEASE = re.compile(r"0\.\d+\.(?:0\.?)?(?P<stage>(?:a|b|rc)\d+)\b.*")
_RPM_SNAPSHOT = re.compile(r"0\.\d{8,14}\..*")


class Stage(StrEnum):
    """How far a version had come when it was made."""

    RELEASE = "a release"
    CANDIDATE = "a release candidate"
    MILESTONE = "a milestone, before the release candidates"
    DEVELOPMENT = "a development version"


@dataclass(frozen=True)
class HeatRelease:
    """One upstream version of Heat, without what a distribution adds to it, and its series."""

    version: Version

    @property
    def major(self) -> int:
        """The major version of its series' releases.

        Once stable/2026.1 is made of 26.0, what is built of master is 26.1.0.devN until 27.0.0:
        openstack/project-config, release-tools/add_release_note_page.sh ("Sem-Ver: feature").
        """
        version = self.version
        of_master = version.is_devrelease and version.pre is None
        of_master = of_master and version.minor > 0 and version.micro == 0
        return version.major + 1 if of_master else version.major

    @property
    def series(self) -> str:
        """The series' name, such as `zed` or `2026.1`."""
        return series_of(self.major)

    @property
    def slurp(self) -> bool:
        """Whether skip-level upgrades may begin and end here."""
        return self.major >= _FIRST_DATED and (self.major - _FIRST_DATED) % 2 == 0

    @property
    def stage(self) -> Stage:
        """What kind of version it is; a commit after a milestone is a development version."""
        if self.version.is_devrelease:
            return Stage.DEVELOPMENT
        if self.version.pre is None:
            return Stage.RELEASE
        return Stage.CANDIDATE if self.version.pre[0] == "rc" else Stage.MILESTONE

    def __str__(self) -> str:
        return f"{self.version} ({self.series})"


def series_of(major: int) -> str:
    """The name of the series with this major version of Heat, `FIRST_KNOWN` or later."""
    if major < _FIRST_DATED:
        return _NAMED[major - FIRST_KNOWN]
    year, half = divmod(major - _FIRST_DATED, 2)
    return f"{2023 + year}.{half + 1}"


def parse(text: str) -> HeatRelease:
    """Read an upstream version (`26.0.2`) or a package's (`1:24.0.0~rc1-0ubuntu1~cloud0`).

    :raises UsageError: it is no version of Heat that this tool knows.
    """
    text = text.strip()
    if _DATED.fullmatch(text) or text.lower() in _NAMED:
        raise UsageError(f"{text} is a series; write the version of Heat in it, such as 26.0.2")
    try:
        version = Version(_upstream(text))
    except InvalidVersion:
        raise UsageError(f"{text!r} is not a version of Heat; write it like 26.0.2") from None
    if version.major > _LAST_BELIEVED:
        raise UsageError(f"{text} is no version that Heat has reached; write it like 26.0.2")
    if version.major < FIRST_KNOWN:
        rolling = (
            f"; a rolling upgrade begins at Ocata ({_FIRST_ROLLING}.0.0) at the earliest"
            if version.major < _FIRST_ROLLING
            else ""
        )
        raise UsageError(
            f"Heat {text} is older than Rocky ({FIRST_KNOWN}.0.0), the oldest release known here"
            f"{rolling}"
        )
    return HeatRelease(Version(version.public))


def _upstream(text: str) -> str:
    """The version in upstream's spelling that a package's version stands for."""
    match = _DISTRIBUTION.fullmatch(text)
    if match is None:
        return text
    upstream, revision = match["upstream"], match["revision"] or ""
    if snapshot := _SNAPSHOT.fullmatch(upstream):
        return f"{snapshot['release']}.dev0"
    if before := _RPM_PRERELEASE.fullmatch(revision):
        return upstream + before["stage"]
    if _RPM_SNAPSHOT.fullmatch(revision):
        return f"{upstream}.dev0"
    return upstream.replace("~", "")


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
    # A later point release can have a higher version than what is built for the next series.
    if (target.major, target.version) < (current.major, current.version):
        return Hop.DOWNGRADE
    if target.version == current.version:
        return Hop.SAME
    distance = target.major - current.major
    if distance == 0:
        return Hop.POINT_RELEASE
    if distance == 1:
        return Hop.NEXT_SERIES
    if distance == 2 and current.slurp and target.slurp:
        return Hop.SKIP_LEVEL
    return Hop.SKIPPED_SERIES
