"""Real Heat releases that run, and copies of them that lack what they need."""

import json
import re
import shutil
import socket
import venv
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from tests.driver import Outcome, call
from tests.lab import venvs

CODE = ("code.installed", "code.python", "code.constraints", "code.upgrade-check")
ENTRY_POINTS = "code.entry-points"
SECRET = "canary-of-a-password-93ab"


def _judge(
    folder: Path,
    current: int | Path,
    target: int | Path,
    *only: str,
    conf: str = "",
    phase: str = "installed",
    **section: Any,
) -> Outcome:
    """A gate of some checks; `conf` are more lines, `section` more keys of the target."""
    plan: dict[str, Any] = {"name": "code", "mode": "rolling"}
    for side, release in (("current", current), ("target", target)):
        path = folder / f"{side}.conf"
        path.write_text(
            f"[DEFAULT]\ntransport_url = rabbit://heat:{SECRET}@127.0.0.1:9/v\n"
            f"[database]\nconnection = mysql+pymysql://heat:{SECRET}@127.0.0.1:9/heat\n{conf}\n",
            "utf-8",
        )
        python = venvs.interpreter(release) if isinstance(release, int) else release
        plan[side] = {"python": str(python), "config": [str(path)]}
    plan["target"] |= section
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(plan), "utf-8")
    chosen = [word for id in only for word in ("--only", id)]
    reports = str(folder / "reports")
    arguments = ["--phase", phase, *chosen, "--plan", str(path), "--reports", reports]
    outcome = call(*arguments, cwd=folder, environment={"HOME": str(folder / "home")})
    assert not outcome.err
    assert SECRET not in outcome.written
    return outcome


def _findings(outcome: Outcome, id: str) -> list[tuple[str, str, str]]:
    found = outcome.check(id)["findings"]
    return [(f["level"], f["object"], f["summary"]) for f in found]


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Any]:
    """Makes a virtualenv of links into a release's own, without some of its distributions."""

    def make(release: int, *without: str) -> Path:
        folder = tmp_path / "copy"
        venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
        (packages,) = folder.glob("lib/python*/site-packages")
        for entry in _packages(release).iterdir():
            if not entry.name.startswith((*without, "__pycache__")):
                (packages / entry.name).symlink_to(entry)
        return folder / "bin" / "python"

    yield make
    shutil.rmtree(tmp_path / "copy", ignore_errors=True)


def _packages(release: int) -> Path:
    (packages,) = venvs.interpreter(release).parents[1].glob("lib/python*/site-packages")
    return packages


def _own(python: Path, name: str) -> Path:
    """Turns a linked folder of a copy into one of its own, of links."""
    (packages,) = python.parents[1].glob("lib/python*/site-packages")
    folder = packages / name
    real = folder.resolve()
    folder.unlink()
    folder.mkdir()
    for entry in real.iterdir():
        if entry.name != "__pycache__":
            (folder / entry.name).symlink_to(entry)
    return folder


# --- releases as they are


@pytest.mark.parametrize(("current", "target"), [(19, 20), (25, 26), (26, 27)])
def test_each_release_runs(current: int, target: int, tmp_path: Path) -> None:
    outcome = _judge(tmp_path, current, target, *CODE)
    assert outcome.code == 0, outcome.out
    assert {id: _findings(outcome, id) for id in CODE} == {id: [] for id in CODE}
    looked_at = outcome.check("code.installed")["looked_at"]
    (loaded,) = re.findall(r"(\d+) commands, modules, plugins and drivers loaded", looked_at)
    assert int(loaded) > 100
    assert "exit code 0" in outcome.check("code.upgrade-check")["looked_at"]


@pytest.mark.nightly
@pytest.mark.parametrize(("current", "target"), [(20, 21), (21, 22), (22, 23), (23, 24), (24, 25)])
def test_each_further_release_runs(current: int, target: int, tmp_path: Path) -> None:
    test_each_release_runs(current, target, tmp_path)


