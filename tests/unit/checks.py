"""Calls one check on given evidence, as the plugin would."""

import importlib.util
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from heat_upgrade_checks.gates import catalogue
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.plan import Plan

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def module(name: str) -> ModuleType:
    """A file of checks, such as `check_broker`."""
    spec = importlib.util.spec_from_file_location(name, catalogue.checks_folder() / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def plan(**changes: Any) -> Plan:
    """A rolling upgrade from 25.0.2 to 26.0.2, with sections replaced."""
    smallest = {
        "name": "unit",
        "mode": "rolling",
        "current": {"version": "25.0.2"},
        "target": {"version": "26.0.2"},
        "backup": {"path": "/b/*.sql"},
    }
    return Plan.model_validate(smallest | changes)


def judge(
    check: Callable[..., None],
    phase: str,
    *,
    host: str = "",
    of: Plan | None = None,
    **facts: Any,
) -> Judgement:
    """What the check says about these facts; it must state what it looked at."""
    gate = Judgement(of or plan(), phase, host, NOW)
    check(**facts, gate=gate)
    assert gate.extent
    return gate
