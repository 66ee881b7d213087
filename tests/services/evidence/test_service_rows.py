"""What rows of `service` tell of their engines, in databases of Heat."""

import time

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.database import state as database
from heat_upgrade_checks.evidence.stacks import leftovers, work_counts
from tests.services.heat_databases import HeatDatabase


@pytest.fixture(params=["on_mariadb", "on_postgresql", "on_sqlite"])
def heat(request: pytest.FixtureRequest) -> HeatDatabase:
    """A filled database of 26, in which one of two engines is silent for 300 s."""
    made: HeatDatabase = request.getfixturevalue(request.param)()
    made.db_sync(26)
    made.fill()
    return made


def _alive(heat: HeatDatabase) -> dict[str, bool]:
    return {row.engine_id: row.alive for row in database.observe(heat.site()).services}


def test_a_report_interval_that_nobody_set_tells_nothing(heat: HeatDatabase) -> None:
    # One that reports as it should is alive whatever it claims.
    heat.execute("UPDATE service SET report_interval = 1000000000 WHERE engine_id = 'live'")
    assert _alive(heat) == {"live": True, "silent": False}
    heat.execute("UPDATE service SET report_interval = 1000000000 WHERE engine_id = 'silent'")
    for source in (database, leftovers, work_counts):
        with pytest.raises(Unobserved, match=r"claims to report every 1000000000 s, but"):
            source.observe(heat.site())
    heat.execute("UPDATE service SET report_interval = 200 WHERE engine_id = 'silent'")
    with pytest.raises(Unobserved, match="engine silent on control2 is silent for"):
        _alive(heat)
    site = heat.site()
    conf = heat.folder / "heat.conf"
    conf.write_text(f"[DEFAULT]\nperiodic_interval = 200\n{conf.read_text('utf-8')}", "utf-8")
    assert all(row.alive for row in database.observe(site).services)


def test_a_row_without_a_time_is_no_dead_engine(heat: HeatDatabase) -> None:
    heat.execute("UPDATE service SET created_at = NULL WHERE engine_id = 'silent'")
    with pytest.raises(Unobserved, match="engine silent on control2 does not tell when it began"):
        _alive(heat)


def test_an_engine_that_released_its_work_and_ended_while_it_was_looked_at(
    heat: HeatDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    heat.execute("UPDATE stack SET status = 'COMPLETE' WHERE id = 'legacy'")
    heat.execute("UPDATE resource SET engine_id = NULL WHERE engine_id = 'silent'")

    def ends(_: float) -> None:
        heat.execute("UPDATE resource SET engine_id = NULL")
        heat.execute("DELETE FROM service WHERE engine_id = 'live'")

    monkeypatch.setattr(time, "sleep", ends)
    found = {stack.id: stack.holders for stack in database.observe(heat.site()).in_flight}
    assert found["root"] == found["nested"] == ()
