"""The judgement on what engines left: legacy stacks, locks and sync points."""

from dataclasses import replace

import pytest

from heat_upgrade_checks.evidence.stacks.leftovers import HeldResource, Lock, StackAtRest
from tests.judging import check_at, judge, plan
from tests.unit.reading.at_work import (
    NOTHING,
    ROWS,
)


def test_legacy_stacks_that_remain() -> None:
    legacy = tuple(
        StackAtRest(f"l{n}", f"old-{n}", "p", "", "CREATE", "COMPLETE") for n in range(9)
    )
    left = replace(NOTHING, legacy=legacy, legacy_count=12)
    of = plan(current={"python": "/opt/25/bin/python"})
    check = check_at("stacks.convergence", "pre")
    (finding,) = judge(check, "pre", of=of, leftovers=left).findings
    assert finding.level == "warning"
    assert finding.summary.startswith("12 root stacks")
    assert finding.commands[0] == ("/opt/25/bin/heat-manage", "migrate_convergence_1", "l0")
    assert judge(check_at("stacks.convergence", "pre"), "pre", leftovers=NOTHING).findings == []


def _left(id: str, root_action: str, engine: str) -> HeldResource:
    return HeldResource("r", "FAILED", id, "five", "p", "CREATE FAILED", id, root_action, engine)


@pytest.mark.parametrize("phase", ["pre", "stopped", "post"])
def test_locks_and_resources_of_dead_engines(phase: str) -> None:
    left = replace(
        NOTHING,
        locks=(
            Lock("s1", "one", "p", "UPDATE", "COMPLETE", "dead"),
            Lock("s2", "two", "p", "UPDATE", "COMPLETE", "old"),
            Lock("s3", "three", "p", "UPDATE", "IN_PROGRESS", "dead"),
            Lock("s4", "four", "p", "DELETE", "DELETED", "gone"),
        ),
        held=(
            _left("s5", "CREATE", "dead"),
            _left("s6", "CREATE", "old"),
        ),
        held_count=2,
    )
    check = check_at("stacks.stale-locks", "pre")
    gate = judge(check, phase, leftovers=left)
    assert [f"{f.level} {f.object}" for f in gate.findings] == [
        "warning stack one (s1), project p",
        "warning stack four (s4), project p",
        "warning resource r of stack five (s5), project p",
    ]
    assert not any("reset_stack_status" in word for f in gate.findings for word in f.commands)
    assert judge(check, phase, leftovers=replace(left, held_count=1001)).unknowns
    # With every engine down a lock may be removed.
    gate = judge(check, phase, leftovers=replace(left, services=ROWS[3:]))
    reset = tuple(gate.heat_manage("reset_stack_status", "s1"))
    assert gate.findings[0].commands == ((reset,) if phase == "stopped" else ())


@pytest.mark.parametrize(
    ("root_action", "commands"),
    [
        ("CREATE", ["openstack stack update --existing s1"]),
        ("DELETE", ["openstack stack delete s1"]),
        ("SUSPEND", ["openstack stack resume s1", "openstack stack update --existing s1"]),
        ("", []),
    ],
)
def test_what_a_dead_engine_holds_is_taken_over_as_heat_allows(
    root_action: str, commands: list[str]
) -> None:
    left = replace(NOTHING, held=(_left("s1", root_action, "dead"),), held_count=1)
    check = check_at("stacks.stale-locks", "pre")
    (finding,) = judge(check, "pre", leftovers=left).findings
    assert [" ".join(command) for command in finding.commands] == commands


def test_sync_points_without_a_traversal() -> None:
    left = replace(NOTHING, sync_points=7, sync_point_stacks=2)
    check = check_at("stacks.orphan-sync-points", "pre")
    (finding,) = judge(check, "post", leftovers=left).findings
    assert finding.level == "warning"
    assert finding.summary == "7 of 2 stacks belong to traversals that ended"
    assert judge(check, "post", leftovers=NOTHING).findings == []
