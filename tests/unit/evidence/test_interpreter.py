"""An interpreter is started once, answers questions apart from each other, and leaves nothing."""

import gc
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.code.interpreter import Interpreter
from tests.unit.evidence.conftest import ANY, PRINTS
from tests.waiting import until


def test_questions_are_answered_at_once_by_one_process(scripts: Path, python: Interpreter) -> None:
    # Each waits for all others: one that was asked after another had answered would wait for ever.
    meeting = scripts / "meeting"
    meeting.mkdir()
    source = (
        "import os, sys, time\n"
        f"open(os.path.join({str(meeting)!r}, sys.argv[1]), 'w')\n"
        f"while len(os.listdir({str(meeting)!r})) < 6: time.sleep(0.01)\n"
        + PRINTS
        % "'a': sys.argv[1:], 'parent': os.getppid()"
    )
    (scripts / "q.py").write_text(source, "utf-8")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: python.ask(ANY, "q.py", str(n), "x"), range(6)))
    assert [answer["a"] for answer in answers] == [[str(n), "x"] for n in range(6)]
    assert len({answer["parent"] for answer in answers}) == 1


def test_a_question_sees_nothing_of_another(scripts: Path, python: Interpreter) -> None:
    (scripts / "q.py").write_text(
        "import json, sys\nprint(json.dumps({'n': getattr(sys, 'left', 0)}))\nsys.left = 1",
        "utf-8",
    )
    assert [python.ask(ANY, "q.py", str(n)) for n in range(3)] == [{"n": 0}] * 3


def test_the_same_question_is_put_once(scripts: Path, python: Interpreter) -> None:
    (scripts / "q.py").write_text(PRINTS % "'me': os.getpid()", "utf-8")
    with ThreadPoolExecutor(4) as pool:
        assert (
            len({answer["me"] for answer in pool.map(lambda _: python.ask(ANY, "q.py"), "abcd")})
            == 1
        )
    assert python.ask(ANY, "q.py", "x") != python.ask(ANY, "q.py")


def test_a_large_answer_comes_whole(scripts: Path, python: Interpreter) -> None:
    (scripts / "q.py").write_text(PRINTS % "'a': 'é' * 300000", "utf-8")
    assert python.ask(ANY, "q.py") == {"a": "é" * 300000}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import sys; sys.exit(7)", "ended with code 7 before it had answered"),
        ("raise RuntimeError('secret')", "ended with code 1 before it had answered"),
        ("import os; os.kill(os.getpid(), 9)", "ended with code -9 before it had answered"),
        ("pass", "ended with code 0 before it had answered"),
        ("print('no json')", "the answer is not JSON; install the release there"),
        (PRINTS % "'a': 1" + "print('and more')", "the answer is not JSON"),
        ("print('[]')", "the answer is not what it should be"),
        (PRINTS % "'error': None", "the answer is not what it should be"),
        # Whole, and yet not what the script came to in the end.
        (PRINTS % "'a': 1" + "sys.exit(1)", "ended with code 1 before it had answered"),
        (
            PRINTS % "'a': 1" + "sys.stdout.flush(); os.kill(os.getpid(), 9)",
            "ended with code -9 before it had answered",
        ),
        (PRINTS % "'error': 'Heat is not installed there'", "Heat is not installed there"),
    ],
)
def test_what_is_no_answer_is_told(
    source: str, said: str, scripts: Path, python: Interpreter
) -> None:
    (scripts / "q.py").write_text(source, "utf-8")
    with pytest.raises(Unobserved, match=said):
        python.ask(ANY, "q.py")
    (scripts / "fine.py").write_text(PRINTS % "", "utf-8")
    assert python.ask(ANY, "fine.py") == {}


def test_a_silent_question_is_not_waited_for_and_not_left(
    scripts: Path,
) -> None:
    told = scripts / "pid"
    (scripts / "q.py").write_text(
        f"import os, time\nopen({str(told)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)",
        "utf-8",
    )
    python = Interpreter(Path(sys.executable), "target", limit=timedelta(seconds=1))
    with pytest.raises(Unobserved, match=r"gave no answer within 1 s; see how long .* timeouts"):
        python.ask(ANY, "q.py")
    child = int(until(lambda: told.exists() and told.read_text(), "a question that is put"))
    del python
    gc.collect()
    until(lambda: not Path(f"/proc/{child}").exists(), "no process of the question")


_HUNG = """
from datetime import timedelta
from pathlib import Path
from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence import asked
from heat_upgrade_checks.evidence.code import interpreter
interpreter._GRACE = 1
asked.FOLDER = Path({scripts!r})
python = interpreter.Interpreter(Path({program!r}), "current", limit=timedelta(seconds=1))
print(python._process.pid)
for number in range(2):
    try:
        python.ask(dict, "q.py", str(number))
    except Unobserved as error:
        print(error)
"""


def test_what_does_not_read_its_questions_is_ended(scripts: Path) -> None:
    program = scripts / "hung"
    program.write_text("#!/bin/sh\nexec sleep 3600\n", "utf-8")
    program.chmod(0o755)
    (scripts / "q.py").write_text("#" * 200_000, "utf-8")
    source = _HUNG.format(scripts=str(scripts), program=str(program))
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    hung, first, second = done.stdout.splitlines()
    assert first == second
    assert first.startswith(f"interpreter {program} gave no answer within 1 s; see how long")
    assert not Path(f"/proc/{hung}").exists()


@pytest.mark.parametrize("program", ["/bin/false", "/bin/cat", "/bin/echo"])
def test_a_program_that_is_no_python(program: str) -> None:
    broken = Interpreter(Path(program), "current")
    for _ in range(2):
        with pytest.raises(
            Unobserved, match=r"before it had answered; install the release there, or correct c"
        ):
            broken.ask(ANY, "release.py")


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unobserved, match="No such file or directory"):
        Interpreter(tmp_path / "python", "current")


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to("/opt/python-that-is-gone")
    with pytest.raises(Unobserved, match="a link to /opt/python-that-is-gone, which leads nowhere"):
        Interpreter(tmp_path / "python", "target")


def test_a_prefix_runs_the_interpreter(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/d.sock")
    monkeypatch.setenv("OS_PASSWORD", "canary")
    seen = tmp_path / "seen"
    container = tmp_path / "container"
    container.write_text(f'#!/bin/sh\nenv >{seen}; shift; exec "$@"\n', "utf-8")
    container.chmod(0o755)
    (scripts / "q.py").write_text(PRINTS % "'a': sys.argv[1:]", "utf-8")
    prefix = [str(container), "heat_engine"]
    inside = Interpreter(Path(sys.executable), "target", prefix)
    assert inside.ask(ANY, "q.py", "x") == {"a": ["x"]}
    environment = seen.read_text("utf-8")
    assert "DOCKER_HOST=unix:///run/d.sock" in environment
    assert "canary" not in environment


def test_a_prefix_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unobserved, match=r"podman, the prefix of /p: No such .*target\.prefix"):
        Interpreter(Path("/p"), "target", [str(tmp_path / "podman"), "exec"])


def test_nothing_of_the_environment_is_passed_on(
    scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_PASSWORD", "canary")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    (scripts / "q.py").write_text(PRINTS % "**os.environ", "utf-8")
    seen = Interpreter(Path(sys.executable), "current").ask(ANY, "q.py")
    assert set(seen) <= {"PATH", "LANG", "LC_ALL", "HOME", "XDG_CACHE_HOME", "LC_CTYPE"}
    assert seen["HOME"] == "/dev/null"
    assert "canary" not in json.dumps(seen)
    assert os.environ["OS_PASSWORD"] == "canary"
