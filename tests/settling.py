"""Answers that come late: asked for again until they are the ones that a test is about."""

from collections.abc import Callable
from typing import TypeVar

from tests.waiting import until

_Answer = TypeVar("_Answer")


def settled(
    ask: Callable[[], _Answer], when: Callable[[_Answer], bool], what: str, seconds: float = 120
) -> _Answer:
    """The first answer of which `when` holds, such as once RabbitMQ's statistics have come.

    :raises AssertionError: none does in that time; a note shows the last one.
    """
    answers: list[_Answer] = []

    def is_there() -> bool:
        answers[:] = [ask()]
        return when(answers[0])

    try:
        until(is_there, what, seconds)
    except AssertionError as error:
        error.add_note(f"the last answer: {answers}")
        raise
    return answers[0]
