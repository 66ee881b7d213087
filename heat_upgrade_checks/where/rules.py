"""What a row of the guide's table is."""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from heat_upgrade_checks.where.position import Position
from heat_upgrade_checks.where.words import Words

Sentence = str | Callable[[Words], str]


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

    sentence: Sentence
    holds: Callable[[Position], object] = always


class PhaseGate(NamedTuple):
    """The gate of a phase, with its host where it has one."""

    phase: str
    host: Callable[[Words], str] | None = None

    def called(self, words: Words) -> tuple[str, ...]:
        """The arguments of the call that judges it."""
        host = () if self.host is None else ("--host", self.host(words))
        return ("--phase", self.phase, *host)


class Rule(NamedTuple):
    """One row: where it holds, what is said there, and the gates that must open before."""

    point: Sentence
    kind: Kind
    holds: Callable[[Position], object]
    sentence: Sentence
    gates: tuple[PhaseGate, ...] = ()
    must_not: tuple[MustNot, ...] = ()


def said(sentence: Sentence, words: Words) -> str:
    """A sentence with the words of a position."""
    return sentence if isinstance(sentence, str) else sentence(words)
