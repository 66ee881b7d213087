"""Scripts for a Heat release's interpreter parse there, and import only what is there."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from heat_upgrade_checks.evidence import asked
from heat_upgrade_checks.rehearsal import exercise

SCRIPTS = sorted(path.name for path in asked.FOLDER.glob("*.py") if path.name != "__init__.py")
# Those that others import; who sends a script sends them with it.
PARTS = {"database_errors", "made_up_values"}
# What a release requires (its requirements.txt of Zed to 2026.2), and so what lies beside it.
BROUGHT = {
    "dogpile",
    "eventlet",
    "heat",
    "keystoneauth1",
    "oslo_config",
    "oslo_db",
    "oslo_messaging",
    "packaging",
    "paste",
    "sqlalchemy",
}
# Modules that Python 3.8 lacks or that later ones have lost.
NOT_EVERYWHERE = {
    "annotationlib",
    "asynchat",
    "asyncore",
    "cgi",
    "compression",
    "distutils",
    "graphlib",
    "imp",
    "pipes",
    "smtpd",
    "tomllib",
    "zoneinfo",
}


def imported(tree: ast.AST) -> Iterator[str]:
    """The top packages of every import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a script has no package"
            yield str(node.module).partition(".")[0]


def faults(source: str) -> set[str]:
    """What no release's interpreter could be sure to run."""
    tree = ast.parse(source, feature_version=(3, 8))
    known = (sys.stdlib_module_names - NOT_EVERYWHERE) | BROUGHT | PARTS
    return set(imported(tree)) - known


def test_every_script_is_looked_at() -> None:
    assert {"release.py", "answer_questions.py", "exercise_tables.py"} <= set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_on_the_oldest_python_with_what_a_release_brings(name: str) -> None:
    assert faults(asked.script(name)) == set()


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_no_part_of_a_package(name: str) -> None:
    assert "heat_upgrade_checks" not in asked.script(name)
    assert Path(asked.FOLDER, name).read_bytes().isascii()


def test_a_script_comes_with_the_parts_that_it_imports() -> None:
    script = asked.script(*exercise._SCRIPT)
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], input="", capture_output=True, text=True, check=True
    )
    assert "Heat is not installed there" in json.loads(done.stdout)["error"]
    parts = {Path(name).stem for name in exercise._SCRIPT[1:]}
    for name in SCRIPTS:
        wanted = PARTS & set(imported(ast.parse(asked.script(name))))
        assert wanted <= parts, name
        assert not wanted or name in exercise._SCRIPT, name


def test_newer_words_and_foreign_packages_are_faults() -> None:
    for newer in ("match 1:\n    case _: pass\n", "with (open('a') as a, open('b') as b): pass\n"):
        with pytest.raises(SyntaxError):
            faults(newer)
    assert faults("def ask():\n    import yaml, tomllib\n") == {"yaml", "tomllib"}
    assert faults("from heat_upgrade_checks.heat import queues\n") == {"heat_upgrade_checks"}
