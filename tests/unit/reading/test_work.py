"""Who works on a stack in flight, and its remedy."""

from dataclasses import replace

import pytest

from heat_upgrade_checks.evidence.stacks.in_flight import StackInFlight
from heat_upgrade_checks.reading.placement import Placement
from heat_upgrade_checks.reading.work import State, Work, remedy, work_in_flight
from tests.facts import OLD, a_database, a_stack
from tests.unit.reading.at_work import (
    ABANDONED,
    OUTLIVED,
    PAUSED,
    PLACEMENT,
    ROWS,
    SIGNAL,
    STILL_HELD,
    deleting,
    held,
    paused,
)


def _work(*stacks: StackInFlight, messages: int = 0) -> list[Work]:
    return work_in_flight(a_database(services=ROWS, in_flight=stacks), PLACEMENT, messages)


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
            a_stack(resources=(paused(engine="old"), held("r2", "old"))),
            0,
            State.WORKED_ON,
            "engine control1 (old) holds r, which waits for its hook pre-create",
        ),
        (
            a_stack(resources=(paused(),), lock="old", convergence=False),
            0,
            State.WAITING,
            "engine control1 (old) holds its lock",
        ),
        (DELETING, 0, State.UNCERTAIN, "one may be deleting its snapshots; after 3600 s"),
        (replace(DELETING, age=3601, still=3601), 0, State.LOST, "nothing moved for 3601 s"),
        (a_stack(backup=True, still=999), 0, State.AT_REST, "a failed update left it behind"),
        (
            deleting(),
            0,
            State.WORKED_ON,
            "COMPLETE, but the deletion of its snapshot nightly (snap) goes on for 0 s, in some of",
        ),
        # Every engine of ROWS started since.
        (deleting(100), 0, State.LOST, "no live engine is as old as the deletion of its snapshot"),
        (deleting(100), 1, State.UNCERTAIN, "1 messages wait in the queues"),
        (deleting(3700), 1, State.LOST, "goes on for 3700 s, beyond its timeout of 3600 s"),
        # Its lock is no work, but that does not end the deletion.
        (deleting(lock="dead"), 0, State.WORKED_ON, "the deletion of its snapshot"),
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
            a_stack(resources=(paused("post-update"),)),
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


def test_an_engine_is_placed_by_the_queue_it_reads() -> None:
    """The evidence these tests rest on."""
    assert isinstance(PLACEMENT, Placement)
    assert PLACEMENT.on(OLD) == {"old"}
