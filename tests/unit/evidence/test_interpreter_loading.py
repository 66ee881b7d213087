"""An interpreter loads modules once for all questions, and keeps bytecode apart."""

import gc
import py_compile
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from heat_upgrade_checks.evidence.code.interpreter import Interpreter
from tests.unit.evidence.conftest import ANY, PRINTS
from tests.waiting import until

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


_LOADS_HEAT = "import heat.engine\n" + PRINTS % "'from': heat.engine.__cached__"


def _kept(folder: Path) -> list[str]:
    return sorted(path.name.partition(".")[0] for path in folder.rglob("*.pyc"))


def test_what_was_never_compiled_is_compiled_once_and_elsewhere(
    release: Path, scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (scripts / "q.py").write_text(_LOADS_HEAT, "utf-8")
    told = Interpreter(release, "target").ask(ANY, "q.py")
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
    told = Interpreter(release, "target").ask(ANY, "q.py")
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
    Interpreter(release, "target").ask(ANY, "q.py")
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
            pool.map(
                lambda n: importing.ask(ANY, "q.py", "heavy", str(n), imports=["heavy"]), range(4)
            )
        )
    assert len(_loads(modules)) == 1
    assert len({answer["me"] for answer in answers}) == 4
    assert {answer["parent"] for answer in answers} == {int(_loads(modules)[0])}
    assert all(answer["left"] == [] for answer in answers)
    # A question without them is asked of the process that has loaded nothing.
    assert importing.ask(ANY, "q.py", "heavy")["parent"] != int(_loads(modules)[0])


@pytest.mark.parametrize("name", ["broken", "there_is_none"])
def test_a_failing_import_is_the_questions_to_tell(name: str, importing: Interpreter) -> None:
    told = importing.ask(ANY, "q.py", name, imports=["heavy", name])
    assert told == {"missing": "there_is_no_such_module" if name == "broken" else name}


@pytest.mark.parametrize("name", ["exits", "quits", "hangs", "threads"])
def test_an_import_that_is_unfit_disturbs_nobody(
    name: str, modules: Path, importing: Interpreter
) -> None:
    fit = importing.ask(ANY, "q.py", "heavy", imports=[name])
    assert fit["parent"] != int(_loads(modules)[0])
    if name == "hangs":
        assert importing._conditions()[0] == "150"
        assert 0 < int((modules / "given").read_text()) <= 150
    assert importing.ask(ANY, "q.py", "heavy", "again", imports=[name])["left"] == []
    assert len([load for load in _loads(modules) if load == _loads(modules)[0]]) == 1


def test_what_a_module_prints_is_no_answer(modules: Path, importing: Interpreter) -> None:
    (modules / "plain.py").write_text("print('{}')", "utf-8")
    assert importing.ask(ANY, "plain.py", imports=["heavy"]) == {}


def test_loading_patches_nothing(modules: Path, importing: Interpreter) -> None:
    (modules / "patched.py").write_text(
        "import json, eventlet, os\n"
        "print(json.dumps({'patched': eventlet.patched, 'parent': os.getppid()}))\n",
        "utf-8",
    )
    told = importing.ask(ANY, "patched.py", imports=["patches"])
    assert told == {"patched": [], "parent": int(_loads(modules)[-1])}


@pytest.mark.usefixtures("importing")
def test_what_loaded_ends_with_its_interpreter() -> None:
    python = Interpreter(Path(sys.executable), "target")
    loaded = python.ask(ANY, "q.py", "heavy", imports=["heavy"])["parent"]
    assert Path(f"/proc/{loaded}").exists()
    del python
    gc.collect()
    until(lambda: not Path(f"/proc/{loaded}").exists(), "no process that loaded modules")
