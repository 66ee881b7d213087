"""The wheel carries the checks and works outside the checkout, in a hostile folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    _run(*build, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_it_holds_the_checks_their_pages_and_nothing_of_the_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    bundled = "heat_upgrade_checks/bundled"
    for path in (ROOT / "checks").rglob("*.[mp][dy]"):
        assert f"{bundled}/{path.relative_to(ROOT)}" in names
    assert "heat_upgrade_checks/report/gate.schema.json" in names
    assert "heat_upgrade_checks/evidence/asked/release.py" in names
    assert not [name for name in names if name.startswith(("tests/", "conftest", "checks/"))]


def test_it_works_in_an_empty_virtualenv_in_a_hostile_folder(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -k nothing\n", "utf-8")
    (tmp_path / "conftest.py").write_text("raise SystemExit('hostile')\n", "utf-8")
    venv = tmp_path / "venv"
    uv = (sys.executable, "-m", "uv")
    _run(*uv, "venv", "--quiet", "--python", sys.executable, venv, cwd=tmp_path)
    python = venv / "bin" / "python"
    _run(*uv, "pip", "install", "--quiet", "--python", python, wheel, cwd=tmp_path)
    command = venv / "bin" / "heat-upgrade-check"
    listed = _run(command, "list", cwd=tmp_path)
    assert "queues.empty" in listed
    assert _run(command, "explain", "queues.empty", cwd=tmp_path).startswith("# queues.empty")
    told = _run(command, "demo", cwd=tmp_path, PYTEST_ADDOPTS="-k nothing")
    assert told.count(" GO ") == 8
    assert told.count("GO-WITH-WARNINGS") == 4
    assert told.count("NO-GO") >= 1
    assert (tmp_path / "reports" / "demo-rolling" / "index.html").is_file()
