"""Stacks whose rows do not tell what they are at, in databases of Heat."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.broker.waiting_messages import WaitingMessages
from heat_upgrade_checks.evidence.database import state as database
from heat_upgrade_checks.reading.placement import place
from tests.judging import check_at, judge
from tests.services.heat_databases import HeatDatabase

NOW = datetime.now(UTC).replace(tzinfo=None)


@pytest.fixture(params=["on_mariadb", "on_postgresql", "on_sqlite"])
def heat(request: pytest.FixtureRequest) -> HeatDatabase:
    """A filled database of 25."""
    made: HeatDatabase = request.getfixturevalue(request.param)()
    made.db_sync(25)
    made.fill()
    return made


def _stack(heat: HeatDatabase, id: str, **values: Any) -> None:
    row = {"action": "CREATE", "status": "COMPLETE", "created_at": NOW, "convergence": True}
    row |= {"raw_template_id": 1, "tenant": "p", "disable_rollback": True, "backup": False}
    with heat._adding() as add:
        add("stack", id=id, name=id, **row | values)


def test_a_stack_of_which_no_row_tells_what_it_is_at_is_no_stack_at_rest(
    heat: HeatDatabase,
) -> None:
    before = database.observe(heat.site())
    assert before.incomplete == ()
    rows: dict[str, dict[str, Any]] = {
        "null": {"status": None},
        "empty": {"status": ""},
        "other": {"status": "DELETED"},
        "acting": {"action": None},
        "undated": {"status": "IN_PROGRESS", "created_at": None},
        "purged": {"status": "", "deleted_at": NOW},
    }
    for id, values in rows.items():
        _stack(heat, id, **values)
    found = database.observe(heat.site())
    # The others are judged as before.
    assert [stack.id for stack in found.in_flight] == [stack.id for stack in before.in_flight]
    gate = judge(
        check_at("stacks.stuck", "pre"),
        "pre",
        database=found,
        placement=place(found.services, [Listener("live", "heat", 1)]),
        waiting_work=WaitingMessages("http://rabbit:15672", 0, 0),
    )
    assert [f.object.partition(" (")[0] for f in gate.findings] == ["stack stack-nested"]
    words = {sentence.split()[1]: sentence for sentence in gate.unknowns}
    assert words.keys() == {"null", "empty", "other", "acting", "undated"}
    assert "status NULL, which Heat writes nowhere" in words["null"]
    assert "UPDATE stack SET status = 'FAILED' WHERE id = 'null'" in words["null"]
    assert "status ''" in words["empty"]
    assert "status 'DELETED'" in words["other"]
    assert "UPDATE stack SET action = 'UPDATE' WHERE id = 'acting'" in words["acting"]
    assert "neither created_at nor updated_at" in words["undated"]
    # What they advise works.
    for sentence in gate.unknowns:
        heat.execute(sentence[sentence.index("UPDATE stack SET") :])
    assert database.observe(heat.site()).incomplete == ()


def test_a_legacy_deletion_is_as_old_as_its_last_event(heat: HeatDatabase) -> None:
    old = {"created_at": NOW - timedelta(days=300), "convergence": False, "action": "DELETE"}
    _stack(heat, "old", status="IN_PROGRESS", **old)
    with heat._adding() as add:
        moved = NOW - timedelta(seconds=40)
        add("event", uuid="e", stack_id="old", created_at=moved, resource_action="DELETE")
    (stack,) = (each for each in database.observe(heat.site()).in_flight if each.id == "old")
    assert 39 < stack.age < 3600
    assert stack.still == stack.age
