"""The process ends with the code that its end has, whatever cannot even be imported."""

import os
import signal
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from heat_upgrade_checks import cli
from heat_upgrade_checks.records.findings import Verdict
from tests.driver import COMMAND, call, interrupt

INTERRUPTED = "heat-upgrade-check: INCOMPLETE (interrupted)\n"
_CALLS = {"the console script": ("-c", COMMAND), "the module": ("-m", "heat_upgrade_checks")}


def _ended(
    folder: Path, *words: str, by: str = "the console script", **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *_CALLS[by], *words],
        cwd=folder,
        env={**os.environ, "HEAT_UPGRADE_PLAN": "", **environment},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def _broken(folder: Path, module: str, source: str) -> str:
    """A folder for PYTHONPATH in which this module cannot be imported."""
    (folder / "broken").mkdir()
    (folder / "broken" / f"{module}.py").write_text(source, "utf-8")
    return str(folder / "broken")


def test_the_console_script_is_the_entry_point() -> None:
    (script,) = entry_points(group="console_scripts", name="heat-upgrade-check")
    assert script.load() is cli.run


@pytest.mark.parametrize("by", _CALLS)
@pytest.mark.parametrize(
    ("module", "words"),
    [("click", "list"), ("typing", "list"), ("sqlalchemy", "--phase pre"), ("pydantic", "where")],
)
def test_a_failed_import_is_code_255_and_one_sentence(
    by: str, module: str, words: str, tmp_path: Path
) -> None:
    path = _broken(tmp_path, module, "raise RuntimeError('pa55w0rd')\n")
    ended = _ended(tmp_path, *words.split(), by=by, PYTHONPATH=path)
    assert (ended.returncode, ended.stdout) == (255, "")
    assert ended.stderr == (
        f"heat-upgrade-check: broke (RuntimeError at broken/{module}.py:1); "
        "nothing was judged, report it as a bug\n"
    )


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("raise SystemExit(1)", "SystemExit"),
        ("raise SystemExit(0)", "SystemExit"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("(", "SyntaxError"),
        ("raise BaseException", "BaseException"),
        ("raise RecursionError", "RecursionError"),
    ],
)
def test_however_it_fails(source: str, kind: str, tmp_path: Path) -> None:
    ended = _ended(tmp_path, "list", PYTHONPATH=_broken(tmp_path, "click", source))
    assert ended.returncode == cli.BROKEN
    assert ended.stderr.startswith(f"heat-upgrade-check: broke ({kind} at ")
    assert ended.stderr.count("\n") == 1


def test_what_a_command_does_not_use_may_be_broken(tmp_path: Path) -> None:
    path = _broken(tmp_path, "sqlalchemy", "raise RuntimeError")
    ended = _ended(tmp_path, "list", PYTHONPATH=path)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_ctrl_c_while_it_loads_leaves_the_gate_incomplete(tmp_path: Path) -> None:
    path = _broken(tmp_path, "sqlalchemy", "raise KeyboardInterrupt")
    ended = _ended(tmp_path, "--phase", "pre", PYTHONPATH=path)
    assert (ended.returncode, ended.stderr) == (Verdict.INCOMPLETE.exit_code, INTERRUPTED)
    path = _broken(tmp_path / "broken", "click", "raise KeyboardInterrupt")
    ended = _ended(tmp_path, "--phase", "pre", PYTHONPATH=path)
    assert (ended.returncode, ended.stderr) == (Verdict.INCOMPLETE.exit_code, INTERRUPTED)


def test_the_sentence_that_nobody_reads_changes_no_code(tmp_path: Path) -> None:
    path = _broken(tmp_path, "click", "raise RuntimeError")
    for closed in (">&- 2>&-", ">/dev/full 2>/dev/full"):
        command = f'exec "$@" {closed}'
        done = subprocess.run(
            ["bash", "-c", command, "bash", sys.executable, "-c", COMMAND, "list"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
            timeout=180,
            check=False,
        )
        assert done.returncode == cli.BROKEN


def test_a_gate_that_gives_no_code_has_not_gone_well(tmp_path: Path) -> None:
    program = "from heat_upgrade_checks.commands import gate\ngate.judge = lambda *_, **__: None\n"
    ended = call("--phase", "pre", cwd=tmp_path, program=program + COMMAND)
    assert ended.code == cli.BROKEN
    assert "broke (TypeError at commands/program.py:" in ended.err


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("module", "words"), [("click", "list"), ("sqlalchemy", "--phase pre"), ("pydantic", "where")]
)
def test_a_signal_while_it_loads_is_one_sentence_and_code_3(
    module: str, words: str, by: signal.Signals, tmp_path: Path
) -> None:
    path = _broken(tmp_path, module, "import signal\nprint('here', flush=True)\nsignal.pause()\n")
    ended = interrupt(
        *words.split(), cwd=tmp_path, environment={"PYTHONPATH": path}, until="here", by=by
    )
    assert (ended.code, ended.err) == (3, INTERRUPTED)
