"""The judgement on stacks at work: before the upgrade, between its steps, and after it."""

from dataclasses import replace

import pytest

from heat_upgrade_checks.errors import NotConfigured
from heat_upgrade_checks.evidence.broker.old_queues import OldQueues
from heat_upgrade_checks.evidence.broker.waiting_messages import WaitingMessages
from heat_upgrade_checks.evidence.stacks.in_flight import StackInFlight
from heat_upgrade_checks.evidence.stacks.leftovers import Leftovers, StackAtRest
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.records.findings import Finding
from tests.facts import OLD, a_database, a_stack
from tests.judging import check_at, judge, plan
from tests.unit.reading.at_work import (
    ABANDONED,
    NOTHING,
    PAUSED,
    PLACEMENT,
    ROWS,
    SIGNAL,
    STILL_HELD,
    deleting,
    held,
    paused,
)


def _waiting(current: int = 0, target: int | None = 0) -> WaitingMessages:
    return WaitingMessages("http://rabbit:15672", current, target)


# --- stacks.in-progress, stacks.stuck


def _pre(*stacks: StackInFlight, leftovers: Leftovers = NOTHING) -> Judgement:
    return judge(
        check_at("stacks.in-progress", "pre"),
        "pre",
        database=a_database(services=ROWS, in_flight=stacks),
        placement=PLACEMENT,
        waiting_work=_waiting(),
        leftovers=leftovers,
    )


def test_work_before_the_upgrade_is_a_warning_and_what_is_lost_is_for_stacks_stuck() -> None:
    late = a_stack("old", age=9999)
    (finding,) = _pre(late, a_stack("dead", id="s2"), a_stack(id="s3")).findings
    assert finding.level == "warning"
    assert finding.object == "stack web (s1), project p1"
    assert "CREATE IN_PROGRESS for 9999 s, beyond its timeout of 3600 s" in finding.summary


def test_what_only_looks_like_work_is_a_note() -> None:
    left = replace(
        NOTHING,
        backups=(StackAtRest("b", "web*", "p1", "s1", "UPDATE", "FAILED"),),
        backup_count=2,
        deployments=3,
        snapshots=1,
    )
    gate = _pre(leftovers=left)
    assert [f"{f.level} {f.object}" for f in gate.findings] == [
        "note backup stack web* (b), project p1",
        "note backup stacks",
        "note software deployments",
        "note snapshots",
    ]


@pytest.mark.parametrize("phase", ["pre", "post"])
@pytest.mark.parametrize(
    ("stack", "messages", "level"),
    [
        (a_stack("old", still=9999), 0, None),
        (SIGNAL, 0, None),
        (a_stack("dead", still=1), 0, "blocker"),
        (a_stack(still=121), 0, "blocker"),
        (a_stack(still=121), 1, "unknown"),
        (a_stack("silent"), 0, "unknown"),
        (a_stack(lock="dead", status="COMPLETE"), 0, None),
    ],
)
def test_work_that_nobody_does(
    phase: str, stack: StackInFlight, messages: int, level: str | None
) -> None:
    # What waits on the vhost that is not read any more, or not yet, keeps nothing alive.
    waiting = _waiting(messages, 9) if phase == "pre" else _waiting(9, messages)
    gate = judge(
        check_at("stacks.stuck", phase),
        phase,
        database=a_database(services=ROWS, in_flight=(stack,)),
        placement=PLACEMENT,
        waiting_work=waiting,
    )
    said = [str(finding.level) for finding in gate.findings] + ["unknown"] * len(gate.unknowns)
    assert said == ([level] if level else [])


def test_after_the_upgrade_the_new_vhost_must_be_known() -> None:
    gate = judge(
        check_at("stacks.stuck", "post"),
        "post",
        database=a_database(),
        placement=PLACEMENT,
        waiting_work=_waiting(target=None),
    )
    assert gate.unknowns == ["the new vhost is not known; add target.config to the plan"]


def _between(*stacks: StackInFlight) -> OldQueues:
    database = a_database(services=ROWS, in_flight=stacks)
    return OldQueues("http://rabbit:15672", OLD, False, True, (), 0.0, database, "")


def _stopped(old_queues: OldQueues) -> Judgement:
    check = check_at("stacks.in-progress", "stopped")
    return judge(check, "stopped", old_queues=old_queues, placement=PLACEMENT)


def test_work_after_a_cold_stop_was_cut_off() -> None:
    stacks = (a_stack("dead"), a_stack(lock="dead", status="COMPLETE", id="s2"))
    database = a_database(services=ROWS[3:], in_flight=stacks)
    gate = _stopped(replace(_between(), database=database))
    (finding,) = gate.findings
    assert finding.level == "blocker"
    assert finding.hint.startswith("Nobody works on it now.")
    assert finding.commands == (tuple(gate.heat_manage("reset_stack_status", "s1")),)


