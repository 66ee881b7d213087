"""An answer of several parts, of which some may be hidden from the account."""

from collections.abc import Callable
from typing import TypeVar

from heat_upgrade_checks.errors import Unobserved

Part = TypeVar("Part")


def part(observed: Callable[[], Part]) -> tuple[Part | None, str]:
    """A part of the answer, or the sentence why there is none."""
    try:
        return observed(), ""
    except Unobserved as reason:
        return None, str(reason)
