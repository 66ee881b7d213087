"""An interpreter is started once, answers questions apart from each other, and leaves nothing."""

import gc
import json
import os
import py_compile
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence import asked
from heat_upgrade_checks.evidence.code.interpreter import Interpreter
from tests.waiting import until

_PRINTS = "import json, sys, os\nprint(json.dumps({%s}))\n"


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for scripts, beside the one that answers."""
    answers = "answer_questions.py"
    (tmp_path / answers).write_text(asked.script(answers), "utf-8")
    monkeypatch.setattr(asked, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture
def python() -> Interpreter:
    return Interpreter(Path(sys.executable), "target")


def test_questions_are_answered_at_once_by_one_process(scripts: Path, python: Interpreter) -> None:
    # Each waits for all others: one that was asked after another had answered would wait for ever.
    meeting = scripts / "meeting"
    meeting.mkdir()
    source = (
        "import os, sys, time\n"
        f"open(os.path.join({str(meeting)!r}, sys.argv[1]), 'w')\n"
        f"while len(os.listdir({str(meeting)!r})) < 6: time.sleep(0.01)\n"
        + _PRINTS
        % "'a': sys.argv[1:], 'parent': os.getppid()"
    )
    (scripts / "q.py").write_text(source, "utf-8")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: python.ask("q.py", str(n), "x"), range(6)))
    assert [answer["a"] for answer in answers] == [[str(n), "x"] for n in range(6)]
    assert len({answer["parent"] for answer in answers}) == 1


def test_a_question_sees_nothing_of_another(scripts: Path, python: Interpreter) -> None:
    (scripts / "q.py").write_text(
        "import json, sys\nprint(json.dumps({'n': getattr(sys, 'left', 0)}))\nsys.left = 1",
        "utf-8",
    )
    assert [python.ask("q.py", str(n)) for n in range(3)] == [{"n": 0}] * 3


def test_the_same_question_is_put_once(scripts: Path, python: Interpreter) -> None:
    (scripts / "q.py").write_text(_PRINTS % "'me': os.getpid()", "utf-8")
    with ThreadPoolExecutor(4) as pool:
        assert len({answer["me"] for answer in pool.map(lambda _: python.ask("q.py"), "abcd")}) == 1
    assert python.ask("q.py", "x") != python.ask("q.py")


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
    scripts: Path,
) -> None:
    told = scripts / "pid"
    (scripts / "q.py").write_text(
        f"import os, time\nopen({str(told)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)",
        "utf-8",
    )
    python = Interpreter(Path(sys.executable), "target", limit=timedelta(seconds=1))
    with pytest.raises(Unobserved, match=r"gave no answer within 1 s; see how long .* timeouts"):
        python.ask("q.py")
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
        python.ask("q.py", str(number))
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
        with pytest.raises(Unobserved, match=r"no answer; install the release there, or correct c"):
            broken.ask("release.py")


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unobserved, match="No such file or directory"):
        Interpreter(tmp_path / "python", "current")


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to("/opt/python-that-is-gone")
    with pytest.raises(Unobserved, match="a link to /opt/python-that-is-gone, which leads nowhere"):
        Interpreter(tmp_path / "python", "target")


# --- a prefix


def test_a_prefix_runs_the_interpreter(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/d.sock")
    monkeypatch.setenv("OS_PASSWORD", "canary")
    seen = tmp_path / "seen"
    container = tmp_path / "container"
    container.write_text(f'#!/bin/sh\nenv >{seen}; shift; exec "$@"\n', "utf-8")
    container.chmod(0o755)
    (scripts / "q.py").write_text(_PRINTS % "'a': sys.argv[1:]", "utf-8")
    prefix = [str(container), "heat_engine"]
    inside = Interpreter(Path(sys.executable), "target", prefix)
    assert inside.ask("q.py", "x") == {"a": ["x"]}
    environment = seen.read_text("utf-8")
    assert "DOCKER_HOST=unix:///run/d.sock" in environment
    assert "canary" not in environment


def test_a_prefix_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unobserved, match=r"podman, the prefix of /p: No such .*target\.prefix"):
        Interpreter(Path("/p"), "target", [str(tmp_path / "podman"), "exec"])


# --- bytecode


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A virtualenv with a package `heat` that was never compiled."""
    venv.create(tmp_path / "venv", symlinks=True)
    (packages,) = (tmp_path / "venv" / "lib").glob("python3*/site-packages")
    (packages / "heat").mkdir()
    (packages / "heat" / "__init__.py").write_text("", "utf-8")
    (packages / "heat" / "engine.py").write_text("", "utf-8")
    return tmp_path / "venv" / "bin" / "python"


