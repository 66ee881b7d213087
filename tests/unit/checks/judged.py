"""What tests of several families of checks share."""

from dataclasses import replace
from typing import Any

from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.gates.judgement import Judgement


def sentences(gate: Judgement) -> list[str]:
    """What is found, a sentence each."""
    return [f"{f.level} {f.object}: {f.summary}" for f in gate.findings]


def a_release(version: str, **changes: Any) -> Release:
    """A release as its interpreter tells of it, with changes."""
    series = {"24": "2025.1", "25": "2025.2", "26": "2026.1"}.get(version[:2], "x")
    made = Release(version, series, f"/{version}/bin/python", "3.11.7", (), None, "1.36", "1.4")
    return replace(made, **changes)
