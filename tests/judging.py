"""Calls one check on given evidence, as the plugin would."""

import inspect
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.gates import catalogue
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.own_commands import CalledWith
from heat_upgrade_checks.gates.question import Question
from heat_upgrade_checks.gates.registry import MARK
from heat_upgrade_checks.phases import PHASES
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.records.findings import Outcome, outcome_of
from heat_upgrade_checks.records.gate import NOTHING
from tests import showing

# As in a wheel, whose checks are inside the package. Last, so that nothing else is found there.
sys.path.append(str(catalogue.checks_folder().parent))

CALLED_WITH = CalledWith(Path("/etc/heat-upgrade.yaml"), Path("/srv/reports"))

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def name_of(id: str) -> str:
    """The name by which pytest imports the file of a check."""
    return f"checks.{id.replace('-', '_')}"


def file(id: str) -> ModuleType:
    """The file of a check."""
    return import_module(name_of(id))


def check_at(id: str, phase: str) -> Callable[..., None]:
    """The function that judges this check in this phase."""
    (found,) = [
        each
        for each in vars(file(id)).values()
        for mark in getattr(each, "pytestmark", ())
        if mark.name == MARK and mark.args[0].id == id and phase in mark.args[0].phases
    ]
    function: Callable[..., None] = found
    return function


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


def hand(
    of: Plan, phase: str, host: str = "", id: str = "unit.test", at: datetime = NOW
) -> Judgement:
    """What a check holds while it judges `at` that moment."""
    return Judgement(Question(of, phase, host, (), at, (), NOTHING, CALLED_WITH), id, at)


def judge(
    check: Callable[..., None],
    phase: str,
    *,
    host: str = "",
    of: Plan | None = None,
    at: datetime = NOW,
    **facts: Any,
) -> Judgement:
    """What the check says about these facts `at` that moment.

    It must state what it looked at. The configurations are as the plan says, where none are given.
    """
    gate = hand(
        of or plan(mode=PHASES[phase].modes[0]),
        phase,
        host or ("some-host" if phase == "engine" else ""),
        id=_id(check),
        at=at,
    )
    asked = inspect.signature(check).parameters
    told = {name: it for name, it in _configurations(gate.plan).items() if name in asked}
    check(**told | facts, gate=gate)
    assert gate.extent
    said = outcome_of(gate.findings)
    unsure = gate.unknowns and said is not Outcome.FAILED
    showing.see(gate.id, Outcome.ERROR if unsure else said)
    return gate


def _configurations(of: Plan) -> dict[str, Configuration]:
    """Both configurations, on one vhost where the plan says that they share it."""
    new = "heat-n" if of.broker.isolation == "shared" else "heat-n1"
    return {
        f"{side}_configuration": Configuration(
            (f"/etc/{side}.conf",), host, ("rabbit:5672",), vhost, host_is_set=True
        )
        for side, host, vhost in (("current", "control1", "heat-n"), ("target", "control2", new))
    }


def _id(check: Callable[..., None]) -> str:
    (id,) = [mark.args[0].id for mark in getattr(check, "pytestmark", ()) if mark.name == MARK]
    return str(id)
