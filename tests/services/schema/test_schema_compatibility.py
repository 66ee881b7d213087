"""Models and migrations of real releases against schemas that their own db_sync made."""

from itertools import pairwise
from pathlib import Path

import pytest

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.code import migration_files as migrations
from heat_upgrade_checks.evidence.code import models
from heat_upgrade_checks.evidence.database import live_schema
from heat_upgrade_checks.evidence.database.live_schema import LiveSchema
from heat_upgrade_checks.schema.comparison import Difference, differences
from tests.judging import check_at, judge
from tests.lab.venvs import RELEASES, interpreter
from tests.services.heat_databases import HeatDatabase
from tests.services.mariadb import MariaDB
from tests.services.schema.compatibilities import SERVERS, Make, expand_only, site_of


def _differences(release: int, heat: HeatDatabase, live: LiveSchema) -> tuple[Difference, ...]:
    facts = models.observe_current(site_of(heat, current=interpreter(release)))
    return differences(facts.tables, live.tables, live.dialect)


EXPAND = {
    ("referred", "resource_snapshot"),
    ("extra-column", "snapshot.action"),
    ("extra-column", "sync_point.extra_data"),
}


def _after(release: int, heat: HeatDatabase) -> None:
    """Both this release and the one before it know the schema that this release has made."""
    live = live_schema.observe(site_of(heat))
    assert _differences(release, heat, live) == ()
    if release > RELEASES[0]:
        older = _differences(release - 1, heat, live)
        found = {(each.kind, each.object) for each in older}
        assert found == (EXPAND if release == 26 else set())


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("kind", SERVERS)
def test_a_release_knows_the_schema_that_it_makes(make: Make, kind: str, release: int) -> None:
    heat = make(kind)
    heat.db_sync(release)
    _after(release, heat)


@pytest.mark.parametrize("kind", ["mariadb", pytest.param("postgresql", marks=pytest.mark.nightly)])
def test_a_database_that_has_seen_every_release(make: Make, kind: str) -> None:
    heat = make(kind)
    heat.db_sync(RELEASES[0])
    for current, target in pairwise(RELEASES):
        gate = expand_only(heat, interpreter(target))
        assert gate.unknowns == []
        said = [(each.level, each.object) for each in gate.findings]
        notes = [("note", "resource_snapshot"), ("note", "snapshot")]
        assert said == (notes if (current, target) == (25, 26) else [])
        heat.db_sync(target)
        _after(target, heat)


@pytest.mark.parametrize("release", [25, 26])
def test_sqlite(tmp_path: Path, release: int) -> None:
    heat = HeatDatabase(f"sqlite:///{tmp_path}/heat.sqlite", tmp_path)
    heat.db_sync(release)
    live = live_schema.observe(site_of(heat))
    assert _differences(release, heat, live) == ()


@pytest.mark.parametrize("kind", SERVERS)
def test_a_target_whose_db_sync_did_not_run(make: Make, kind: str) -> None:
    heat = make(kind)
    heat.db_sync(25)
    site = site_of(heat, target=interpreter(26))

    def found() -> set[tuple[str, str]]:
        gate = judge(
            check_at("schema.serves-target", "synced"),
            "synced",
            target_models=models.observe_target(site),
            live_schema=live_schema.observe(site),
        )
        return {(each.level, each.object) for each in gate.findings}

    assert found() == {
        ("blocker", "resource_snapshot"),
        ("blocker", "snapshot.action"),
        ("blocker", "sync_point.extra_data"),
    }
    heat.db_sync(26)
    assert found() == set()


def test_a_release_without_an_interpreter(make: Make) -> None:
    site = site_of(make("mariadb"))
    with pytest.raises(Unobserved, match=r"add current\.python to the plan"):
        models.observe_current(site)
    with pytest.raises(Unobserved, match=r"add target\.python to the plan"):
        models.observe_target(site)
    assert migrations.observe(site).interpreter == ""
    with pytest.raises(NotConfigured, match="cold upgrade"):
        models.observe_current(site_of(make("mariadb"), mode="cold"))


def test_only_reading_statements_reach_the_server(make: Make, mariadb: MariaDB) -> None:
    heat = make("mariadb")
    heat.db_sync(26)
    site = site_of(heat)
    with mariadb.verbs() as verbs:
        live_schema.observe(site)
    assert "SHOW" in verbs
    assert verbs <= {"SELECT", "SHOW", "DESCRIBE", "SET", "COMMIT", "ROLLBACK"}
