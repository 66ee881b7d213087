"""The mark that makes a pytest function a check of the gate."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from heat_upgrade_checks.phases import PHASES

_ID = re.compile(r"[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*")
_MARK = "__heat_upgrade_check__"

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Check:
    """What is known of a check before it runs.

    `title` is the state it requires, true when the check passes: the first line of the function's
    docstring. `guide` names the steps of Heat's upgrade guide that it stands for.
    """

    id: str
    title: str
    phases: tuple[str, ...]
    guide: str

    @property
    def family(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]


def check(
    id: str,  # the word of the reports
    *,
    phases: Sequence[str],
    guide: str,
) -> Callable[[Function], Function]:
    """Mark a function as the check `id`, judged in `phases`.

    :raises TypeError: the author's mistake: a malformed id, an unknown phase, no docstring.
    """

    def mark(function: Function) -> Function:
        where = f"check {id!r} ({function.__module__}.{function.__name__})"
        if not _ID.fullmatch(id):
            raise TypeError(f"{where}: an id is family.words-with-dashes, in lower case")
        unknown = sorted(set(phases) - PHASES.keys())
        if unknown or not phases:
            raise TypeError(f"{where}: phases must be some of {', '.join(PHASES)}; got {unknown}")
        title = (inspect.getdoc(function) or "").partition("\n")[0].rstrip(".")
        if not title:
            raise TypeError(f"{where}: its docstring must begin with the state it requires")
        setattr(function, _MARK, Check(id, title, tuple(phases), guide))
        return function

    return mark


def check_of(function: object) -> Check | None:
    """The mark on a collected function, or None."""
    found = getattr(function, _MARK, None)
    return found if isinstance(found, Check) else None
