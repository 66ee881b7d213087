"""Failures that are laid to a lost engine, on real servers."""

from datetime import UTC, datetime

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.records.findings import Verdict
from tests.services.evidence.clouds import Cloud, ago


def test_failures_by_a_lost_engine(settled: Cloud) -> None:
    worker = {"status": "FAILED", "status_reason": "Worker went down during resource CREATE"}
    engine = {"status": "FAILED", "status_reason": "Engine went down during stack CREATE"}
    settled.stacks("legacy", status="FAILED", status_reason=engine["status_reason"])
    settled.resources("legacy", "t0", **engine)
    settled.stacks("quoted", status="FAILED", status_reason="Resource t0: Worker went down during")
    settled.stacks("twice", "own", "deleted")
    settled.stacks("other", status="FAILED", status_reason="quota; nothing went down")
    settled.resources("twice", "t0", nova_instance="first", **worker)
    settled.resources("twice", "t0", nova_instance="second")
    settled.resources("twice", "t1")
    settled.resources("deleted", "t0", **worker)
    settled.run("UPDATE stack SET deleted_at = :now WHERE id = 'deleted'", now=ago(0))
    # A reason that is only history: the resource is well again.
    settled.resources("own", "t0", status_reason=worker["status_reason"])
    settled.pre()
    settled.stacks("healed", updated_at=ago(0))
    settled.stacks("unharmed", updated_at=ago(0))
    settled.resources("healed", "t0", nova_instance="second")

    def went_down(stack: str, name: str, physical: str, reason: str, age: float) -> None:
        settled.event(
            stack,
            name,
            "FAILED",
            resource_status_reason=reason,
            physical_resource_id=physical,
            created_at=ago(age),
        )

    for age in (900, 300):
        went_down("twice", "t0", "first", worker["status_reason"], age)
    went_down("legacy", "name-of-legacy", "legacy", engine["status_reason"], 600)
    went_down("healed", "t0", "first", worker["status_reason"], -2)
    went_down("healed", "t1", "older", worker["status_reason"], 600)
    went_down("unharmed", "t0", "x", "its own", -2)
    found = settled.failed()
    stacks = {stack.id: stack for stack in found.stacks}
    assert stacks.keys() == {"legacy", "quoted", "twice", "healed"}
    assert stacks["legacy"].failed
    assert _age(stacks["legacy"].failed_at) == pytest.approx(600, abs=30)
    assert [each.name for each in stacks["legacy"].resources] == ["t0"]
    assert stacks["legacy"].resources[0].failed_at is None
    assert (stacks["quoted"].failed, stacks["quoted"].failed_at) == (True, None)
    assert not stacks["twice"].failed
    (resource,) = stacks["twice"].resources
    assert _age(resource.failed_at) == pytest.approx(300, abs=30)
    assert (resource.name, resource.physical_id, resource.remains) == ("t0", "first", True)
    assert [twin.physical_id for twin in resource.twins] == ["second"]
    # Its failed row is gone; of what is older than the upgrade, nothing is left to see.
    (resource,) = stacks["healed"].resources
    assert (resource.name, resource.physical_id, resource.remains) == ("t0", "first", False)
    assert [twin.physical_id for twin in resource.twins] == ["second"]
    assert "4 stacks have" in found.extent


def test_without_an_earlier_gate_nobody_knows_when_the_upgrade_began(settled: Cloud) -> None:
    with pytest.raises(Unobserved, match="run each phase with the same --reports"):
        settled.failed()
    settled.pre(partial=True)
    with pytest.raises(Unobserved, match="run each phase with the same --reports"):
        settled.failed()
    settled.pre(2, Verdict.NO_GO)
    assert settled.failed().stacks == ()


def _age(moment: datetime | None) -> float:
    assert moment is not None
    return (datetime.now(UTC) - moment).total_seconds()
