"""Who works on a stack in flight, and what each phase makes of it."""

from dataclasses import replace
from typing import Any

import pytest

from heat_upgrade_checks.errors import NotConfigured
from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.broker.old_queues import OldQueues
from heat_upgrade_checks.evidence.broker.waiting_messages import WaitingMessages
from heat_upgrade_checks.evidence.stacks.in_flight import ResourceInFlight, StackInFlight
from heat_upgrade_checks.evidence.stacks.leftovers import HeldResource, Leftovers, Lock, StackAtRest
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.reading.placement import Placement, place
from heat_upgrade_checks.reading.work import State, Work, remedy, work_in_flight
from heat_upgrade_checks.records.findings import Finding
from tests.facts import NEW, OLD, a_configuration, a_database, a_row, a_stack
from tests.judging import check_at, judge, plan

# `silent` still has a row that reports, but the broker shows it on no vhost.
ROWS = (
    a_row("old", "control1"),
    a_row("new", "control2"),
    a_row("silent", "control3"),
    a_row("dead", "control4", silent=500),
)
PLACEMENT = place(ROWS, [Listener("old", OLD, 1), Listener("new", NEW, 1)])
NOTHING = Leftovers(ROWS, (), (), 0, (), 0, (), 0, 0, 0, 0, 0)


def _held(name: str, engine: str, signal: bool = False) -> ResourceInFlight:
    return ResourceInFlight(
        name, "CREATE", "IN_PROGRESS", engine, "OS::Heat::X", signal, None, 30.0
    )


def _work(*stacks: StackInFlight, messages: int = 0) -> list[Work]:
    return work_in_flight(a_database(services=ROWS, in_flight=stacks), PLACEMENT, messages)


def _waiting(current: int = 0, target: int | None = 0) -> WaitingMessages:
    return WaitingMessages("http://rabbit:15672", current, target)


SIGNAL = a_stack(resources=(_held("wait", "old", signal=True),))


def _paused(hook: str = "pre-create", age: float = 0, engine: str = "") -> ResourceInFlight:
    """A resource at a hook, reached `age` seconds ago."""
    return ResourceInFlight("r", "INIT", "COMPLETE", engine, age=age, hook=hook)


# Every engine of ROWS started at the time of the look.
PAUSED = a_stack(resources=(_paused(),), still=9999)
OUTLIVED = a_stack(resources=(_paused(age=100),), still=9999)
STILL_HELD = a_stack("old", status="FAILED")
ABANDONED = replace(SIGNAL, status="FAILED")
DELETING = a_stack(action="DELETE", still=600, age=600, snapshots=True)


@pytest.mark.parametrize(
    ("stack", "messages", "state", "who"),
    [
        (a_stack("old"), 0, State.WORKED_ON, "engine control1 (old) holds r"),
        (a_stack(lock="old", convergence=False), 0, State.WORKED_ON, "holds its lock"),
        (SIGNAL, 0, State.WAITING, "wait (OS::Heat::X), which waits for a signal,"),
        (a_stack("dead"), 0, State.LOST, "engine control4 (dead) is dead and holds r"),
        (a_stack("old", "gone"), 0, State.LOST, "engine gone is dead and holds r"),
        (a_stack("silent"), 0, State.UNCERTAIN, "reads no queue that the broker shows"),
        (a_stack(still=121), 0, State.LOST, "no engine holds any of it, and nothing moved for"),
        (a_stack(still=121), 2, State.UNCERTAIN, "2 messages wait in the queues"),
        (a_stack(still=119), 0, State.UNCERTAIN, "but it moved 119 s ago; after 120 s"),
        (a_stack(lock="dead", status="COMPLETE"), 0, State.AT_REST, "is dead and holds its lock"),
        (a_stack(lock="old", status="COMPLETE"), 0, State.WORKED_ON, "holds its lock"),
        (STILL_HELD, 0, State.WORKED_ON, "CREATE FAILED, but engine control1 (old) holds r"),
        (a_stack("old", "dead", status="FAILED"), 0, State.WORKED_ON, "control1 (old) holds r"),
        (a_stack("dead", status="FAILED"), 0, State.AT_REST, "is dead and holds r"),
        (ABANDONED, 0, State.AT_REST, "CREATE FAILED, but engine control1 (old) holds wait"),
        (replace(ABANDONED, lock="old"), 0, State.WAITING, "holds wait"),
        (PAUSED, 0, State.WAITING, "one of the engines control1 (old), control2 (new), control3"),
        (PAUSED, 0, State.WAITING, "r, which waits for its hook pre-create to be cleared"),
        (OUTLIVED, 0, State.LOST, "no live engine is as old as the pause of r"),
        (
            a_stack(resources=(_paused(engine="old"), _held("r2", "old"))),
            0,
            State.WORKED_ON,
            "engine control1 (old) holds r, which waits for its hook pre-create",
        ),
        (
            a_stack(resources=(_paused(),), lock="old", convergence=False),
            0,
            State.WAITING,
            "engine control1 (old) holds its lock",
        ),
        (DELETING, 0, State.UNCERTAIN, "one may be deleting its snapshots; after 3600 s"),
        (replace(DELETING, age=3601, still=3601), 0, State.LOST, "nothing moved for 3601 s"),
        (a_stack(backup=True, still=999), 0, State.AT_REST, "a failed update left it behind"),
    ],
)
def test_what_is_known_of_a_stack(
    stack: StackInFlight, messages: int, state: State, who: str
) -> None:
    (work,) = _work(stack, messages=messages)
    assert work.state is state
    assert who in str(work)


