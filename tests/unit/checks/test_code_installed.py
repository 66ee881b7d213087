"""The judgement on installed code, and on what a configuration has it load."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import packaging
import pytest

from heat_upgrade_checks.evidence import asked
from heat_upgrade_checks.evidence.code import loading
from heat_upgrade_checks.evidence.code.installation import Installation, Unmet
from heat_upgrade_checks.evidence.code.loading import Failure, LoadedCode
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.judgement import Judgement
from tests import judging as checks
from tests.unit.checks.loaded_code import PYTHON, an_installation, levels


def _code(*failures: Failure, engine: bool = True, plugins: tuple[str, ...] = ()) -> LoadedCode:
    return LoadedCode(PYTHON, 100, engine, failures, plugins)


def _installed(installation: Installation, loaded: LoadedCode) -> Judgement:
    return checks.judge(
        checks.check_at("code.installed", "installed"),
        "installed",
        target_installation=installation,
        target_code=loaded,
    )


def test_what_loads_is_fine() -> None:
    gate = _installed(an_installation(), _code())
    assert (gate.findings, gate.unknowns) == ([], [])


@pytest.mark.parametrize(
    ("changes", "summary"),
    [
        ({"version": "", "package": False}, "openstack-heat is not installed there"),
        ({"version": ""}, "has the package heat, but no openstack-heat"),
        ({"package": False}, "has openstack-heat 26.0.2 without its package heat"),
        (
            {"lost": ("heat/a.py", "heat/b.py")},
            "lacks 2 files of its package heat, such as heat/a.py",
        ),
    ],
)
def test_what_is_not_whole(changes: dict[str, Any], summary: str) -> None:
    broken = Failure("command", "heat-engine", "ImportError", "", "")
    gate = _installed(an_installation(**changes), _code(broken, engine=False))
    assert levels(gate) == [("blocker", PYTHON, summary)]


@pytest.mark.parametrize(
    ("unmet", "level", "summary"),
    [
        (
            Unmet("oslo.db", "alembic", ">=1", ""),
            "blocker",
            "is not installed; oslo.db needs alembic>=1",
        ),
        (
            Unmet("openstack-heat", "oslo.db", ">=6", "5.0"),
            "blocker",
            "is 5.0; openstack-heat needs oslo.db>=6",
        ),
        (
            Unmet("requests", "urllib3", "<3", "3.0"),
            "warning",
            "is 3.0; requests needs urllib3<3",
        ),
    ],
)
def test_unmet_requirements(unmet: Unmet, level: str, summary: str) -> None:
    gate = _installed(an_installation(unmet=(unmet,)), _code())
    assert levels(gate) == [(level, unmet.name, summary)]


def test_requirements_that_cannot_be_compared() -> None:
    gate = _installed(an_installation(incomplete=("install packaging there",)), _code())
    assert gate.unknowns == ["install packaging there"]


def test_failures_of_one_cause_are_one_finding() -> None:
    error, place = "ModuleNotFoundError: No module named 'pkg_resources'", "/x/heat/a.py:3"
    failures = [
        Failure("heat.templates", f"heat.{n}", error, "pkg_resources", place) for n in range(5)
    ]
    (finding,) = _installed(an_installation(), _code(*failures)).findings
    assert finding.level == "blocker"
    assert finding.summary == f"does not load: {error} at {place}; nor do heat.1, heat.2, ..."
    assert "setuptools<82" in finding.hint
    assert finding.data["names"] == [f"heat.{n}" for n in range(5)]


def test_what_only_generators_load_is_a_warning() -> None:
    failure = Failure("oslo.config.opts", "heat.common.wsgi", "ValueError", "", "/x.py:1")
    gate = _installed(an_installation(), _code(failure))
    assert levels(gate) == [("warning", "heat.common.wsgi", "does not load: ValueError at /x.py:1")]


def test_a_driver_that_the_configuration_names() -> None:
    failure = Failure(
        "driver database",
        "mysql+pymysql",
        "ModuleNotFoundError: No module named 'pymysql'",
        "pymysql",
        "",
    )
    (finding,) = _installed(an_installation(), _code(failure)).findings
    assert finding.summary.startswith("is named by [database] connection, but does not load: Mod")
    assert finding.hint == f"Install PyMySQL for {PYTHON}, or correct [database] connection."


def test_plugins_of_the_site_that_do_not_load() -> None:
    plugins = ("Failed to import module heat.engine.plugins.x",)
    gate = _installed(an_installation(), _code(plugins=plugins))
    assert levels(gate) == [("blocker", "plugin_dirs and environment_dir", *plugins)]


def test_an_installation_without_its_engine() -> None:
    gate = _installed(an_installation(), _code(engine=False))
    assert levels(gate) == [("blocker", "heat-engine", "openstack-heat has no such command there")]


# As before Python 3.10: what is looked for by name is found by its folder's spelling only.
_BY_SPELLING = """
import os, sys
from importlib import metadata
sys.path[:] = [{folder!r}, *(each for each in sys.path if "site-packages" not in each)]
def distribution(name):
    for each in os.listdir({folder!r}):
        if each.startswith(name + "-") and each.endswith(".dist-info"):
            return metadata.PathDistribution(__import__("pathlib").Path({folder!r}, each))
    raise metadata.PackageNotFoundError(name)
