"""The interpreters of two releases at work: what they show, and how they end."""

import os
import signal
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.rehearsal import exercise as module
from heat_upgrade_checks.rehearsal.exercise import exercise
from tests.lab.venvs import interpreter
from tests.services.heat_databases import PASSWORD, HeatDatabase
from tests.services.mariadb import MariaDB
from tests.services.processes import is_alive, started_in
from tests.services.rehearsal.exercised import worked
from tests.waiting import until


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the interpreters that were started."""
    started: list[int] = []
    send = module._Release.send

    def note(release: module._Release, *lines: object) -> None:
        started.append(release.process.pid)
        send(release, *lines)

    monkeypatch.setattr(module._Release, "send", note)
    return started


def _ended(children: list[int]) -> bool:
    return bool(children) and not any(is_alive(pid) for pid in children)


def test_the_password_is_nowhere(
    on_26: HeatDatabase, children: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    work = module._work_alone

    def look(release: module._Release) -> None:
        folder = Path(f"/proc/{release.process.pid}")
        seen.append((folder / "cmdline").read_bytes() + (folder / "environ").read_bytes())
        work(release)

    monkeypatch.setattr(module, "_work_alone", look)
    done = worked(on_26)
    assert len(seen) == 2
    assert not any(PASSWORD.encode() in each for each in seen)
    assert PASSWORD not in repr(done)
    assert _ended(children)


@pytest.mark.parametrize("kind", ["mariadb", "postgresql"])
def test_a_database_that_does_not_let_it_in(
    request: pytest.FixtureRequest, children: list[int], kind: str
) -> None:
    heat = request.getfixturevalue(f"on_{kind}")()
    wrong = heat.url.replace(PASSWORD, "another-canary")
    with pytest.raises(Unobserved) as caught:
        exercise(None, interpreter(26), wrong)
    assert "another-canary" not in str(caught.value)
    assert "database" in str(caught.value)
    assert _ended(children)


def test_a_url_that_is_none(children: list[int]) -> None:
    with pytest.raises(Unobserved) as caught:
        exercise(None, interpreter(26), f"{PASSWORD}@nowhere")
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None
    assert _ended(children)


def test_a_server_that_goes_away(
    mariadb: MariaDB, on_26: HeatDatabase, children: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = module._work_alone

    def lose(release: module._Release) -> None:
        for number, user in mariadb.execute("SELECT id, user FROM information_schema.processlist"):
            if user == sa.make_url(on_26.url).username:
                mariadb.execute(f"DROP USER IF EXISTS `{user}`@`127.0.0.1`")
                mariadb.execute(f"KILL {number}")
        work(release)

    monkeypatch.setattr(module, "_work_alone", lose)
    with pytest.raises(Unobserved, match=r"database"):
        worked(on_26)
    assert _ended(children)


def _program(folder: Path, *lines: str) -> Path:
    program = folder / "python"
    program.write_text("\n".join(("#!/bin/sh", *lines, "")), encoding="utf-8")
    program.chmod(0o755)
    return program


URL = "sqlite:////nowhere/heat.sqlite"


def test_an_interpreter_without_heat(children: list[int]) -> None:
    with pytest.raises(Unobserved, match="Heat is not installed there; install it"):
        exercise(None, Path("/usr/bin/python3"), URL)
    assert _ended(children)


def test_an_interpreter_that_is_missing(tmp_path: Path, children: list[int]) -> None:
    with pytest.raises(Unobserved, match=r"No such file .* correct target\.python in the plan"):
        exercise(interpreter(26), tmp_path / "python", URL)
    assert _ended(children)


@pytest.mark.parametrize(
    "line", ["exit 3", "echo no answer", "echo '[]'", "echo '{}'", 'echo \'{"tables": "all"}\'']
)
def test_an_interpreter_that_gives_no_answer(
    tmp_path: Path, children: list[int], line: str
) -> None:
    with pytest.raises(Unobserved, match="gave no answer to a request"):
        exercise(None, _program(tmp_path, line), URL)
    assert _ended(children)


def test_an_interpreter_that_hangs(
    tmp_path: Path, children: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TIMEOUT", 0.5)
    program = _program(tmp_path, f"sh -c 'sleep 600; :' {tmp_path} &", "wait")
    with pytest.raises(Unobserved, match=r"gave no answer within 0\.5 s"):
        exercise(None, program, URL)
    assert _ended(children)
    until(lambda: not started_in(tmp_path), "the interpreter's own child ended")


def test_an_interrupted_rehearsal_leaves_nothing_running(
    tmp_path: Path, children: list[int]
) -> None:
    slept = tmp_path / "slept"
    program = _program(tmp_path, "sleep 600", f"touch {slept}")

    def press_ctrl_c() -> None:
        until(lambda: len(set(children)) == 2, "both interpreters started")
        os.kill(os.getpid(), signal.SIGINT)

    interrupt = threading.Thread(target=press_ctrl_c)
    # A worker of pytest-xdist ignores it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupt.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            exercise(program, program, URL)
    finally:
        interrupt.join()
        signal.signal(signal.SIGINT, before)
    assert _ended(children)
    # They were ended: nobody waited until they had slept.
    assert not slept.exists()
