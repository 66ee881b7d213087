"""How this tool asks again: reads only, few times, and it tells how often."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

import tenacity

Answer = TypeVar("Answer")

ATTEMPTS: ContextVar[int] = ContextVar("attempts", default=1)
"""The largest number of attempts that any question of this context needed."""


def ask(question: Callable[[], Answer], *, again_on: Callable[[BaseException], bool]) -> Answer:
    """Ask up to three times, 0.2 s and then 0.4 s apart, while `again_on` holds of the error.

    The last error is raised as it is.
    """

    def count(state: tenacity.RetryCallState) -> None:
        ATTEMPTS.set(max(ATTEMPTS.get(), state.attempt_number))

    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(3),
        wait=tenacity.wait_exponential(multiplier=0.2, max=1),
        retry=tenacity.retry_if_exception(again_on),
        before=count,
        reraise=True,
    )
    return retrying(question)
