"""The mark that makes a pytest function a check of the gate."""

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest

from heat_upgrade_checks.gates.catalogue import Check, title_of
from heat_upgrade_checks.phases import PHASES

MARK = "heat_upgrade_check"
_ID = re.compile(r"[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*")

Function = TypeVar("Function", bound=Callable[..., Any])


def check(
    id: str,  # the word of the reports
    *,
    phases: Sequence[str],
    guide: str,
) -> Callable[[Function], Function]:
    """Mark a function as the check `id`, judged in `phases`.

    All three are written as literals, since `list` and `explain` read them without running code.

    :raises TypeError: the author's mistake: a malformed id, an unknown phase, no docstring.
    """

    def mark(function: Function) -> Function:
        where = f"check {id!r} ({function.__module__}.{function.__name__})"
        if not _ID.fullmatch(id):
            raise TypeError(f"{where}: an id is family.words-with-dashes, in lower case")
        unknown = sorted(set(phases) - PHASES.keys())
        if unknown or not phases:
            raise TypeError(f"{where}: phases must be some of {', '.join(PHASES)}; got {unknown}")
        title = title_of(inspect.getdoc(function))
        if not title:
            raise TypeError(f"{where}: its docstring must begin with the state it requires")
        marked: Function = getattr(pytest.mark, MARK)(Check(id, title, tuple(phases), guide))(
            function
        )
        return marked

    return mark


def check_of(item: pytest.Item) -> Check | None:
    """The check that a collected function is, or None."""
    mark = item.get_closest_marker(MARK)
    return mark.args[0] if mark is not None else None