metadata.distribution, metadata.version = distribution, lambda name: distribution(name).version
"""


def test_distributions_are_found_however_their_names_are_spelled(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    for spelled, name, version, requires in (
        ("openstack_heat", "openstack-heat", "24.1.2", ("oslo.config>=6", "Oslo.DB>=6", "none")),
        ("oslo.config", "oslo.config", "9.7.1", ("PyYAML>=5; extra == 'x'", "stevedore>=1.20")),
        ("oslo_db", "oslo.db", "5.0", ()),
        ("stevedore", "stevedore", "5.4.0", ("Typing_Extensions",)),
        ("typing-extensions", "typing-extensions", "4.1", ()),
    ):
        info = folder / f"{spelled}-{version}.dist-info"
        info.mkdir(parents=True)
        lines = [f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {each}" for each in requires]
        (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines, ""]), "utf-8")
    (folder / "half_removed-1.0.dist-info").mkdir()
    (folder / "heat").mkdir()
    (folder / "heat" / "__init__.py").touch()
    (folder / "packaging").symlink_to(Path(packaging.__file__).parent)
    script = asked.script("installation.py")
    source = _BY_SPELLING.format(folder=str(folder)) + script
    command = [sys.executable, "-I", "-c", source, "oslo.config", "oslo.db", "oslo.log"]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert (told["version"], told["package"], told["unchecked"]) == ("24.1.2", True, "")
    assert told["unmet"] == [
        ["openstack-heat", "Oslo.DB", ">=6", "5.0"],
        ["openstack-heat", "none", "", ""],
    ]
    assert told["libraries"] == {"oslo.config": "9.7.1", "oslo.db": "5.0", "oslo.log": ""}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            "transport_url = kombu+rabbit://u:p@h/v\n[database]\nconnection = postgresql://u:p@h/d",
            {("messaging", "kombu+rabbit"), ("database", "postgresql")},
        ),
        ("[cache]\nbackend = dogpile.cache.redis", set()),
        (
            "[cache]\nenabled = True\nbackend = dogpile.cache.redis",
            {("cache", "dogpile.cache.redis")},
        ),
        (
            "[keystone_authtoken]\nmemcached_servers = h:11211\nauth_type = password",
            {("module", "memcache"), ("authentication", "password")},
        ),
        (
            "[keystone_authtoken]\nmemcached_servers = h:11211\nmemcache_sasl_enabled = true",
            {("module", "bmemcached")},
        ),
        (
            "[oslo_messaging_notifications]\ndriver = messagingv2\ndriver = log\n"
            "transport_url = kafka://h",
            {("notifications", "messagingv2"), ("notifications", "log"), ("messaging", "kafka")},
        ),
        ("cloud_backend = site.Clients", {("class", "site.Clients")}),
        ("transport_url = no-url-but-a-password", set()),
    ],
)
def test_drivers_that_a_configuration_names(
    lines: str, expected: set[tuple[str, str]], tmp_path: Path
) -> None:
    conf = tmp_path / "heat.conf"
    conf.write_text(f"[DEFAULT]\n{lines}\n", "utf-8")
    plan = checks.plan(target={"version": "26.0.2", "config": [str(conf)]})
    assert set(loading._drivers(Site(plan, tmp_path).conf("target"))) == expected
