"""What lost engines leave in a database, and a gate that was left out, judged before and after."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from heat_upgrade_checks import plan as plans
from heat_upgrade_checks.evidence.database import state
from heat_upgrade_checks.evidence.gates import earlier_gates
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.stacks import leftovers
from heat_upgrade_checks.gates.judgement import Judgement
from tests.journals import open_gate
from tests.judging import check_at, judge
from tests.services.heat_databases import HeatDatabase


@pytest.fixture(params=["on_mariadb", "on_postgresql"])
def heat(request: pytest.FixtureRequest) -> HeatDatabase:
    """A filled database of release 26, in which one of two engines is silent."""
    make: Callable[[], HeatDatabase] = request.getfixturevalue(request.param)
    made = make()
    made.db_sync(26)
    made.fill()
    return made


def test_the_row_of_a_silent_engine_until_it_is_cleaned(heat: HeatDatabase) -> None:
    check = check_at("services.residue", "post")
    (finding,) = judge(check, "post", database=state.observe(heat.site())).findings
    assert finding.object == "engine control2 (silent)"
    heat.execute("DELETE FROM service WHERE engine_id = 'silent'")
    assert judge(check, "post", database=state.observe(heat.site())).findings == []


def test_a_lock_and_a_hold_of_a_silent_engine_on_stacks_at_rest(heat: HeatDatabase) -> None:
    check = check_at("stacks.stale-locks", "pre")
    assert judge(check, "pre", leftovers=leftovers.observe(heat.site())).findings == []
    heat.leave_behind()
    found = judge(check, "pre", leftovers=leftovers.observe(heat.site())).findings
    assert [each.object.partition(" (")[0] for each in found] == [
        "stack stack-gone",
        "stack locked",
        "resource held-at-rest of stack stack-rest",
    ]


def test_a_sync_point_of_a_traversal_that_ended(heat: HeatDatabase) -> None:
    check = check_at("stacks.orphan-sync-points", "pre")
    assert judge(check, "pre", leftovers=leftovers.observe(heat.site())).findings == []
    heat.leave_behind()
    (finding,) = judge(check, "pre", leftovers=leftovers.observe(heat.site())).findings
    assert finding.summary.startswith("1 of 1 stacks belong to traversals that ended")


def test_a_gate_that_was_left_out(tmp_path: Path) -> None:
    heat = HeatDatabase(f"sqlite:///{tmp_path}/heat.sqlite", tmp_path)
    document = heat.site().plan.model_dump(mode="json", exclude_none=True)
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    plan, _ = plans.load(path)
    site = Site(plan, tmp_path / "reports" / plan.name)

    def judged() -> Judgement:
        return judge(
            check_at("journal.in-order", "installed"),
            "installed",
            of=plan,
            at=datetime.now(UTC),
            earlier_gates=earlier_gates.observe(site),
        )

    (finding,) = judged().findings
    assert (finding.level, finding.object) == ("blocker", "gate pre")
    open_gate("pre", path, tmp_path / "reports")
    assert {each.level for each in judged().findings} <= {"note"}
    assert judged().unknowns == []