def test_a_backup_stack_is_worked_on_by_whoever_updates_its_stack() -> None:
    owner = a_stack(lock="old", action="UPDATE", convergence=False)
    backup = a_stack(id="b", owner_id="s1", backup=True, convergence=False, still=999)
    states = {work.stack.id: work.state for work in _work(owner, backup)}
    assert states == {"s1": State.WORKED_ON, "b": State.WORKED_ON}


def test_the_biggest_trouble_comes_first_and_a_root_before_what_is_nested_in_it() -> None:
    found = _work(
        a_stack("old", id="fine", age=900),
        a_stack("dead", id="inner", owner_id="middle", age=50),
        a_stack("old", id="middle", owner_id="outer", age=55),
        a_stack("old", id="outer", age=60),
        a_stack(id="unsure", still=1),
    )
    assert [work.stack.id for work in found] == ["outer", "middle", "inner", "unsure", "fine"]
    assert {work.root.id for work in found[:3]} == {"outer"}


@pytest.mark.parametrize(
    ("stack", "commands"),
    [
        (a_stack("old"), []),
        (a_stack("silent"), []),
        (SIGNAL, ["openstack stack cancel --no-rollback s1"]),
        (
            a_stack("dead"),
            [
                "openstack stack update --existing s1",
                "openstack stack cancel --no-rollback s1",
            ],
        ),
        (
            a_stack("dead", action="UPDATE"),
            [
                "openstack stack update --existing s1",
                "openstack stack cancel s1",
            ],
        ),
        (a_stack("dead", action="DELETE"), ["openstack stack delete s1"]),
        # Heat refuses to update it.
        (a_stack(lock="dead", action="SUSPEND"), ["openstack stack suspend s1"]),
        (a_stack(lock="dead", convergence=False), []),
        (PAUSED, ["openstack stack hook clear --pre-create s1 r"]),
        (
            # The client's option is for hooks before an action alone.
            a_stack(resources=(_paused("post-update"),)),
            ['openstack stack resource signal --data {"unset_hook": "post-update"} s1 r'],
        ),
        # Heat cancels only what is IN_PROGRESS.
        (replace(SIGNAL, status="FAILED"), []),
    ],
)
def test_the_remedy(stack: StackInFlight, commands: list[str]) -> None:
    (work,) = _work(stack)
    hint, told = remedy(work)
    assert hint
    assert [" ".join(command) for command in told] == commands
    # What harms live work is told with its condition, and never as a command.
    assert ("every engine down" in hint) == (work.state is State.LOST)


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
        (a_stack("new", resources=(_paused(), _held("r2", "new"))), "blocker"),
        (a_stack(resources=(_paused(engine="new"),)), "note"),
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


# --- stacks.held-by-host


def _by_host(
    host: str,
    grace: int = 60,
    of: dict[str, Any] | None = None,
    stacks: tuple[StackInFlight, ...] = (a_stack("old"), a_stack(lock="old")),
) -> Judgement:
    configuration = replace(a_configuration(OLD, "control1"), graceful_shutdown_timeout=grace)
    return judge(
        check_at("stacks.held-by-host", "engine"),
        "engine",
        host=host,
        of=plan(**of or {}),
        database=a_database(services=BOTH_ON_CONTROL1, in_flight=stacks),
        placement=PLACEMENT_OF_BOTH,
        current_configuration=configuration,
    )