def test_the_deletion_of_a_snapshot_that_was_cut_off_is_begun_again() -> None:
    database = a_database(services=ROWS[3:], in_flight=(deleting(100),))
    (finding,) = _stopped(replace(_between(), database=database)).findings
    assert finding.level == "blocker"
    assert "Delete it again." in finding.hint
    assert finding.commands == (("openstack", "stack", "snapshot", "delete", "s1", "snap"),)


@pytest.mark.parametrize(
    ("stack", "hint"),
    [
        (a_stack("old"), "Wait until it ends."),
        (PAUSED, "Have the hook cleared"),
        (a_stack("dead"), "Update it"),
        (a_stack(), "Run this phase again."),
    ],
)
def test_nothing_is_reset_before_the_engines_are_stopped(stack: StackInFlight, hint: str) -> None:
    (finding,) = _stopped(_between(stack)).findings
    assert finding.level == "blocker"
    assert finding.hint.startswith(hint)
    assert not any("reset_stack_status" in command for command in finding.commands)


@pytest.mark.parametrize(
    ("stack", "level"),
    [
        (a_stack("new"), "note"),
        (a_stack("old"), "blocker"),
        (SIGNAL, "blocker"),
        (a_stack("new", "old"), "blocker"),
        (a_stack("new", lock="old"), "blocker"),
        (a_stack("silent"), "blocker"),
        (a_stack("dead"), "blocker"),
        (a_stack(), "blocker"),
        (a_stack(lock="dead", status="COMPLETE"), "note"),
        (STILL_HELD, "blocker"),
        (ABANDONED, "note"),
        (a_stack("new", status="FAILED"), "note"),
        # An old engine may be at the hook.
        (PAUSED, "blocker"),
        (a_stack("new", resources=(paused(), held("r2", "new"))), "blocker"),
        (a_stack(resources=(paused(engine="new"),)), "note"),
        # An old engine may be deleting the snapshot.
        (deleting(), "blocker"),
        (deleting(100), "blocker"),
    ],
)
def test_work_before_the_last_old_engine_stops(stack: StackInFlight, level: str) -> None:
    gate = judge(
        check_at("stacks.in-progress", "last-engine"),
        "last-engine",
        old_queues=_between(stack),
        placement=PLACEMENT,
    )
    assert [finding.level for finding in gate.findings] == [level]


# --- stacks.legacy-in-progress


@pytest.mark.parametrize(
    ("stack", "level"),
    [
        (a_stack("old"), "warning"),
        (a_stack(lock="old", convergence=False), "blocker"),
        (a_stack(convergence=False), "blocker"),
        (a_stack(lock="old"), "blocker"),
        (a_stack(lock="old", status="COMPLETE", convergence=False), "blocker"),
        (a_stack(lock="dead", status="COMPLETE", convergence=False), None),
        (a_stack(convergence=False, backup=True), None),
        (deleting(convergence=False), None),
    ],
)
def test_work_before_the_first_new_engine_starts(stack: StackInFlight, level: str | None) -> None:
    assert [finding.level for finding in _legacy("vhost", stack)] == ([level] if level else [])


def _legacy(phase: str, *stacks: StackInFlight) -> list[Finding]:
    return judge(
        check_at("stacks.legacy-in-progress", "vhost"),
        phase,
        host="control1" if phase == "engine" else "",
        database=a_database(services=ROWS, in_flight=stacks),
        placement=PLACEMENT,
    ).findings


@pytest.mark.parametrize(
    ("stack", "level"),
    [
        (a_stack(lock="old", convergence=False), "blocker"),
        (a_stack(lock="old"), "blocker"),
        (a_stack("new", lock="old", convergence=False), "blocker"),
        (a_stack(convergence=False), "blocker"),
        (a_stack(lock="new", convergence=False), None),
        (a_stack("old"), None),
    ],
)
def test_work_before_a_further_new_engine_starts(stack: StackInFlight, level: str | None) -> None:
    assert [finding.level for finding in _legacy("engine", stack)] == ([level] if level else [])


def test_what_belongs_to_a_legacy_stack_of_the_new_side_is_no_ones_of_the_old() -> None:
    root = a_stack(lock="new", convergence=False)
    for changes in ({"backup": True}, {"name": "nested"}):
        inner = a_stack(id="s2", owner_id="s1", convergence=False, **changes)
        assert _legacy("engine", root, inner) == []
        assert len(_legacy("engine", replace(root, lock="old"), inner)) == 2


def test_a_legacy_stack_whose_engine_is_dead_does_not_end_by_itself() -> None:
    (finding,) = _legacy("vhost", a_stack(lock="dead", convergence=False))
    assert finding.level == "blocker"
    assert "engine control4 (dead) is dead and holds its lock" in finding.summary
    assert finding.hint.startswith("The next engine that starts marks it FAILED")


def test_on_a_shared_vhost_engines_see_each_other() -> None:
    with pytest.raises(NotConfigured):
        judge(
            check_at("stacks.legacy-in-progress", "vhost"),
            "vhost",
            of=plan(broker={"isolation": "shared"}),
            database=a_database(),
            placement=PLACEMENT,
        )