def test_the_target_is_started_once_and_touches_nothing(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    wrapper = tmp_path / "bin" / "python"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho >>{starts}\nexec {venvs.interpreter(24)} "$@"\n', "utf-8")
    wrapper.chmod(0o755)
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "site.py").write_text("def resource_mapping():\n    return {}\n", "utf-8")
    log = tmp_path / "heat.log"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        accepted: list[object] = []
        Thread(target=_accept, args=(server, accepted), daemon=True).start()
        conf = (
            f"[DEFAULT]\nplugin_dirs = {plugins}\nlog_file = {log}\n"
            f"transport_url = rabbit://heat:{SECRET}@127.0.0.1:{port}/v\n"
            "[cache]\nenabled = true\nbackend = dogpile.cache.memcached\n"
            f"memcache_servers = 127.0.0.1:{port}\n"
            f"[keystone_authtoken]\nmemcached_servers = 127.0.0.1:{port}\n"
            f"[database]\nconnection = mysql+pymysql://heat:{SECRET}@127.0.0.1:{port}/heat\n"
        )
        ids = ("code", "release.path", "stacks.resource-types")
        outcome = _judge(tmp_path, 23, wrapper, *ids, conf=conf)
    assert outcome.code == 0, outcome.out
    assert starts.read_text("utf-8") == "\n"
    assert accepted == []
    assert not log.exists()
    # The lab's virtualenvs were never compiled.
    kept = tmp_path / "home" / ".cache" / "heat-upgrade-checks" / "bytecode"
    written = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert written
    assert all(path.is_relative_to(kept) and path.suffix == ".pyc" for path in written)
    assert not list(plugins.rglob("__pycache__"))


def _accept(server: socket.socket, accepted: list[object]) -> None:
    try:
        while True:
            accepted.append(server.accept())
    except OSError:
        pass


def test_a_prefix_leads_to_the_target(tmp_path: Path) -> None:
    prefix = ["env", "LANG=C"]
    outcome = _judge(tmp_path, 25, 26, "code.python", "code.upgrade-check", prefix=prefix)
    assert outcome.code == 0, outcome.out


# --- what lacks something


def test_pkg_resources_are_gone(copy: Any, tmp_path: Path) -> None:
    python = copy(24, "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence")
    newer = venvs._environment("setuptools-82", "setuptools==82.0.0\n")
    (packages,) = newer.parents[1].glob("lib/python*/site-packages")
    (mine,) = python.parents[1].glob("lib/python*/site-packages")
    for entry in packages.glob("setuptools*"):
        (mine / entry.name).symlink_to(entry)
    outcome = _judge(tmp_path, 23, python, "code.installed")
    assert outcome.code == 2, outcome.out
    found = outcome.check("code.installed")["findings"]
    error = "ModuleNotFoundError: No module named 'pkg_resources'"
    assert {f["data"]["error"] for f in found} == {error}
    names = {name for f in found for name in f["data"]["names"]}
    assert "AWSTemplateFormatVersion.2010-09-09" in names
    assert all("setuptools<82" in f["hint"] for f in found)
    assert all(re.search(r"site-packages/\S+\.py:\d+", f["summary"]) for f in found)


def test_a_driver_is_missing(copy: Any, tmp_path: Path) -> None:
    python = copy(26, "pymysql", "PyMySQL")
    conf = "[cache]\nenabled = true\nbackend = dogpile.cache.redis\n"
    outcome = _judge(tmp_path, 25, python, "code.installed", conf=conf)
    assert outcome.code == 2, outcome.out
    assert _findings(outcome, "code.installed") == [
        (
            "blocker",
            name,
            f"is named by {option}, but does not load: "
            f"ModuleNotFoundError: No module named '{module}'",
        )
        for name, option, module in (
            ("dogpile.cache.redis", "[cache] backend", "redis"),
            ("mysql+pymysql", "[database] connection", "pymysql"),
        )
    ]


def test_a_requirement_is_missing(copy: Any, tmp_path: Path) -> None:
    outcome = _judge(tmp_path, 25, copy(26, "yaql"), "code.installed")
    assert outcome.code == 2, outcome.out
    (requirement, *imports) = _findings(outcome, "code.installed")
    assert requirement[:2] == ("blocker", "yaql")
    assert requirement[2].startswith("is not installed; openstack-heat needs yaql>=")
    assert imports
    for level, _, summary in imports:
        assert level == "blocker"
        assert summary.startswith("does not load: ModuleNotFoundError: No module named 'yaql' at ")


def test_libraries_of_another_series(copy: Any, tmp_path: Path) -> None:
    python = copy(26, "oslo_messaging", "oslo.messaging")
    (packages,) = python.parents[1].glob("lib/python*/site-packages")
    for entry in _packages(27).glob("oslo[._]messaging*"):
        (packages / entry.name).symlink_to(entry)
    outcome = _judge(tmp_path, 25, python, "code.constraints", "code.installed")
    assert outcome.code == 1, outcome.out
    ((level, name, summary),) = _findings(outcome, "code.constraints")
    assert (level, name) == ("warning", "oslo.messaging")
    assert summary.startswith("is 18.2.0; 2026.1 has 17.3; ")


