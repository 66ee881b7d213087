"""The judgement on a pair of releases and its notes."""

from dataclasses import replace
from typing import Any

import pytest

from heat_upgrade_checks.evidence.notes.facts import Acknowledgement, Note, ReleaseNotes
from tests.judging import check_at, judge, plan
from tests.unit.checks.judged import a_release, sentences

# --- release.path


@pytest.mark.parametrize(
    ("current", "target", "changes", "expected"),
    [
        ("25.0.2", "26.0.2", {}, []),
        ("25.0.1", "25.0.2", {}, []),
        ("24.1.2", "26.0.2", {}, ["blocker 24.1.2 (2025.1) to 26.0.2 (2026.1): skips a series"]),
        (
            "24.1.2",
            "26.0.2",
            {"allow_skip_level": True},
            [
                "warning 24.1.2 (2025.1) to 26.0.2 (2026.1): skips a series; "
                "Heat's guide supports one series at a time"
            ],
        ),
        (
            "25.0.2",
            "27.0.1",
            {"allow_skip_level": True},
            [
                "blocker 25.0.2 (2025.2) to 27.0.1 (2026.2): "
                "the target is more than one series ahead"
            ],
        ),
        (
            "25.0.2",
            "25.0.2",
            {},
            ["blocker 25.0.2 (2025.2) to 25.0.2 (2025.2): both sides have the same version"],
        ),
        (
            "26.0.2",
            "25.0.2",
            {},
            [
                "blocker 26.0.2 (2026.1) to 25.0.2 (2025.2): "
                "the target is older than the current release"
            ],
        ),
        (
            "25.0.2",
            "26.0.0.0rc1",
            {},
            ["warning 26.0.0.0rc1 (2026.1): the target is a pre-release"],
        ),
    ],
)
def test_release_path(
    current: str, target: str, changes: dict[str, Any], expected: list[str]
) -> None:
    gate = judge(
        check_at("release.path", "pre"),
        "pre",
        of=plan(**changes),
        current_release=a_release(current),
        target_release=a_release(target),
    )
    assert sentences(gate) == expected


# --- release.notes-acknowledged


def test_notes() -> None:
    notes = (
        Note("a.yaml", "1", {"upgrade": ("x",)}),
        Note("b.yaml", "2", {"security": ("x",)}),
        Note("c.yaml", "3", {"issues": ("x",)}),
        Note("d.yaml", "4", {"fixes": ("x",)}),
    )
    signed = Acknowledgement("a.yaml", "1", "me", "2026-11-22", "", ())
    entries = (
        signed,
        replace(signed, name="b.yaml", sha256="other"),
        replace(signed, name="c.yaml", sha256="3", at=" "),
        replace(signed, name="gone.yaml"),
    )
    facts = ReleaseNotes("25", "26", notes, "/notes.yaml", entries)
    gate = judge(check_at("release.notes-acknowledged", "pre"), "pre", release_notes=facts)
    assert sentences(gate) == [
        "blocker b.yaml: changed since it was acknowledged",
        "blocker c.yaml: is not acknowledged (issues)",
        "warning gone.yaml: is acknowledged, but no note between the two releases has this name",
        "note a.yaml: acknowledged by me at 2026-11-22",
        "note d.yaml: needs no acknowledgement (fixes)",
    ]
