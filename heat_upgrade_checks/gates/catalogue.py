"""The checks that ship with this package, read without running any."""

import difflib
import importlib.util
from collections.abc import Iterable
from pathlib import Path

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.gates.registry import Check, check_of

_PACKAGE = Path(__file__).parents[1]


def shipped(name: str) -> Path:
    """A folder that lies beside the package in a checkout and inside it in a wheel."""
    bundled = _PACKAGE / "bundled" / name
    return bundled if bundled.is_dir() else _PACKAGE.parent / name


def checks_folder() -> Path:
    """Where the check files are."""
    return shipped("checks")


def load() -> tuple[Check, ...]:
    """Every check of the package, by id.

    An id may stand on several functions, each for its own phases.
    """
    found: list[Check] = []
    for path in sorted(checks_folder().glob("check_*.py")):
        spec = importlib.util.spec_from_file_location(f"{__name__}.{path.stem}", path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} cannot be loaded")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found += filter(None, map(check_of, vars(module).values()))
    return tuple(sorted(found, key=lambda check: check.id))


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
