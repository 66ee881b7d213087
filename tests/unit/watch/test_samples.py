"""What a sample of `watch` says where a source tells only a part."""

from datetime import UTC, datetime

import pytest

from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.broker.watched_vhosts import VhostLoad
from heat_upgrade_checks.evidence.stacks.work_counts import WorkCounts
from heat_upgrade_checks.records.watch import ApiWindow
from heat_upgrade_checks.watch import recorder
from tests.facts import OLD, a_row

NOT_ASKED = ApiWindow(None, 0, 0, 0, 0.0, 0.0, 0.0, None, None, None, "")


@pytest.mark.parametrize(
    ("consumers", "engines", "unplaced"), [(1, {OLD: 1}, 0), (0, {OLD: 0}, 1), (None, None, None)]
)
def test_an_engine_whose_readers_are_not_counted_is_not_unplaced(
    consumers: int | None, engines: dict[str, int] | None, unplaced: int | None
) -> None:
    sample = recorder._combine(
        "run",
        datetime.now(UTC),
        {"current": OLD},
        WorkCounts(stacks=0, resources=0, services=(a_row("e1", "control1"),)),
        VhostLoad(messages={OLD: 0}, listeners=[Listener("e1", OLD, consumers)]),
        NOT_ASKED,
        {},
    )
    assert (sample.engines, sample.unplaced) == (engines, unplaced)
    assert ("whether queue heat-engine-listener.e1" in sample.unobserved.get("engines", "")) is (
        engines is None
    )
