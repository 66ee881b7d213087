"""A stack between two of its resources is held by nobody, for a moment."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from heat_upgrade_checks.evidence.database import state as database
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.stacks.in_flight import ResourceInFlight, StackInFlight
from tests.facts import a_database, a_row, a_stack


@pytest.fixture(autouse=True)
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited each time."""
    taken: list[float] = []
    monkeypatch.setattr(time, "sleep", taken.append)
    return taken


def _follow(*looks: tuple[StackInFlight, ...]) -> dict[str, tuple[str, ...]]:
    """The holders of each stack in what is told of these looks, of which the last one goes on."""
    shown: Iterator[Database] = (a_database(in_flight=look) for look in looks)
    last = a_database(in_flight=looks[-1])
    found = database._followed(lambda: next(shown, last))
    return {stack.id: stack.holders for stack in found.in_flight}


def _stack(id: str, *holders: str, backup: bool = False) -> StackInFlight:
    return a_stack(*holders, id=id, backup=backup)


def test_what_is_held_is_looked_at_once(naps: list[float]) -> None:
    assert _follow((_stack("a", "e1"), _stack("b", "e2"))) == {"a": ("e1",), "b": ("e2",)}
    assert _follow((_stack("a", backup=True),)) == {"a": ()}
    paused = ResourceInFlight("r", "INIT", "COMPLETE", "", hook="pre-create")
    assert _follow((replace(_stack("a"), resources=(paused,)),)) == {"a": ()}
    assert naps == []


def test_each_stack_is_followed_until_somebody_holds_it_or_it_ends(naps: list[float]) -> None:
    looks = (
        (_stack("a"), _stack("b"), _stack("c", "e1")),
        # Another one is unheld now, and a new one has come.
        (_stack("b", "e2"), _stack("c"), _stack("d")),
    )
    assert _follow(*looks) == {"b": ("e2",), "c": ("e1",)}
    assert len(naps) == 1


def test_an_old_engine_that_takes_it_up_again_is_seen() -> None:
    looks = (
        (_stack("a", "new"), _stack("b")),
        (_stack("a", "old"), _stack("b")),
        (_stack("a", "old"), _stack("b", "new")),
    )
    assert _follow(*looks) == {"a": ("old",), "b": ("new",)}


def test_what_is_told_of_a_pause_is_as_new_as_the_clock() -> None:
    def look(age: float, *others: StackInFlight) -> Database:
        pause = ResourceInFlight("r", "INIT", "COMPLETE", "", age=age, hook="pre-create")
        return a_database(in_flight=(replace(_stack("a"), resources=(pause,)), *others))

    shown = iter([look(1, _stack("b")), look(2)])
    (stack,) = database._followed(lambda: next(shown)).in_flight
    assert stack.resources[0].age == 2


def test_what_nobody_ever_holds_stays_so(naps: list[float]) -> None:
    assert _follow((_stack("a"), _stack("b", "e1"))) == {"a": (), "b": ("e1",)}
    assert sum(naps) == database._LOOKS * database._BETWEEN_LOOKS <= 5


def test_the_services_are_those_of_the_last_look() -> None:
    early = a_database(in_flight=(_stack("a"),), services=(a_row("e1", "control1"),))
    late = a_database(in_flight=(), services=(a_row("e1", "control1"), a_row("e2", "control2")))
    shown = iter([early, late])
    assert len(database._followed(lambda: next(shown)).services) == 2


def test_who_released_it_and_ended_holds_it_no_more() -> None:
    early = a_database(
        in_flight=(_stack("a", "e2"), _stack("b")),
        services=(a_row("e1", "control1"), a_row("e2", "control2")),
    )
    late = a_database(in_flight=(_stack("a"),), services=(a_row("e1", "control1"),))
    shown = iter([early])
    (stack,) = database._followed(lambda: next(shown, late)).in_flight
    assert stack.holders == ()
