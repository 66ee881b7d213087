"""What a site has done to Heat's tables by itself, and what undoes it."""

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.evidence.code import models
from heat_upgrade_checks.evidence.database import live_schema
from heat_upgrade_checks.records.findings import Finding
from tests.judging import check_at, judge
from tests.lab.venvs import interpreter
from tests.services.heat_databases import HeatDatabase
from tests.services.schema.compatibilities import SERVERS, Make, site_of


def _found(heat: HeatDatabase, known: models.Models) -> list[Finding]:
    return judge(
        check_at("schema.serves-current", "synced"),
        "synced",
        current_models=known,
        live_schema=live_schema.observe(site_of(heat)),
    ).findings


@pytest.mark.parametrize("kind", SERVERS)
def test_what_a_site_added_is_dropped_by_what_the_finding_says(make: Make, kind: str) -> None:
    heat = make(kind)
    heat.db_sync(25)
    known = models.observe_current(site_of(heat, current=interpreter(25)))
    for added in (
        "CREATE UNIQUE INDEX one_name ON stack (name, tenant)",
        "ALTER TABLE service ADD CONSTRAINT one_host UNIQUE (host)",
        "ALTER TABLE stack ADD COLUMN cost INTEGER NOT NULL",
    ):
        heat.execute(added)
        (finding,) = _found(heat, known)
        assert finding.level == "blocker"
        assert finding.hint.startswith("If it is the site's own and no release's: ")
        heat.execute(finding.hint.partition(": ")[2].partition(". Otherwise")[0])
        assert _found(heat, known) == []


@pytest.mark.parametrize("kind", SERVERS)
def test_a_foreign_key_that_was_lost_is_put_back(make: Make, kind: str) -> None:
    heat = make(kind)
    heat.db_sync(25)
    known = models.observe_current(site_of(heat, current=interpreter(25)))
    url = sa.make_url(heat.url)
    engine = sa.create_engine(url.set(drivername=url.drivername.replace("psycopg2", "psycopg")))
    (lost,) = sa.inspect(engine).get_foreign_keys("resource_data")
    engine.dispose()
    drop = "FOREIGN KEY" if kind == "mariadb" else "CONSTRAINT"
    heat.execute(f"ALTER TABLE resource_data DROP {drop} {lost['name']}")
    (finding,) = _found(heat, known)
    assert (finding.level, finding.object) == ("warning", "resource_data.resource_id")
    assert "leave rows behind here" in finding.summary
    heat.execute(finding.hint.partition("put it back: ")[2])
    assert _found(heat, known) == []
