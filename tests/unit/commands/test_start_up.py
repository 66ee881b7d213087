"""What a command does not use is not imported: every wait for an answer begins with that."""

from pathlib import Path

import pytest

from heat_upgrade_checks.commands.program import main
from tests.driver import COMMAND, call

# Whatever is loaded when the process ends stands in the last line of its errors.
_TELLS = (
    f"import atexit, sys\natexit.register(lambda: print(*sys.modules, file=sys.stderr))\n{COMMAND}"
)
_COMPLETES = {
    "_HEAT_UPGRADE_CHECK_COMPLETE": "bash_complete",
    "COMP_WORDS": "heat-upgrade-check --only ",
    "COMP_CWORD": "2",
}

# The packages that this one depends on, by the names they are imported by.
_DEPENDENCIES = {"alembic", "amqp", "backports", "click", "jinja2", "openstack", "oslo_config"}
_DEPENDENCIES |= {"packaging", "pydantic", "pymysql", "pytest", "requests", "rich", "sqlalchemy"}
_DEPENDENCIES |= {"_pytest", "pytest_html", "tenacity", "yaml"}

_TO_SAY_WHAT_CAN_BE_TYPED = {"cli", "commands", "errors", "output", "phases"}
_OF_A_PLAN = {"files", "heat", "plan", "secrets"}
_OF_A_SITE = {"evidence", "records", "wording"}
# What is asked of configuration and database.
_ASKING = {"pydantic", "packaging", "yaml", "oslo_config", "sqlalchemy", "tenacity"}


def _loaded(
    words: str, folder: Path, environment: dict[str, str] | None = None
) -> tuple[set[str], set[str]]:
    """The dependencies and the rooms of this package that a call has loaded at its end."""
    ended = call(*words.split(), cwd=folder, program=_TELLS, environment=environment)
    modules = ended.err.splitlines()[-1].split()
    assert "heat_upgrade_checks.commands.program" in modules
    rooms = {name.split(".")[1] for name in modules if name.startswith("heat_upgrade_checks.")}
    return _DEPENDENCIES & {name.partition(".")[0] for name in modules}, rooms


@pytest.mark.parametrize(
    ("words", "rooms"),
    [
        ("--help", set()),
        ("--version", set()),
        ("explain --help", set()),
        ("", set()),
        ("--phase none", set()),
        ("list", {"gates"}),
        ("explain queues", {"gates"}),
        ("explain queue", {"gates"}),
    ],
)
def test_what_only_tells_loads_nothing_that_asks(
    words: str, rooms: set[str], tmp_path: Path
) -> None:
    assert _loaded(words, tmp_path) == ({"click"}, _TO_SAY_WHAT_CAN_BE_TYPED | rooms)


def test_completion_loads_nothing_that_asks(tmp_path: Path) -> None:
    rooms = _TO_SAY_WHAT_CAN_BE_TYPED | {"gates"}
    assert _loaded("", tmp_path, _COMPLETES) == ({"click"}, rooms)


# Without a plan each of them ends as soon as it has loaded what it consists of.
_COMMANDS = {
    "init": ({"pydantic", "packaging", "yaml"}, _OF_A_PLAN),
    "notes": (_ASKING, _OF_A_PLAN | _OF_A_SITE),
    "verify": (_ASKING, _OF_A_PLAN | _OF_A_SITE | {"gates", "report"}),
    "where": (
        _ASKING | {"amqp", "backports", "requests"},
        _OF_A_PLAN | _OF_A_SITE | {"gates", "reading", "schema", "where"},
    ),
    "watch": (
        _ASKING | {"backports", "jinja2", "requests", "rich"},
        _OF_A_PLAN | _OF_A_SITE | {"reading", "report", "watch"},
    ),
    "rehearse": (
        _ASKING | {"alembic", "backports", "rich"},
        _OF_A_PLAN | _OF_A_SITE | {"rehearsal", "schema"},
    ),
    "--phase pre": (
        _ASKING | {"backports", "jinja2", "pytest", "_pytest", "requests", "rich"},
        _OF_A_PLAN | _OF_A_SITE | {"gates", "reading", "report"},
    ),
}


@pytest.mark.parametrize("words", _COMMANDS)
def test_a_command_loads_what_it_uses(words: str, tmp_path: Path) -> None:
    dependencies, rooms = _loaded(words, tmp_path, {"HEAT_UPGRADE_PLAN": ""})
    allowed, allowed_rooms = _COMMANDS[words]
    assert dependencies - allowed - {"click"} == set()
    assert rooms - allowed_rooms - _TO_SAY_WHAT_CAN_BE_TYPED == set()


def test_each_command_is_among_them() -> None:
    # The demo runs every gate, and loads what they use before it begins.
    assert set(main.commands) == {"list", "explain", "demo"} | set(_COMMANDS) - {"--phase pre"}
