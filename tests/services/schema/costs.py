"""What the changes of a migration cost a real database."""

from typing import Any

import sqlalchemy as sa

from heat_upgrade_checks.evidence.code import migration_files as migrations
from heat_upgrade_checks.evidence.database import live_schema, table_sizes
from heat_upgrade_checks.evidence.database import state as database
from heat_upgrade_checks.evidence.gates.last_rehearsal import LastRehearsal
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.plan import Plan
from tests.judging import check_at, judge
from tests.lab.venvs import interpreter
from tests.services.heat_databases import HeatDatabase


def site_of(heat: HeatDatabase, **more: Any) -> Site:
    """A site on this database, which is to become 26."""
    conf = [str(heat.configuration())]
    plan = {
        "name": "cost",
        "mode": "rolling",
        "current": {"version": "25.0.2", "config": conf},
        "target": {"python": str(interpreter(26)), "config": conf},
    }
    return Site(Plan.model_validate(plan | more), heat.folder)


def judged(heat: HeatDatabase, **more: Any) -> Judgement:
    """schema.change-cost on what is observed now."""
    site = site_of(heat, **more)
    return judge(
        check_at("schema.change-cost", "pre"),
        "pre",
        of=site.plan,
        target_migrations=migrations.observe(site),
        database=database.observe(site),
        live_schema=live_schema.observe(site),
        table_sizes=table_sizes.observe(site),
        rehearsal=LastRehearsal(str(heat.folder), None),
    )


def execute(heat: HeatDatabase, *statements: str) -> None:
    """Run statements, committed together."""
    engine = sa.create_engine(heat.url.replace("psycopg2", "psycopg"))
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


_ROW = "INSERT INTO snapshot (id, stack_id, name, tenant, status, data) VALUES "


def fill_snapshots(heat: HeatDatabase, number: int) -> None:
    """A database of 25 with that many snapshots of 20 kB, and statistics that know of them."""
    heat.db_sync(25)
    heat.fill()
    rows = [
        f"('s{each}', 'rest', 's', 't', 'COMPLETE', '{'x' * 20_000}')" for each in range(number)
    ]
    analyze = "ANALYZE TABLE snapshot" if heat.url.startswith("mysql") else "ANALYZE"
    execute(heat, _ROW + ", ".join(rows), analyze)
