"""The one place in which a test waits for something."""

import time
from collections.abc import Callable


def until(condition: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Wait until the condition holds, which is asked again and again.

    The limit is for what never comes, not for a machine that is slow.

    :raises AssertionError: it does not in that time; the error says `what` was waited for.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {seconds:g} s: {what}")
        time.sleep(0.05)
