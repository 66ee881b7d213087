"""What a row of the guide's table is."""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from heat_upgrade_checks.where.position import Position


class Kind(Enum):
    """What a step is; its value is the exit code of `where`."""

    SAFE = 0
    REPAIR = 2
    UNKNOWN = 3


def always(_: Position) -> bool:
    """Holds at every point."""
    return True


class MustNot(NamedTuple):
    """A sentence that says what would do harm, and where it is true."""

    sentence: str
    holds: Callable[[Position], object] = always


class Rule(NamedTuple):
    """One row; words in braces are properties of `Words`.

    A gate is a phase, with the word for its host where it has one.
    """

    point: str
    kind: Kind
    holds: Callable[[Position], object]
    sentence: str
    gates: tuple[tuple[str, ...], ...] = ()
    must_not: tuple[MustNot, ...] = ()