@pytest.mark.parametrize(
    ("without", "summary"),
    [
        (("heat", "openstack_heat"), "openstack-heat is not installed there"),
        (("openstack_heat",), "has the package heat, but no openstack-heat"),
        (("heat",), "has openstack-heat 26.0.2 without its package heat"),
    ],
)
def test_heat_is_not_whole(
    without: tuple[str, ...], summary: str, copy: Any, tmp_path: Path
) -> None:
    python = copy(26, *without)
    outcome = _judge(tmp_path, 25, python, "code.installed")
    assert outcome.code == 2, outcome.out
    assert _findings(outcome, "code.installed") == [("blocker", str(python), summary)]


def test_files_of_heat_are_gone(copy: Any, tmp_path: Path) -> None:
    python = copy(26)
    _own(python, "heat")
    (_own(python, "heat/engine") / "stack.py").unlink()
    outcome = _judge(tmp_path, 25, python, "code.installed")
    assert outcome.code == 2, outcome.out
    summary = "lacks 1 file of its package heat, such as heat/engine/stack.py"
    assert _findings(outcome, "code.installed") == [("blocker", str(python), summary)]


def test_an_interpreter_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to("/opt/python-that-is-gone")
    outcome = _judge(tmp_path, 25, tmp_path / "python", *CODE)
    assert outcome.code == 3, outcome.out
    for id in CODE:
        assert "which leads nowhere: the Python that its virt" in outcome.check(id)["reason"]


def test_plugins_of_the_site(copy: Any, tmp_path: Path) -> None:
    python = copy(26)
    (packages,) = python.parents[1].glob("lib/python*/site-packages")
    metadata = packages / "site_plugins-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: site-plugins\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[heat.constraints]\nsite.thing = site_thing:It\n")
    (packages / "site_thing.py").write_text(f"raise RuntimeError('{SECRET}')\n", "utf-8")
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "broken.py").write_text("import there_is_none\n", "utf-8")
    conf = f"[DEFAULT]\nplugin_dirs = {plugins}\n"
    outcome = _judge(tmp_path, 25, python, "code.installed", conf=conf)
    (point, (level, name, summary)) = _findings(outcome, "code.installed")
    place = f"{packages}/site_thing.py:1"
    assert point == ("blocker", "site.thing", f"does not load: RuntimeError at {place}")
    assert (level, name) == ("blocker", "plugin_dirs and environment_dir")
    assert summary.startswith("Failed to import module heat.engine.plugins.broken")
    (packages / "site_thing.py").write_text("class It: ...\n", "utf-8")
    (plugins / "broken.py").unlink()
    assert _judge(tmp_path, 25, python, "code.installed", conf=conf).code == 0


def test_python_is_too_old(copy: Any, tmp_path: Path) -> None:
    python = copy(27, "openstack_heat")
    (packages,) = python.parents[1].glob("lib/python*/site-packages")
    (metadata,) = _packages(27).glob("openstack_heat-*")
    shutil.copytree(metadata, packages / metadata.name)
    file = packages / metadata.name / "METADATA"
    text = file.read_text("utf-8").replace("Requires-Python: >=3.11", "Requires-Python: >=3.99")
    file.write_text(text, "utf-8")
    outcome = _judge(tmp_path, 26, python, "code.python")
    assert outcome.code == 2, outcome.out
    ((_, _, summary),) = _findings(outcome, "code.python")
    assert summary == "Heat 27.0.1 needs Python >=3.99"


# --- entry points