# As on a site where the new engine starts beside the old one.
BOTH_ON_CONTROL1 = (*ROWS, a_row("new on control1", "control1"))
PLACEMENT_OF_BOTH = place(
    BOTH_ON_CONTROL1,
    [Listener("old", OLD, 1), Listener("new", NEW, 1), Listener("new on control1", NEW, 1)],
)


def test_a_wait_in_a_stack_that_failed_keeps_no_engine() -> None:
    assert not _by_host("control1", stacks=(ABANDONED,)).findings


def test_what_the_new_engine_of_the_same_host_holds_does_not_count() -> None:
    stacks = (a_stack("new on control1"),)
    gate = _by_host("control1", stacks=stacks)
    assert gate.findings == []
    assert gate.extent.endswith("1 engine workers on control1, and 1 on the new vhost, which stay")
    # On a shared vhost nothing tells which of them is the new one.
    shared = _by_host("control1", of={"broker": {"isolation": "shared"}}, stacks=stacks)
    assert [finding.object for finding in shared.findings] == ["engine control1 (new on control1)"]


def test_what_the_engines_of_a_host_hold() -> None:
    (finding,) = _by_host("control1").findings
    assert finding.level == "blocker"
    assert "holds r of stack web for 0 s, the lock of stack web; " in finding.summary
    assert "gives up after 60 s" in finding.summary
    assert [f.level for f in _by_host("control1", grace=0).findings] == ["warning"]
    assert _by_host("control2").findings == []


def test_an_engine_that_may_be_at_a_hook_is_not_taken_away() -> None:
    (finding,) = _by_host("control1", stacks=(PAUSED,)).findings
    assert finding.level == "blocker"
    assert (
        "holds perhaps the pause of r of stack web at its hook pre-create, for 0 s;"
        in finding.summary
    )
    # It began after the hook was reached.
    assert _by_host("control1", stacks=(OUTLIVED,)).findings == []


@pytest.mark.parametrize("grace", [0, 60])
def test_what_a_dead_engine_of_the_host_held_is_lost(grace: int) -> None:
    stacks = (a_stack("dead"), a_stack(lock="dead", id="s2", status="COMPLETE"))
    (finding,) = _by_host("control4", grace, stacks=stacks).findings
    assert (finding.level, finding.object) == ("blocker", "engine control4 (dead)")
    assert (
        finding.summary == "is dead and holds r of stack web for 0 s; nobody works on it any more"
    )
    assert finding.hint.startswith("Update it, so that a live engine takes it over")
    assert ("openstack", "stack", "update", "--existing", "s1") in finding.commands
    # A lock on a stack at rest is no work: see stacks.stale-locks.
    assert _by_host("control4", grace, stacks=stacks[1:]).findings == []


def test_a_host_that_no_service_row_knows_is_unknown_unless_it_is_an_apis() -> None:
    gate = _by_host("kontrol1")
    assert "no service row knows a host kontrol1" in gate.unknowns[0]
    assert "control1, control2, control3, control4" in gate.unknowns[0]
    api = _by_host("api1", of={"api": {"backends": ["http://api1:8004"]}})
    assert (api.findings, api.unknowns) == ([], [])


def test_another_name_of_an_engines_host_is_unknown_even_where_it_is_an_apis() -> None:
    rows = (a_row("old", "control1.example.org"),)
    stacks = (a_stack("old"),)
    gate = judge(
        check_at("stacks.held-by-host", "engine"),
        "engine",
        host="control1",
        of=plan(api={"backends": ["http://control1:8004"]}),
        database=a_database(services=rows, in_flight=stacks),
        placement=place(rows, [Listener("old", OLD, 1)]),
        current_configuration=a_configuration(OLD, "control1.example.org"),
        target_configuration=a_configuration(NEW, "control1.example.org"),
    )
    assert gate.findings == []
    assert gate.unknowns[0].endswith("give --host control1.example.org")


def test_what_the_engines_on_the_old_vhost_hold() -> None:
    stacks = (a_stack("old"), a_stack("new", id="s2"))
    gate = judge(
        check_at("stacks.held-by-host", "last-engine"),
        "last-engine",
        database=a_database(services=ROWS, in_flight=stacks),
        placement=PLACEMENT,
        current_configuration=a_configuration(OLD, "control1"),
    )
    assert [finding.object for finding in gate.findings] == ["engine control1 (old)"]


# --- stacks.convergence, stacks.stale-locks, stacks.orphan-sync-points


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


def test_an_engine_is_placed_by_the_queue_it_reads() -> None:
    """The evidence these tests rest on."""
    assert isinstance(PLACEMENT, Placement)
    assert PLACEMENT.on(OLD) == {"old"}
