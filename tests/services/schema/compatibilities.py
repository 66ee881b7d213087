"""Sites on databases of two kinds, for releases' models and migrations."""

from collections.abc import Callable
from pathlib import Path

from heat_upgrade_checks.evidence.code import migration_files as migrations
from heat_upgrade_checks.evidence.database import live_schema
from heat_upgrade_checks.evidence.database import state as database
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.plan import Plan
from tests.judging import check_at, judge
from tests.services.heat_databases import HeatDatabase

SERVERS = ("mariadb", "postgresql")
Make = Callable[[str], HeatDatabase]


def site_of(heat: HeatDatabase, *, mode: str = "rolling", **pythons: Path) -> Site:
    """A site on this database, with interpreters of releases for its sides."""
    plan = {
        "name": "schema",
        "mode": mode,
        "current": {"version": "25.0.2", "config": [str(heat.configuration())]},
        "target": {"version": "26.0.2"},
    }
    for side in ("current", "target"):
        if side in pythons:
            plan[side] = {"python": str(pythons[side]), "config": [str(heat.configuration())]}
    return Site(Plan.model_validate(plan), heat.folder)


def expand_only(heat: HeatDatabase, target: Path) -> Judgement:
    """schema.expand-only, judged on the target's migrations."""
    site = site_of(heat, target=target)
    facts = migrations.observe(site)
    return judge(
        check_at("schema.expand-only", "pre"),
        "installed",
        target_migrations=facts,
        database=database.observe(site),
        live_schema=live_schema.observe(site),
    )
