"""Checks of the schema, judged on real databases of Heat."""

from collections.abc import Callable
from typing import Any

from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.database import schema_state
from heat_upgrade_checks.evidence.database import state as database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.records.findings import Finding
from tests.judging import check_at, judge
from tests.lab import venvs
from tests.services.heat_databases import HeatDatabase

ALL = {
    check_at("schema.legacy-version", "pre"): {"database", "current_release"},
    check_at("schema.charset", "pre"): {"database", "schema_state", "target_release"},
    check_at("schema.not-half-migrated", "pre"): {"database", "schema_state", "target_release"},
    check_at("schema.grants", "pre"): {"database", "schema_state"},
    check_at("schema.no-long-transactions", "pre"): {"database", "schema_state"},
    check_at("schema.purge-backlog", "pre"): {"schema_state"},
}

HEADS = {19: (), 20: (), 25: ("c6214ca60943",), 26: ("97b2a986f922",)}


def name_of(heat: HeatDatabase) -> str:
    """The name of the database."""
    return heat.url.rpartition("/")[2].partition("?")[0]


def _target(release: int) -> Release:
    heads = HEADS[release]
    version, migrate = venvs.version(release), None if heads else 86
    return Release(version, "x", "/bin/python", "3.11.7", heads, migrate, "1.36", "1.9")


def judged(
    check: Callable[..., None], heat: HeatDatabase, *, phase: str = "pre", **of_plan: object
) -> Judgement:
    """The check on this database, before or after 26's db_sync."""
    site = heat.site(**of_plan)
    facts: dict[str, Callable[[], Any]] = {
        "database": lambda: database.observe(site),
        "schema_state": lambda: schema_state.observe(site),
        "current_release": lambda: _target(20),
        "target_release": lambda: _target(26),
    }
    return judge(check, phase, **{name: facts[name]() for name in ALL[check]})


def green(check: Callable[..., None], heat: HeatDatabase, **of_plan: Any) -> None:
    """The check finds nothing and knows everything."""
    gate = judged(check, heat, **of_plan)
    assert (gate.findings, gate.unknowns) == ([], [])


def red(check: Callable[..., None], heat: HeatDatabase, **of_plan: Any) -> Finding:
    """The one thing that the check finds."""
    gate = judged(check, heat, **of_plan)
    (finding,) = gate.findings
    assert gate.unknowns == []
    return finding
