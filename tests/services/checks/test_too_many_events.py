"""Events that Heat did not purge, counted on real servers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.evidence.stacks import event_counts
from tests.judging import check_at, judge
from tests.services.heat_databases import HeatDatabase

CHECK = check_at("stacks.too-many-events", "pre")
_EVENT = "INSERT INTO event (stack_id, uuid, created_at) VALUES "


@pytest.fixture(params=["on_mariadb", "on_postgresql"])
def heat(request: pytest.FixtureRequest) -> HeatDatabase:
    """A filled database of release 25 whose Heat is to keep five events of a stack."""
    make: Callable[[], HeatDatabase] = request.getfixturevalue(request.param)
    made = make()
    made.db_sync(25)
    made.fill()
    return made


def _observe(heat: HeatDatabase, **database: object) -> event_counts.EventCounts:
    site = heat.site(**database)
    with heat.configuration().open("a", encoding="utf-8") as conf:
        conf.write("[DEFAULT]\nmax_events_per_stack = 5\n")
    return event_counts.observe(site)


@contextmanager
def _session(heat: HeatDatabase) -> Iterator[sa.Connection]:
    engine = sa.create_engine(heat.url.replace("psycopg2", "psycopg"))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def _write(heat: HeatDatabase, stack: str, number: int) -> None:
    rows = ", ".join(f"('{stack}', '{stack}-{n}', '2026-11-22 12:00:00')" for n in range(number))
    with _session(heat) as connection:
        connection.exec_driver_sql(_EVENT + rows)


def test_a_live_stack_whose_events_are_not_purged(heat: HeatDatabase) -> None:
    _write(heat, "rest", 10)
    assert judge(CHECK, "pre", event_counts=_observe(heat)).findings == []
    _write(heat, "root", 11)
    (finding,) = judge(CHECK, "pre", event_counts=_observe(heat)).findings
    assert finding.level == "warning"
    assert finding.object.startswith("stack stack-root (root), project ")
    assert finding.data["events"] >= 11


def test_a_count_that_the_server_ends_is_not_one(heat: HeatDatabase) -> None:
    mysql = heat.url.startswith("mysql")
    lock = "LOCK TABLES event WRITE" if mysql else "LOCK TABLE event IN ACCESS EXCLUSIVE MODE"
    with _session(heat) as connection:
        connection.exec_driver_sql(lock)
        assert not _observe(heat, statement_timeout="1s").counted
