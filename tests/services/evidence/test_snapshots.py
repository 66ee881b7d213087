"""Snapshots that are being taken and deleted, in databases of Heat."""

from datetime import UTC, datetime, timedelta

import pytest

from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.broker.waiting_messages import WaitingMessages
from heat_upgrade_checks.evidence.database import state as database
from heat_upgrade_checks.evidence.stacks import leftovers, work_counts
from heat_upgrade_checks.reading.placement import place
from tests.judging import check_at, judge
from tests.services.heat_databases import HeatDatabase, Make

SERVERS = ["on_mariadb", "on_postgresql", "on_sqlite"]


@pytest.fixture(params=SERVERS)
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.getfixturevalue(request.param)
    return made


def _snapshot(heat: HeatDatabase, id: str, **values: object) -> None:
    """A snapshot of the stack at rest, on which something began ten seconds ago."""
    now = datetime.now(UTC).replace(tzinfo=None)
    with heat._adding() as add:
        add(
            "snapshot",
            id=id,
            stack_id="rest",
            name="nightly",
            tenant="p3",
            status="IN_PROGRESS",
            created_at=now - timedelta(days=9),
            updated_at=now - timedelta(seconds=10),
            **values,
        )


def test_a_snapshot_that_is_being_deleted_is_work_in_flight(make: Make) -> None:
    heat = make()
    heat.db_sync(26)
    heat.fill()
    _snapshot(heat, "doomed", action="DELETE")
    _snapshot(heat, "taken", action="CREATE")
    point = {"entity_id": "doomed", "is_update": True, "atomic_key": 1}
    with heat._adding() as add:
        add("sync_point", traversal_id="of-its-own", stack_id="rest", **point)
    found = database.observe(heat.site())
    (stack,) = (each for each in found.in_flight if each.status == "COMPLETE")
    assert (stack.id, stack.only_its_snapshots) == ("rest", True)
    (deletion,) = stack.deletions
    assert (deletion.id, deletion.name, deletion.timeout) == ("doomed", "nightly", 3600)
    assert 9 < deletion.age < 120
    assert work_counts.observe(heat.site()).stacks == len(found.in_flight)
    left = leftovers.observe(heat.site())
    assert (left.snapshots, left.sync_points) == (1, 0)
    gate = judge(
        check_at("stacks.in-progress", "pre"),
        "pre",
        database=found,
        placement=place(found.services, [Listener("live", "heat", 1)]),
        waiting_work=WaitingMessages("http://rabbit:15672", 0, 0),
        leftovers=left,
    )
    (said,) = (each for each in gate.findings if "stack-rest" in each.object)
    assert said.level == "warning"
    assert "the deletion of its snapshot nightly (doomed) goes on" in said.summary
    assert "in engine control1 (live)" in said.summary


@pytest.mark.parametrize("release", [19, 25])
def test_a_schema_that_keeps_no_action_of_snapshots(make: Make, release: int) -> None:
    heat = make()
    heat.db_sync(release)
    heat.fill()
    _snapshot(heat, "taken")
    assert not any(stack.deletions for stack in database.observe(heat.site()).in_flight)
    assert leftovers.observe(heat.site()).snapshots == 1
