"""Code of a release, and what is said of it."""

from typing import Any

from heat_upgrade_checks.evidence.code.installation import Installation
from heat_upgrade_checks.gates.judgement import Judgement

PYTHON = "/opt/heat-2026.1/bin/python"


def levels(gate: Judgement) -> list[tuple[str, str, str]]:
    """What is found: level, object and sentence."""
    return [(finding.level, finding.object, finding.summary) for finding in gate.findings]


def an_installation(**changes: Any) -> Installation:
    """An installation of 26.0.2 that is whole, with changes."""
    made: dict[str, Any] = {
        "interpreter": PYTHON,
        "python": "3.11.7",
        "version": "26.0.2",
        "package": True,
        "requires_python": ">=3.10",
        "unmet": (),
        "lost": (),
    }
    return Installation(**(made | changes))
