"""Waiting for what a test needs, for as long as a loaded machine may take."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(condition: Callable[[], Found], what: str, seconds: float = 120) -> Found:
    """What the condition gives as soon as it is true.

    :raises AssertionError: it was not within `seconds`; the sentence names `what`.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)
    return found
