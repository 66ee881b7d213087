"""Words and figures of the reports."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from heat_upgrade_checks import wording
from heat_upgrade_checks.records.findings import Finding, Level
from heat_upgrade_checks.records.gate import ReleaseName
from heat_upgrade_checks.report import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 ms"),
        (0.004, "4 ms"),
        (0.83, "0.8 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (57.2, "57 s"),
        (59.6, "1 min"),
        (185, "3 min 5 s"),
        (3599.7, "1 h"),
        (11100, "3 h 5 min"),
        (11159, "3 h 5 min"),
        (86400, "1 d"),
        (183600, "2 d 3 h"),
    ],
)
def test_durations_are_readable(seconds: float, said: str) -> None:
    assert wording.duration(seconds) == said


def test_moments_are_utc_whatever_their_zone() -> None:
    there = datetime(2026, 11, 22, 14, 44, 5, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert wording.moment(there) == "2026-11-22 09:14:05+00:00"
    assert wording.moment(there.astimezone(UTC)) == "2026-11-22 09:14:05+00:00"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain, ümlaut, 日本", "plain, ümlaut, 日本"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("nul\x00 esc\x1b cr\r c1\x9b", r"nul\u0000 esc\u001b cr\u000d c1\u009b"),
        ("gate\u202egpj.exe", r"gate\u202egpj.exe"),
        ("\u2066a\u2069\u200b\ufeff", r"\u2066a\u2069\u200b\ufeff"),
        ("lone \ud800, no character \uffff", r"lone \ud800, no character \uffff"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text: str, seen: str) -> None:
    assert wording.visible(text) == seen


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (ReleaseName("25.0.1", "2025.2"), "25.0.1 (2025.2)"),
        (ReleaseName("", "2025.2"), "2025.2"),
        (ReleaseName("25.0.1", ""), "25.0.1"),
        (ReleaseName("", ""), "not observed"),
    ],
)
def test_releases_are_named_as_far_as_observed(name: ReleaseName, said: str) -> None:
    assert words.release(name) == said


@pytest.mark.parametrize(
    ("length", "cap", "said"),
    [
        (20, 20, ""),
        (151, 20, "and 131 more; the full list is in gate.json"),
        (3, 0, "3 in all; the full list is in gate.json"),
        (0, 0, ""),
    ],
)
def test_a_cut_list_says_how_much_is_missing(length: int, cap: int, said: str) -> None:
    assert words.more(range(length), cap) == said


def test_neighbours_share_a_remedy_and_commands_are_quoted() -> None:
    command = ("openstack", "stack", "show", "it's $HOME; rm -rf /")
    first, second, third = (
        Finding(Level.BLOCKER, "a", "x", "Wait.", (command,)),
        Finding(Level.BLOCKER, "b", "y", "Wait.", (command,)),
        Finding(Level.BLOCKER, "c", "z"),
    )
    assert words.remedies([first, second, third, first]) == [
        words.Remedy(
            (first, second), "Wait.", ("""openstack stack show 'it'"'"'s $HOME; rm -rf /'""",)
        ),
        words.Remedy((third,), "", ()),
        words.Remedy((first,), "Wait.", ("""openstack stack show 'it'"'"'s $HOME; rm -rf /'""",)),
    ]
