"""An interpreter is started once, answers questions apart from each other, and leaves nothing."""

import gc
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence import interpreter
from heat_upgrade_checks.evidence.interpreter import Interpreter

_PRINTS = "import json, sys, os\nprint(json.dumps({%s}))\n"


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for scripts, beside the one that answers."""
    answers = Path(interpreter.__file__).with_name("answer_questions.py")
    (tmp_path / answers.name).write_text(answers.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(interpreter, "_HERE", tmp_path)
    return tmp_path


@pytest.fixture
def python() -> Interpreter:
    return Interpreter(Path(sys.executable), "target")


def test_questions_are_answered_at_once_by_one_process(scripts: Path, python: Interpreter) -> None:
    source = (
        "import time; time.sleep(0.5)\n" + _PRINTS % "'a': sys.argv[1:], 'parent': os.getppid()"
    )
    (scripts / "q.py").write_text(source, "utf-8")
    begun = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: python.ask("q.py", str(n), "x"), range(6)))
    assert time.monotonic() - begun < 2.5
    assert [answer["a"] for answer in answers] == [[str(n), "x"] for n in range(6)]
    assert len({answer["parent"] for answer in answers}) == 1


def test_a_question_sees_nothing_of_another(scripts: Path, python: Interpreter) -> None:
    (scripts / "q.py").write_text(
        "import json, sys\nprint(json.dumps({'n': getattr(sys, 'left', 0)}))\nsys.left = 1",
        "utf-8",
    )
    assert [python.ask("q.py") for _ in range(3)] == [{"n": 0}] * 3


def test_a_large_answer_comes_whole(scripts: Path, python: Interpreter) -> None:
    (scripts / "q.py").write_text(_PRINTS % "'a': 'é' * 300000", "utf-8")
    assert python.ask("q.py") == {"a": "é" * 300000}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import sys; sys.exit(7)", "ended with code 7 and no answer"),
        ("raise RuntimeError('secret')", "ended with code 1 and no answer"),
        ("import os; os.kill(os.getpid(), 9)", "ended with code -9 and no answer"),
        ("print('no json')", "ended with code 0 and no answer"),
        (_PRINTS % "'error': 'Heat is not installed there'", "Heat is not installed there"),
    ],
)
def test_what_is_no_answer_is_told(
    source: str, said: str, scripts: Path, python: Interpreter
) -> None:
    (scripts / "q.py").write_text(source, "utf-8")
    with pytest.raises(Unobserved, match=said):
        python.ask("q.py")
    (scripts / "fine.py").write_text(_PRINTS % "", "utf-8")
    assert python.ask("fine.py") == {}


def test_a_silent_question_is_not_waited_for_and_not_left(
    scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreter, "_TIMEOUT", 1)
    told = scripts / "pid"
    (scripts / "q.py").write_text(
        f"import os, time\nopen({str(told)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)",
        "utf-8",
    )
    python = Interpreter(Path(sys.executable), "target")
    with pytest.raises(Unobserved, match="gave no answer within 1 s"):
        python.ask("q.py")
    child = int(told.read_text())
    del python
    gc.collect()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{child}").exists():
        assert time.monotonic() < deadline, "the question's process is left"
        time.sleep(0.05)


@pytest.mark.parametrize("program", ["/bin/false", "/bin/cat", "/bin/echo"])
def test_a_program_that_is_no_python(program: str) -> None:
    broken = Interpreter(Path(program), "current")
    for _ in range(2):
        with pytest.raises(Unobserved, match=r"no answer; install the release there, or correct c"):
            broken.ask("ask_release.py")


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unobserved, match="No such file or directory"):
        Interpreter(tmp_path / "python", "current")


def test_nothing_of_the_environment_is_passed_on(
    scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_PASSWORD", "canary")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    (scripts / "q.py").write_text(_PRINTS % "**os.environ", "utf-8")
    seen = Interpreter(Path(sys.executable), "current").ask("q.py")
    assert set(seen) <= {"PATH", "LANG", "LC_ALL", "HOME", "LC_CTYPE"}
    assert "canary" not in json.dumps(seen)
    assert os.environ["OS_PASSWORD"] == "canary"