_LOADS_HEAT = "import heat.engine\n" + _PRINTS % "'from': heat.engine.__cached__"


def _kept(folder: Path) -> list[str]:
    return sorted(path.name.partition(".")[0] for path in folder.rglob("*.pyc"))


def test_what_was_never_compiled_is_compiled_once_and_elsewhere(
    release: Path, scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (scripts / "q.py").write_text(_LOADS_HEAT, "utf-8")
    told = Interpreter(release, "target").ask("q.py")
    kept = tmp_path / "cache" / "heat-upgrade-checks" / "bytecode"
    assert Path(told["from"]).is_relative_to(kept)
    assert {"__init__", "engine"} <= set(_kept(kept))
    assert kept.stat().st_mode & 0o777 == 0o700
    assert _kept(release.parent.parent) == []


def test_a_releases_own_bytecode_is_used(
    release: Path, scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (packages,) = release.parent.parent.glob("lib/python3*/site-packages")
    py_compile.compile(str(packages / "heat" / "__init__.py"))
    (scripts / "q.py").write_text(_LOADS_HEAT, "utf-8")
    told = Interpreter(release, "target").ask("q.py")
    assert Path(told["from"]).is_relative_to(packages)
    assert _kept(tmp_path / "cache") == []


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_bytecode_that_others_may_write_is_not_run(
    mode: int, release: Path, scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shared = tmp_path / "cache" / "heat-upgrade-checks" / "bytecode"
    shared.mkdir(parents=True)
    shared.chmod(mode)
    (scripts / "q.py").write_text(_LOADS_HEAT, "utf-8")
    Interpreter(release, "target").ask("q.py")
    assert _kept(tmp_path) == []


# --- imports


@pytest.fixture
def modules(scripts: Path) -> Path:
    """A folder of modules that a question can import, each of which notes its process there."""
    (scripts / "loads").write_text("", "utf-8")
    note = f"with open({str(scripts / 'loads')!r}, 'a') as file: print(os.getpid(), file=file)\n"
    noted = "import os\n" + note
    for name, source in {
        "heavy": "print('words on standard output')\nleft = []\n",
        "broken": "import there_is_no_such_module\n",
        "exits": "os._exit(3)\n",
        "quits": "raise SystemExit(4)\n",
        # It shortens the time that it is given, and notes how long that was.
        "hangs": "import signal, time\n"
        f"open({str(scripts / 'given')!r}, 'w').write(str(signal.alarm(1)))\ntime.sleep(600)\n",
        "threads": "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()\n",
        "patches": "import eventlet\neventlet.monkey_patch()\n",
        "eventlet": "patched = []\ndef monkey_patch(): patched.append(1)\n",
    }.items():
        (scripts / f"{name}.py").write_text(noted + source, "utf-8")
    return scripts


_FOUND = """
import json, os, sys
answer = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
sys.path.insert(0, %r)
try:
    module = __import__(sys.argv[1])
    told = {"me": os.getpid(), "parent": os.getppid(), "left": list(getattr(module, "left", ()))}
    getattr(module, "left", []).append(1)
except ImportError as error:
    told = {"missing": error.name}
json.dump(told, answer)
answer.flush()
"""


@pytest.fixture
def importing(modules: Path) -> Interpreter:
    """An interpreter that finds these modules, before it serves as well."""
    (modules / "q.py").write_text(_FOUND % str(modules), "utf-8")
    answers = modules / "answer_questions.py"
    text = answers.read_text("utf-8")
    path = f"\nsys.path.insert(0, {str(modules)!r})\n_HUNG_AFTER ="
    answers.write_text(text.replace("\n_HUNG_AFTER =", path))
    return Interpreter(Path(sys.executable), "target")


def _loads(modules: Path) -> list[str]:
    return (modules / "loads").read_text("utf-8").split()


def test_modules_are_loaded_once_for_all_who_name_them(
    modules: Path, importing: Interpreter
) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda n: importing.ask("q.py", "heavy", str(n), imports=["heavy"]), range(4))
        )
    assert len(_loads(modules)) == 1
    assert len({answer["me"] for answer in answers}) == 4
    assert {answer["parent"] for answer in answers} == {int(_loads(modules)[0])}
    assert all(answer["left"] == [] for answer in answers)
    # A question without them is asked of the process that has loaded nothing.
    assert importing.ask("q.py", "heavy")["parent"] != int(_loads(modules)[0])


@pytest.mark.parametrize("name", ["broken", "there_is_none"])
def test_a_failing_import_is_the_questions_to_tell(name: str, importing: Interpreter) -> None:
    told = importing.ask("q.py", name, imports=["heavy", name])
    assert told == {"missing": "there_is_no_such_module" if name == "broken" else name}


@pytest.mark.parametrize("name", ["exits", "quits", "hangs", "threads"])
def test_an_import_that_is_unfit_disturbs_nobody(
    name: str, modules: Path, importing: Interpreter
) -> None:
    fit = importing.ask("q.py", "heavy", imports=[name])
    assert fit["parent"] != int(_loads(modules)[0])
    if name == "hangs":
        assert importing._conditions()[0] == "150"
        assert 0 < int((modules / "given").read_text()) <= 150
    assert importing.ask("q.py", "heavy", "again", imports=[name])["left"] == []
    assert len([load for load in _loads(modules) if load == _loads(modules)[0]]) == 1


def test_what_a_module_prints_is_no_answer(modules: Path, importing: Interpreter) -> None:
    (modules / "plain.py").write_text("print('{}')", "utf-8")
    assert importing.ask("plain.py", imports=["heavy"]) == {}


def test_loading_patches_nothing(modules: Path, importing: Interpreter) -> None:
    (modules / "patched.py").write_text(
        "import json, eventlet, os\n"
        "print(json.dumps({'patched': eventlet.patched, 'parent': os.getppid()}))\n",
        "utf-8",
    )
    told = importing.ask("patched.py", imports=["patches"])
    assert told == {"patched": [], "parent": int(_loads(modules)[-1])}


@pytest.mark.usefixtures("importing")
def test_what_loaded_ends_with_its_interpreter() -> None:
    python = Interpreter(Path(sys.executable), "target")
    loaded = python.ask("q.py", "heavy", imports=["heavy"])["parent"]
    assert Path(f"/proc/{loaded}").exists()
    del python
    gc.collect()
    until(lambda: not Path(f"/proc/{loaded}").exists(), "no process that loaded modules")


def test_nothing_of_the_environment_is_passed_on(
    scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_PASSWORD", "canary")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    (scripts / "q.py").write_text(_PRINTS % "**os.environ", "utf-8")
    seen = Interpreter(Path(sys.executable), "current").ask("q.py")
    assert set(seen) <= {"PATH", "LANG", "LC_ALL", "HOME", "XDG_CACHE_HOME", "LC_CTYPE"}
    assert seen["HOME"] == "/dev/null"
    assert "canary" not in json.dumps(seen)
    assert os.environ["OS_PASSWORD"] == "canary"
