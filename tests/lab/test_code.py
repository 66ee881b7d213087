"""Real Heat releases that run, and copies of them that lack what they need."""

import re
import shutil
import socket
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.lab import venvs
from tests.lab.installations import CODE, SECRET, findings_of, judged, own_python, packages_of

# --- releases as they are


@pytest.mark.parametrize(("current", "target"), [(19, 20), (25, 26), (26, 27)])
def test_each_release_runs(current: int, target: int, tmp_path: Path) -> None:
    outcome = judged(tmp_path, current, target, *CODE)
    assert outcome.code == 0, outcome.out
    assert {id: findings_of(outcome, id) for id in CODE} == {id: [] for id in CODE}
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
        outcome = judged(tmp_path, 23, wrapper, *ids, conf=conf)
    assert outcome.code == 0, outcome.out
    assert starts.read_text("utf-8") == "\n"
    assert accepted == []
    assert not log.exists()
    # Where the release was never compiled, as a virtualenv that nothing ran in yet.
    kept = tmp_path / "home" / ".cache" / "heat-upgrade-checks" / "bytecode"
    written = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
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
    outcome = judged(tmp_path, 25, 26, "code.python", "code.upgrade-check", prefix=prefix)
    assert outcome.code == 0, outcome.out


# --- what lacks something


def test_pkg_resources_are_gone(copy: Any, tmp_path: Path) -> None:
    python = copy(24, "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence")
    newer = venvs._environment("setuptools-82", "setuptools==82.0.0\n")
    (packages,) = newer.parents[1].glob("lib/python*/site-packages")
    (mine,) = python.parents[1].glob("lib/python*/site-packages")
    for entry in packages.glob("setuptools*"):
        (mine / entry.name).symlink_to(entry)
    outcome = judged(tmp_path, 23, python, "code.installed")
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
    outcome = judged(tmp_path, 25, python, "code.installed", conf=conf)
    assert outcome.code == 2, outcome.out
    assert findings_of(outcome, "code.installed") == [
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
    outcome = judged(tmp_path, 25, copy(26, "yaql"), "code.installed")
    assert outcome.code == 2, outcome.out
    (requirement, *imports) = findings_of(outcome, "code.installed")
    assert requirement[:2] == ("blocker", "yaql")
    assert requirement[2].startswith("is not installed; openstack-heat needs yaql>=")
    assert imports
    for level, _, summary in imports:
        assert level == "blocker"
        assert summary.startswith("does not load: ModuleNotFoundError: No module named 'yaql' at ")


def test_libraries_of_another_series(copy: Any, tmp_path: Path) -> None:
    python = copy(26, "oslo_messaging", "oslo.messaging")
    (packages,) = python.parents[1].glob("lib/python*/site-packages")
    for entry in packages_of(27).glob("oslo[._]messaging*"):
        (packages / entry.name).symlink_to(entry)
    outcome = judged(tmp_path, 25, python, "code.constraints", "code.installed")
    assert outcome.code == 1, outcome.out
    ((level, name, summary),) = findings_of(outcome, "code.constraints")
    assert (level, name) == ("warning", "oslo.messaging")
    assert summary.startswith("is 18.2.0; 2026.1 has 17.3; ")


def test_libraries_that_do_not_know_the_tls_options_any_more(copy: Any, tmp_path: Path) -> None:
    python = copy(23, "oslo_messaging", "oslo.messaging")
    (packages,) = python.parents[1].glob("lib/python*/site-packages")
    for entry in packages_of(24).glob("oslo[._]messaging*"):
        (packages / entry.name).symlink_to(entry)
    conf = "[oslo_messaging_rabbit]\nkombu_ssl_version = TLSv1_2\n"
    outcome = judged(tmp_path, 22, python, "code.constraints", conf=conf)
    assert outcome.code == 2, outcome.out
    ((level, name, summary),) = findings_of(outcome, "code.constraints")
    assert (level, name) == ("blocker", "oslo.messaging")
    assert "kombu_ssl_version would be ignored" in summary


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
    outcome = judged(tmp_path, 25, python, "code.installed")
    assert outcome.code == 2, outcome.out
    assert findings_of(outcome, "code.installed") == [("blocker", str(python), summary)]


def test_files_of_heat_are_gone(copy: Any, tmp_path: Path) -> None:
    python = copy(26)
    own_python(python, "heat")
    (own_python(python, "heat/engine") / "stack.py").unlink()
    outcome = judged(tmp_path, 25, python, "code.installed")
    assert outcome.code == 2, outcome.out
    summary = "lacks 1 file of its package heat, such as heat/engine/stack.py"
    assert findings_of(outcome, "code.installed") == [("blocker", str(python), summary)]


def test_an_interpreter_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to("/opt/python-that-is-gone")
    outcome = judged(tmp_path, 25, tmp_path / "python", *CODE)
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
    outcome = judged(tmp_path, 25, python, "code.installed", conf=conf)
    (point, (level, name, summary)) = findings_of(outcome, "code.installed")
    place = f"{packages}/site_thing.py:1"
    assert point == ("blocker", "site.thing", f"does not load: RuntimeError at {place}")
    assert (level, name) == ("blocker", "plugin_dirs and environment_dir")
    assert summary.startswith("Failed to import module heat.engine.plugins.broken")
    (packages / "site_thing.py").write_text("class It: ...\n", "utf-8")
    (plugins / "broken.py").unlink()
    assert judged(tmp_path, 25, python, "code.installed", conf=conf).code == 0


def test_python_is_too_old(copy: Any, tmp_path: Path) -> None:
    python = copy(27, "openstack_heat")
    (packages,) = python.parents[1].glob("lib/python*/site-packages")
    (metadata,) = packages_of(27).glob("openstack_heat-*")
    shutil.copytree(metadata, packages / metadata.name)
    file = packages / metadata.name / "METADATA"
    text = file.read_text("utf-8").replace("Requires-Python: >=3.11", "Requires-Python: >=3.99")
    file.write_text(text, "utf-8")
    outcome = judged(tmp_path, 26, python, "code.python")
    assert outcome.code == 2, outcome.out
    ((_, _, summary),) = findings_of(outcome, "code.python")
    assert summary == "Heat 27.0.1 needs Python >=3.99"
