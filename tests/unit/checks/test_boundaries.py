"""Checks judge facts: they ask no source and touch nothing outside."""

import ast
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path

import pytest

from heat_upgrade_checks.gates.catalogue import checks_folder

EVIDENCE = "heat_upgrade_checks.evidence"
# The tool's own rooms are bound by the layers in pyproject.toml.
OURS = "heat_upgrade_checks"
# Of what is not the tool's own: nothing here opens, connects or runs anything.
PURE = {
    *("collections", "collections.abc", "dataclasses", "datetime", "enum", "itertools", "typing"),
    *("functools", "math", "re", "shlex", "packaging.specifiers", "packaging.version"),
    "pathlib.PurePath",
}
FILES = sorted(checks_folder().rglob("*.py"))


def imported(source: str) -> Iterator[str]:
    """Each import from elsewhere: `module.name`, or the module that is imported whole."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_facts(it: object) -> bool:
    """Whether it is a class of frozen facts, or an enumeration of words for them."""
    if not isinstance(it, type):
        return False
    parameters = getattr(it, "__dataclass_params__", None)
    return issubclass(it, Enum) or (parameters is not None and parameters.frozen)


def trespasses(source: str) -> list[str]:
    """What a check must not do: each import that is no fact and not pure, and `open`."""
    found = []
    for name in imported(source):
        module, _, member = name.rpartition(".")
        if module == EVIDENCE or module.startswith(f"{EVIDENCE}."):
            if not _is_facts(getattr(import_module(module), member, None)):
                found.append(name)
        elif not name.startswith(f"{OURS}.") and not PURE & {name, module}:
            found.append(name)
    names = (node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))
    return found + [name for name in names if name in {"open", "eval", "exec", "__import__"}]


def _id(path: Path) -> str:
    return str(path.relative_to(checks_folder()))


@pytest.mark.parametrize("path", FILES, ids=_id)
def test_a_check_takes_facts_from_evidence_and_does_nothing_outside(path: Path) -> None:
    assert trespasses(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", FILES, ids=_id)
def test_no_file_of_checks_is_long(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 250


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from heat_upgrade_checks.evidence.database.state import Database", []),
        (
            "from heat_upgrade_checks.evidence.database.state import Database, observe",
            ["heat_upgrade_checks.evidence.database.state.observe"],
        ),
        # A class that asks is none of facts.
        (
            "from heat_upgrade_checks.evidence.site import Site",
            ["heat_upgrade_checks.evidence.site.Site"],
        ),
        # A module would bring its functions along.
        (
            "from heat_upgrade_checks.evidence.database import state",
            ["heat_upgrade_checks.evidence.database.state"],
        ),
        ("import heat_upgrade_checks.evidence.site", ["heat_upgrade_checks.evidence.site"]),
        ("from pathlib import PurePath", []),
        ("from pathlib import Path", ["pathlib.Path"]),
        ("import subprocess", ["subprocess"]),
        ("import requests", ["requests"]),
        ("def check():\n    from sqlalchemy import text", ["sqlalchemy.text"]),
        ("open('/etc/heat/heat.conf')", ["open"]),
        ("from . import say_work", []),
    ],
)
def test_what_would_be_found(source: str, found: list[str]) -> None:
    assert trespasses(source) == found
