"""Versions, series and hops."""

import pytest

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.releases import Hop, hop, parse


@pytest.mark.parametrize(
    ("version", "series", "slurp"),
    [
        ("11.0.0", "rocky", False),
        ("18.0.1", "yoga", False),
        ("19.0.2", "zed", False),
        ("20.0.1", "2023.1", True),
        ("21.0.1", "2023.2", False),
        ("25.0.2", "2025.2", False),
        ("26.0.2", "2026.1", True),
        ("28.0.0", "2027.1", True),
        ("1:24.0.0-0ubuntu1", "2025.1", True),
    ],
)
def test_a_version_belongs_to_its_series(version: str, series: str, slurp: bool) -> None:
    release = parse(version)
    assert (release.series, release.slurp) == (series, slurp)


@pytest.mark.parametrize("text", ["", "pike", "10.0.0", "25.x", "26..2"])
def test_what_is_no_known_version_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("current", "target", "expected"),
    [
        ("25.0.2", "26.0.2", Hop.NEXT_SERIES),
        ("19.0.2", "20.0.1", Hop.NEXT_SERIES),
        ("25.0.0", "25.0.2", Hop.POINT_RELEASE),
        ("25.0.2", "25.0.2", Hop.SAME),
        ("25.0.2", "25.0.1", Hop.DOWNGRADE),
        ("26.0.2", "25.0.2", Hop.DOWNGRADE),
        ("24.1.2", "26.0.2", Hop.SKIP_LEVEL),
        ("25.0.2", "27.0.1", Hop.SKIPPED_SERIES),
        ("24.1.2", "27.0.1", Hop.SKIPPED_SERIES),
        ("18.0.0", "20.0.1", Hop.SKIPPED_SERIES),
    ],
)
def test_how_two_releases_lie_to_each_other(current: str, target: str, expected: Hop) -> None:
    assert hop(parse(current), parse(target)) is expected
