"""The checks that ship with this package, read from their marks; none of their code is run."""

import ast
import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from heat_upgrade_checks.errors import UsageError

_PACKAGE = Path(__file__).parents[1]


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
        """The part of the id before the dot: the folder of its file."""
        return self.id.partition(".")[0]


def title_of(docstring: str | None) -> str:
    """The state that a check requires, as its docstring begins."""
    return (docstring or "").partition("\n")[0].rstrip(".")


def checks_folder() -> Path:
    """Where the checks are: beside the package in a checkout, inside it in a wheel."""
    bundled = _PACKAGE / "bundled" / "checks"
    return bundled if bundled.is_dir() else _PACKAGE.parent / "checks"


def file_of(id: str) -> Path:
    """The file of a check, by its id alone: `stacks/held_by_host.py` is stacks.held-by-host."""
    family, _, name = id.partition(".")
    return checks_folder() / family / f"{name.replace('-', '_')}.py"


def page_of(id: str) -> Path:
    """The page that explains a check; it stands beside its file."""
    family, _, name = id.partition(".")
    return checks_folder() / family / f"{name}.md"


def load() -> tuple[Check, ...]:
    """Every check of the package, by id.

    An id may stand on several functions, each for its own phases.
    """
    files = sorted(checks_folder().glob("*/[!_]*.py"))
    found = [check for path in files for check in marked_in(path.read_text("utf-8"))]
    return tuple(sorted(found, key=lambda check: check.id))


def marked_in(source: str) -> Iterator[Check]:
    """The checks of a file, as the words of its marks say.

    Marks whose words are made by code are left out; the gate names such a function.
    """
    for function in ast.parse(source).body:
        if not isinstance(function, ast.FunctionDef):
            continue
        title = title_of(ast.get_docstring(function))
        for mark in function.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "check":
                try:
                    (id,) = map(ast.literal_eval, mark.args)
                    words = {each.arg: ast.literal_eval(each.value) for each in mark.keywords}
                    yield Check(id, title, tuple(words["phases"]), words["guide"])
                except (KeyError, TypeError, ValueError):
                    continue


def select(checks: Iterable[Check], phase: str, only: Iterable[str]) -> frozenset[str]:
    """The ids that a gate of this phase must hold a record of.

    :raises UsageError: a word of `only` is no id and no family, or names nothing in this phase.
    """
    checks = tuple(checks)
    ids = frozenset(check.id for check in checks if phase in check.phases)
    words = tuple(only)
    require_known(checks, words, "--only")
    if not words:
        return ids
    chosen = frozenset(id for id in ids if id in words or id.partition(".")[0] in words)
    if not chosen:
        raise UsageError(f"--only {' '.join(words)}: none of it is judged in phase {phase}")
    return chosen


def require_known(checks: Iterable[Check], words: Iterable[str], where: str) -> None:
    """Refuse words that are neither an id nor a family.

    :raises UsageError: with the nearest word that is one.
    """
    known = {word for check in checks for word in (check.id, check.family)}
    for word in words:
        if word not in known:
            close = difflib.get_close_matches(word, known, n=1)
            hint = f"did you mean {close[0]}?" if close else "see: heat-upgrade-check list"
            raise UsageError(f"{where}: no check or family is called {word!r}; {hint}")