def test_entry_points_that_are_gone(tmp_path: Path) -> None:
    old, new = venvs.interpreter(24).parent, venvs.interpreter(25).parent
    for name, text in {
        "heat-api.service": f"[Service]\nExecStart={new}/heat-api --config-file /etc/heat.conf\n",
        "heat-engine.service": f"[Service]\nExecStart={new}/heat-engine\n",
        "heat-manage.service": f"[Service]\nExecStart={old}/heat-manage db_sync\n",
        "api.ini": f"[uwsgi]\nmodule = heat.wsgi.api:application\nhome = {new.parent}\n",
        "cfn.ini": "[uwsgi]\nmodule = heat.wsgi.api_cfn:application\n",
        "httpd.conf": "WSGIScriptAlias / /var/www/heat/none\n",
        "config.json": '{"command": "heat-all"}',
        "wsgi.sh": f"uwsgi --wsgi-file={new}/heat-wsgi-api --ini {tmp_path}/more.ini",
        "more.ini": "module = heat.wsgi.cfn:app\n",
    }.items():
        (tmp_path / name).write_text(text, "utf-8")
    files = [str(tmp_path / name) for name in ("*.service", "*.ini", "httpd.conf", "config.json")]
    files.append(str(tmp_path / "wsgi.sh"))
    outcome = _judge(tmp_path, 24, 25, ENTRY_POINTS, service_files=files)
    assert outcome.code == 2, outcome.out
    found = {(level, name) for level, name, _ in _findings(outcome, ENTRY_POINTS)}
    assert found == {
        ("blocker", f"{new}/heat-api"),
        ("blocker", "heat-all"),
        ("blocker", "heat.wsgi.api_cfn:application"),
        ("blocker", "heat.wsgi.cfn:app"),
        ("blocker", "/var/www/heat/none"),
        ("warning", f"{old}/heat-manage"),
    }


def test_entry_points_that_are_there(tmp_path: Path) -> None:
    new = venvs.interpreter(25).parent
    (tmp_path / "heat.service").write_text(
        f"[Service]\nExecStart={new}/heat-engine\nExecStart=uwsgi --ini {tmp_path}/api.ini\n"
    )
    (tmp_path / "api.ini").write_text("module = heat.wsgi.api:application\n", "utf-8")
    files = [str(tmp_path / "heat.service")]
    outcome = _judge(tmp_path, 24, 25, ENTRY_POINTS, service_files=files)
    assert outcome.code == 0, outcome.out
    # The script's own import is one of them.
    assert "3 references to Heat" in outcome.check(ENTRY_POINTS)["looked_at"]


def test_a_wsgi_file_that_imports_what_is_gone(tmp_path: Path) -> None:
    script = tmp_path / "heat_api"
    script.write_text(
        "#!/usr/bin/python3\nfrom heat.httpd.heat_api import init_application\n", "utf-8"
    )
    (tmp_path / "heat.conf").write_text(f"WSGIScriptAlias / {script}\n", "utf-8")
    files = [str(tmp_path / "heat.conf")]
    outcome = _judge(tmp_path, 23, 24, ENTRY_POINTS, service_files=files)
    assert outcome.code == 2, outcome.out
    assert _findings(outcome, ENTRY_POINTS) == [
        (
            "blocker",
            "heat.httpd.heat_api",
            f"does not exist in the target release, in {script}",
        )
    ]
    assert _judge(tmp_path, 22, 23, ENTRY_POINTS, service_files=files).code == 0


# --- heat-status


def test_what_heat_status_says_is_kept(tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text("{}", "utf-8")
    conf = f"[oslo_policy]\npolicy_file = {policy}\n"
    for phase, count in (("pre", 1), ("installed", 2)):
        outcome = _judge(tmp_path, 25, 26, "code.upgrade-check", conf=conf, phase=phase)
        assert outcome.code == 2, outcome.out
        found = outcome.check("code.upgrade-check")["findings"]
        assert len(found) == count
        for finding in found:
            assert finding["summary"] == "Policy File JSON to YAML Migration: Failure"
            assert finding["data"]["exit_code"] == 2
            assert "oslopolicy-convert-json-to-yaml" in json.dumps(finding["data"]["text"])


@pytest.mark.parametrize(("exit_code", "verdict"), [(1, 1), (255, 3)])
def test_what_heat_status_prints_holds_no_secret(
    exit_code: int, verdict: int, copy: Any, tmp_path: Path
) -> None:
    python = copy(26)
    cmd = _own(python, "heat") and _own(python, "heat/cmd")
    (cmd / "status.py").unlink()
    (cmd / "status.py").write_text(
        f"def main():\n    print('words with {SECRET}')\n    return {exit_code}\n", "utf-8"
    )
    outcome = _judge(tmp_path, 25, python, "code.upgrade-check")
    assert outcome.code == verdict, outcome.out
    record = outcome.check("code.upgrade-check")
    assert "broke with code 255" in record["reason"] or (
        record["findings"][0]["data"]["text"] == "words with ***\n"
    )
