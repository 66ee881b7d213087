"""Versions, series and hops."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.heat import series_changes
from heat_upgrade_checks.heat.releases import Hop, Stage, hop, parse
from tests.judging import check_at, judge, plan


@pytest.mark.parametrize(
    ("version", "series", "slurp"),
    [
        ("11.0.0", "rocky", False),
        ("12.0.0", "stein", False),
        ("18.0.1", "yoga", False),
        ("19.0.2", "zed", False),
        ("20.0.1", "2023.1", True),
        ("21.0.1", "2023.2", False),
        ("25.0.2", "2025.2", False),
        ("26.0.2", "2026.1", True),
        ("27.0.0", "2026.2", False),
        ("28.0.0", "2027.1", True),
        ("31.0.0", "2028.2", False),
        # Built of master after 26's stable branch was made, and of that branch.
        ("26.1.0.dev40", "2026.2", False),
        ("1:25.1.0~git2026011309.8f9bd3e5-0ubuntu1", "2026.1", True),
        ("26.0.1.dev3", "2026.1", True),
        ("27.0.0.0b2.dev5", "2026.2", False),
        ("24.1.0", "2025.1", True),
        ("24.1.1.dev2", "2025.1", True),
    ],
)
def test_a_version_belongs_to_its_series(version: str, series: str, slurp: bool) -> None:
    release = parse(version)
    assert (release.series, release.slurp) == (series, slurp)


@given(st.integers(20, 98))
def test_every_second_series_is_a_slurp(major: int) -> None:
    one, next = parse(f"{major}.0.0"), parse(f"{major + 1}.0.0")
    assert one.slurp is not next.slurp
    assert one.slurp is one.series.endswith(".1")
    assert one.series < next.series


@pytest.mark.parametrize(
    ("package", "version", "stage"),
    [
        ("24.0.0", "24.0.0", Stage.RELEASE),
        ("1:24.0.0-0ubuntu1", "24.0.0", Stage.RELEASE),
        ("1:24.0.0-0ubuntu1~cloud0", "24.0.0", Stage.RELEASE),
        ("24.0.1-1~bpo12+1", "24.0.1", Stage.RELEASE),
        ("24.0.0-0.1", "24.0.0", Stage.RELEASE),
        ("24.0.0+dfsg1-2", "24.0.0", Stage.RELEASE),
        ("26.0.2+site.4", "26.0.2", Stage.RELEASE),
        ("24.0.0-1.el9", "24.0.0", Stage.RELEASE),
        ("1:24.0.0-1.el9s", "24.0.0", Stage.RELEASE),
        ("24.0.0~rc1", "24.0.0rc1", Stage.CANDIDATE),
        ("1:24.0.0~rc1-0ubuntu1~cloud0", "24.0.0rc1", Stage.CANDIDATE),
        ("24.0.0.0rc1", "24.0.0.0rc1", Stage.CANDIDATE),
        ("24.0.0-0.1.0rc1.el9", "24.0.0rc1", Stage.CANDIDATE),
        ("26.0.0.0b1", "26.0.0.0b1", Stage.MILESTONE),
        ("1:24.0.0~b1-0ubuntu1", "24.0.0b1", Stage.MILESTONE),
        ("27.0.0.0b2.dev5", "27.0.0.0b2.dev5", Stage.DEVELOPMENT),
        ("26.0.3.dev4", "26.0.3.dev4", Stage.DEVELOPMENT),
        ("1:24.0.0~git2025011309.8f9bd3e5-0ubuntu1", "24.0.0.dev0", Stage.DEVELOPMENT),
        ("24.0.0-0.20250301123456.abc123d.el9", "24.0.0.dev0", Stage.DEVELOPMENT),
    ],
)
def test_packages_are_taken_for_the_upstream_version_in_them(
    package: str, version: str, stage: Stage
) -> None:
    release = parse(package)
    assert (str(release.version), release.stage) == (version, stage)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is not a version of Heat"),
        ("pike", "'pike' is not a version of Heat"),
        ("25.x", "is not a version of Heat"),
        ("26..2", "is not a version of Heat"),
        ("1:-1", "is not a version of Heat"),
        ("2026.1", "2026.1 is a series; write the version of Heat in it"),
        ("Zed", "Zed is a series"),
        ("2015.1.0", "no version that Heat has reached"),
        ("10.0.0", r"Heat 10.0.0 is older than Rocky \(11.0.0\), the oldest release known here$"),
        ("7.0.0", r"older than Rocky .*; a rolling upgrade begins at Ocata \(8.0.0\)"),
    ],
)
def test_what_is_no_known_version_is_refused_in_one_sentence(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        parse(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("current", "target", "expected"),
    [
        ("25.0.2", "26.0.2", Hop.NEXT_SERIES),
        ("19.0.2", "20.0.1", Hop.NEXT_SERIES),
        ("1:25.0.2-0ubuntu1", "26.0.2-1.el9", Hop.NEXT_SERIES),
        ("25.0.2", "26.0.0.0rc1", Hop.NEXT_SERIES),
        ("25.0.0", "25.0.2", Hop.POINT_RELEASE),
        ("26.0.0.0rc1", "26.0.0", Hop.POINT_RELEASE),
        ("26.0.0.0b2.dev5", "26.0.0.0rc1", Hop.POINT_RELEASE),
        ("25.0.2", "25.0.2", Hop.SAME),
        ("25.0.2", "1:25.0.2-0ubuntu1", Hop.SAME),
        ("25.0.2+dfsg1", "25.0.2", Hop.SAME),
        ("25.0.2", "25.0.1", Hop.DOWNGRADE),
        ("26.0.0", "26.0.0~rc1", Hop.DOWNGRADE),
        ("26.0.2", "25.0.2", Hop.DOWNGRADE),
        ("24.1.2", "26.0.2", Hop.SKIP_LEVEL),
        ("26.0.2", "28.0.0", Hop.SKIP_LEVEL),
        ("26.0.2", "26.1.0.dev40", Hop.NEXT_SERIES),
        ("26.1.0.dev40", "27.0.0", Hop.POINT_RELEASE),
        ("26.1.0.dev40", "26.1.1", Hop.DOWNGRADE),
        ("25.0.2", "26.1.0.dev40", Hop.SKIPPED_SERIES),
        ("24.1.2", "25.1.0.dev7", Hop.SKIP_LEVEL),
        ("25.0.2", "27.0.1", Hop.SKIPPED_SERIES),
        ("24.1.2", "27.0.1", Hop.SKIPPED_SERIES),
        ("24.1.2", "28.0.0", Hop.SKIPPED_SERIES),
        ("18.0.0", "20.0.1", Hop.SKIPPED_SERIES),
    ],
)
def test_how_two_releases_lie_to_each_other(current: str, target: str, expected: Hop) -> None:
    assert hop(parse(current), parse(target)) is expected


# --- release.path


def path(current: str, target: str, **changes: Any) -> Judgement:
    made = Release("", "", "/heat/bin/python", "3.11.7", (), None, "1.36", "1.4")
    return judge(
        check_at("release.path", "pre"),
        "pre",
        of=plan(**changes),
        current_release=replace(made, version=current),
        target_release=replace(made, version=target),
    )


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("26.0.0.0rc1", "warning: the target is a pre-release"),
        ("26.0.0.0b1", "warning: the target is a milestone, which precedes the pre-releases"),
        (
            "26.0.0.0b2.dev5",
            "warning: the target is a development version, which nobody released",
        ),
    ],
)
def test_what_was_not_released_is_a_warning_of_its_own(target: str, said: str) -> None:
    (finding,) = path("25.0.2", target).findings
    assert f"{finding.level}: {finding.summary}" == said
    assert finding.hint


def test_a_current_release_that_was_never_released_is_worth_a_line() -> None:
    (finding,) = path("25.0.0.0rc1", "26.0.2").findings
    assert (finding.level, finding.summary) == (
        "note",
        "the current release is a release candidate",
    )


def test_a_skip_level_hop_tells_what_both_series_bring() -> None:
    (finding,) = path("24.1.2", "26.0.2", allow_skip_level=True).findings
    assert finding.level == "warning"
    for words in ("2025.2: scripts heat-api,", "2026.1: migrations d2db381e3324", "1.4 to 1.9"):
        assert words in finding.hint
    assert {each["series"] for each in finding.data["brings"]} == {"2025.2", "2026.1"}
    assert all(each["source"] for each in finding.data["brings"])
    assert len(finding.hint) < 1000, "a page cuts what is longer"


def test_a_build_of_master_brings_what_its_series_does() -> None:
    (finding, _) = path("24.1.2", "25.1.0.dev7", allow_skip_level=True).findings
    assert {each["series"] for each in finding.data["brings"]} == {"2025.2", "2026.1"}


def test_series_that_are_not_known_yet_are_said_to_be() -> None:
    (finding,) = path("28.0.0", "30.0.0", allow_skip_level=True).findings
    assert "2027.2: not known to this version of the tool" in finding.hint


@pytest.mark.parametrize("major", range(20, 27, 2))
def test_every_skip_level_hop_until_now_is_known(major: int) -> None:
    between = list(series_changes.between(parse(f"{major}.0.0"), parse(f"{major + 2}.0.0")))
    known = [each.changes is not None for each in between]
    assert known == [True, major < 26]


def test_only_the_plan_allows_to_skip_and_only_between_slurps() -> None:
    (finding,) = path("24.1.2", "26.0.2").findings
    assert (finding.level, finding.summary) == ("blocker", "skips a series")
    assert "allow_skip_level: true" in finding.hint
    (finding,) = path("25.0.2", "27.0.1", allow_skip_level=True).findings
    assert finding.level == "blocker"
