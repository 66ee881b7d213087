"""Judgement on installed code, and the reading of files that start services."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import packaging
import pytest

from heat_upgrade_checks.errors import NotConfigured, UsageError
from heat_upgrade_checks.evidence import asked
from heat_upgrade_checks.evidence.code import loading, service_files, start_lines
from heat_upgrade_checks.evidence.code.installation import Installation, Unmet
from heat_upgrade_checks.evidence.code.libraries import Libraries
from heat_upgrade_checks.evidence.code.loading import Failure, LoadedCode
from heat_upgrade_checks.evidence.code.service_files import Reference, ServiceFiles
from heat_upgrade_checks.evidence.code.start_lines import Mention
from heat_upgrade_checks.evidence.code.upgrade_check import UpgradeCheck
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.heat.releases import parse
from heat_upgrade_checks.heat.series_libraries import LIBRARIES, SERIES
from heat_upgrade_checks.plan import Plan, load
from tests import judging as checks

PYTHON = "/opt/heat-2026.1/bin/python"


def _levels(gate: Judgement) -> list[tuple[str, str, str]]:
    return [(finding.level, finding.object, finding.summary) for finding in gate.findings]


# --- code.installed


def _installation(**changes: Any) -> Installation:
    made: dict[str, Any] = {
        "interpreter": PYTHON,
        "python": "3.11.7",
        "version": "26.0.2",
        "package": True,
        "requires_python": ">=3.10",
        "unmet": (),
        "lost": (),
    }
    return Installation(**(made | changes))


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
    gate = _installed(_installation(), _code())
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
    gate = _installed(_installation(**changes), _code(broken, engine=False))
    assert _levels(gate) == [("blocker", PYTHON, summary)]


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
    gate = _installed(_installation(unmet=(unmet,)), _code())
    assert _levels(gate) == [(level, unmet.name, summary)]


def test_requirements_that_cannot_be_compared() -> None:
    gate = _installed(_installation(incomplete=("install packaging there",)), _code())
    assert gate.unknowns == ["install packaging there"]


def test_failures_of_one_cause_are_one_finding() -> None:
    error, place = "ModuleNotFoundError: No module named 'pkg_resources'", "/x/heat/a.py:3"
    failures = [
        Failure("heat.templates", f"heat.{n}", error, "pkg_resources", place) for n in range(5)
    ]
    (finding,) = _installed(_installation(), _code(*failures)).findings
    assert finding.level == "blocker"
    assert finding.summary == f"does not load: {error} at {place}; nor do heat.1, heat.2, ..."
    assert "setuptools<82" in finding.hint
    assert finding.data["names"] == [f"heat.{n}" for n in range(5)]


def test_what_only_generators_load_is_a_warning() -> None:
    failure = Failure("oslo.config.opts", "heat.common.wsgi", "ValueError", "", "/x.py:1")
    gate = _installed(_installation(), _code(failure))
    assert _levels(gate) == [
        ("warning", "heat.common.wsgi", "does not load: ValueError at /x.py:1")
    ]


def test_a_driver_that_the_configuration_names() -> None:
    failure = Failure(
        "driver database",
        "mysql+pymysql",
        "ModuleNotFoundError: No module named 'pymysql'",
        "pymysql",
        "",
    )
    (finding,) = _installed(_installation(), _code(failure)).findings
    assert finding.summary.startswith("is named by [database] connection, but does not load: Mod")
    assert finding.hint == f"Install PyMySQL for {PYTHON}, or correct [database] connection."


def test_plugins_of_the_site_that_do_not_load() -> None:
    plugins = ("Failed to import module heat.engine.plugins.x",)
    gate = _installed(_installation(), _code(plugins=plugins))
    assert _levels(gate) == [("blocker", "plugin_dirs and environment_dir", *plugins)]


def test_an_installation_without_its_engine() -> None:
    gate = _installed(_installation(), _code(engine=False))
    assert _levels(gate) == [("blocker", "heat-engine", "openstack-heat has no such command there")]


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


# --- code.python


@pytest.mark.parametrize(
    ("version", "python", "required", "expected"),
    [
        ("26.0.2", "3.9.2", ">=3.10", ["blocker"]),
        ("26.0.2", "3.10.12", ">=3.10", ["note"]),
        ("26.0.2", "3.11.7", ">=3.10", []),
        # A package whose metadata does not say it.
        ("27.0.1", "3.10.12", "", ["blocker"]),
        ("27.0.1", "3.11.2", "", []),
        ("22.0.1", "3.8.10", ">=3.8", ["note"]),
        # What comes after the last known series is not known.
        ("27.0.1", "3.11.2", ">=3.11", []),
        ("29.0.0", "3.11.2", ">=3.11", []),
    ],
)
def test_python(version: str, python: str, required: str, expected: list[str]) -> None:
    facts = _installation(version=version, python=python, requires_python=required)
    gate = checks.judge(
        checks.check_at("code.python", "installed"), "installed", target_installation=facts
    )
    assert [finding.level for finding in gate.findings] == expected


@pytest.mark.parametrize("changes", [{"version": ""}, {"requires_python": "three"}])
def test_python_that_cannot_be_told(changes: dict[str, Any]) -> None:
    gate = checks.judge(
        checks.check_at("code.python", "installed"),
        "installed",
        target_installation=_installation(**changes),
    )
    assert len(gate.unknowns) == 1


# --- code.constraints


def _libraries(heat: str = "26.0.2", *tls: str, **versions: str) -> Judgement:
    # The others are what the series has.
    own = LIBRARIES if versions else {}
    major = parse(heat).major if heat else 0
    named = {name: "{}.{}.0".format(*each.get(major, (1, 0))) for name, each in own.items()}
    named |= {f"oslo.{name}": version for name, version in versions.items()}
    return checks.judge(
        checks.check_at("code.constraints", "installed"),
        "installed",
        target_libraries=Libraries(PYTHON, heat, {k: v for k, v in named.items() if v}, tls),
    )


@pytest.mark.parametrize("major", SERIES)
def test_libraries_of_each_series_are_its_own(major: int) -> None:
    own = {
        name.removeprefix("oslo."): "{}.{}.9".format(*series[major])
        for name, series in LIBRARIES.items()
    }
    assert _libraries(f"{major}.0.0", **own).findings == []


@pytest.mark.parametrize(
    ("heat", "versions", "expected"),
    [
        # Between the series before and the one after: a stable release, or a distribution's.
        ("26.0.2", {"messaging": "17.2.0"}, [("note", "is 17.2.0; 2026.1 has 17.3")]),
        ("26.0.2", {"messaging": "17.9.0"}, [("note", "is 17.9.0; 2026.1 has 17.3")]),
        ("26.0.2", {"messaging": "17.1.0"}, [("warning", "is 17.1.0; 2026.1 has 17.3")]),
        (
            "26.0.2",
            {"messaging": "18.2.0"},
            [
                (
                    "warning",
                    "is 18.2.0; 2026.1 has 17.3; 18.0 no longer reads heartbeat_in_pthread; "
                    "18.1 verifies the broker's name when ssl_ca_file is set",
                )
            ],
        ),
        ("26.0.2", {"i18n": "7.0.0"}, [("note", "is 7.0.0; 2026.1 has 6.7")]),
        ("27.0.1", {"db": "18.9.0"}, [("note", "is 18.9.0; 2026.2 has 18.1")]),
        ("27.0.1", {"db": "19.0.0"}, [("warning", "is 19.0.0; 2026.2 has 18.1")]),
    ],
)
def test_libraries_of_another_series(
    heat: str, versions: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    findings = _libraries(heat, **versions).findings
    assert [(finding.level, finding.summary) for finding in findings] == expected


def test_a_connection_that_would_be_plain_text() -> None:
    (finding,) = _libraries("23.0.0", "rabbit_use_ssl", messaging="16.1.0").findings
    assert finding.level == "blocker"
    assert "rabbit_use_ssl would be ignored and RabbitMQ spoken to in plain text" in finding.summary
    (finding,) = _libraries("23.0.0", messaging="16.1.0").findings
    assert finding.level == "warning"
    # Where the series has removed them too, it is no question of the library.
    assert _libraries("26.0.2", "rabbit_use_ssl", messaging="17.3.0").findings == []


def test_libraries_that_cannot_be_compared() -> None:
    with pytest.raises(NotConfigured, match=r"libraries of 2027.1 are not known"):
        _libraries("28.0.0", messaging="19.0.0")
    assert len(_libraries("", messaging="17.3.0").unknowns) == 1
    assert len(_libraries().unknowns) == 1


def test_a_library_that_is_not_found_is_not_passed_over() -> None:
    (unknown,) = _libraries(db="").unknowns
    assert "has no oslo.db, which Heat needs; install it with the upper-constraints" in unknown


# --- code.upgrade-check


_TABLE = """\
+--------------------------+
| Upgrade Check Results    |
+--------------------------+
| Check: Policy File JSON  |
| Result: Failure          |
| Details: Convert it.     |
+--------------------------+
| Check: Other             |
| Result: Success          |
| Details: None            |
+--------------------------+
"""


@pytest.mark.parametrize(
    ("exit_code", "levels", "unknowns"),
    [(0, [], 0), (1, ["warning"], 0), (2, ["blocker"], 0), (255, [], 1), (-14, [], 1)],
)
def test_upgrade_check(exit_code: int, levels: list[str], unknowns: int) -> None:
    facts = UpgradeCheck("/n/python", exit_code, _TABLE)
    gate = checks.judge(
        checks.check_at("code.upgrade-check", "pre"), "pre", current_upgrade_check=facts
    )
    assert [finding.level for finding in gate.findings] == levels
    assert len(gate.unknowns) == unknowns
    for finding in gate.findings:
        assert finding.summary == "Policy File JSON: Failure"
        assert finding.data == {"exit_code": exit_code, "text": _TABLE}


def test_upgrade_check_of_both() -> None:
    def judge(current: UpgradeCheck, target: UpgradeCheck) -> Judgement:
        return checks.judge(
            checks.check_at("code.upgrade-check", "installed"),
            "installed",
            current_upgrade_check=current,
            target_upgrade_check=target,
        )

    bad, none = UpgradeCheck("/n1/python", 2, ""), UpgradeCheck("", None, "")
    (finding,) = judge(UpgradeCheck("/n/python", 0, ""), bad).findings
    assert (finding.object, finding.summary) == ("heat-status of /n1/python", "ended with code 2")
    # The current release may be gone by now; the target may not.
    assert (judge(none, bad).findings, judge(none, bad).unknowns) == ([finding], [])
    assert len(judge(bad, none).unknowns) == 1


def test_a_release_that_is_not_there_is_not_asked_for_its_upgrade_check() -> None:
    facts = UpgradeCheck("", None, "")
    with pytest.raises(NotConfigured, match=r"add current\.python"):
        checks.judge(
            checks.check_at("code.upgrade-check", "pre"), "pre", current_upgrade_check=facts
        )


# --- code.entry-points


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "heat-api.service",
            "[Service]\n# ExecStart=/old/heat-api\nExecStart=-/opt/n/bin/heat-api \\\n"
            " --config-file /etc/heat/heat.conf --log-file /var/log/heat-api\n",
            [Mention("command", "/opt/n/bin/heat-api", 3)],
        ),
        (
            "heat-engine.service",
            "ExecStart=/a/heat-engine\nExecStart=\nExecStart=/b/heat-engine\n",
            [Mention("command", "/b/heat-engine", 3)],
        ),
        ("x.service", "ExecStartPre=/a/heat-manage db_sync\n", []),
        (
            "heat-api.service.d/wsgi.conf",
            "ExecStart=/usr/bin/uwsgi --ini /etc/heat/api.ini --virtualenv=/opt/n1\n",
            [Mention("file", "/etc/heat/api.ini", 1), Mention("virtualenv", "/opt/n1", 1)],
        ),
        (
            "api.ini",
            "[uwsgi]\nmodule = heat.wsgi.api:application\n; wsgi-file = /x/heat-api\n"
            "home=/opt/n\nhttp = :8004\n",
            [Mention("module", "heat.wsgi.api:application", 2), Mention("virtualenv", "/opt/n", 4)],
        ),
        ("api.ini", "wsgi-file = /n/heat-wsgi-api", [Mention("script", "/n/heat-wsgi-api", 1)]),
        ("nova.ini", "module = nova.wsgi.api:application\nwsgi-file = /n/bin/nova-api", []),
        ("supervisor.conf", "command=/n/heat-engine", [Mention("command", "/n/heat-engine", 1)]),
        (
            "heat.conf",
            "WSGIDaemonProcess heat user=heat python-home=/opt/n\n"
            'WSGIScriptAlias / "/var/www/cgi-bin/heat/heat_api"\n'
            "Alias /heat-api /nowhere\nWSGIScriptAlias /k /var/www/keystone\n",
            [
                Mention("virtualenv", "/opt/n", 1),
                Mention("script", "/var/www/cgi-bin/heat/heat_api", 2),
            ],
        ),
        (
            "config.json",
            '{\n"command": "heat-engine --config-file /etc/heat/heat.conf"\n}',
            [Mention("command", "heat-engine", 2)],
        ),
        (
            "start.sh",
            "#!/bin/sh\nexec sudo -u heat /n/bin/heat-engine\n"
            "gunicorn -w 4 heat.wsgi.api:application -c gunicorn.conf heat.conf\n"
            "/n/bin/python -m heat.cmd.engine\n",
            [
                Mention("command", "/n/bin/heat-engine", 2),
                Mention("module", "heat.wsgi.api:application", 3),
                Mention("module", "heat.cmd.engine", 4),
            ],
        ),
        ("start", "/old/bin/uwsgi --module heat.wsgi.api", [
            Mention("command", "/old/bin/uwsgi", 1), Mention("module", "heat.wsgi.api", 1)
        ]),
        ("quotes.sh", "echo it's heat-api", [Mention("command", "heat-api", 1)]),
    ],
)  # fmt: skip
def test_what_files_refer_to(name: str, text: str, expected: list[Mention]) -> None:
    assert list(start_lines.mentions(Path("/etc") / name, text, "/old/bin")) == expected


@pytest.mark.parametrize("text", ["{", "[]", '{"command": 3}', "{}"])
def test_a_kolla_file_without_a_command(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        list(start_lines.mentions(Path("/etc/config.json"), text, ""))


def _site(tmp_path: Path, *files: str) -> Site:
    (tmp_path / "n" / "bin").mkdir(parents=True, exist_ok=True)
    (tmp_path / "n" / "pyvenv.cfg").touch()
    plan: Plan = checks.plan(
        current={"python": str(tmp_path / "n" / "bin" / "python")},
        target={"python": sys.executable, "service_files": [str(tmp_path / f) for f in files]},
    )
    return Site(plan, tmp_path)


def test_a_drop_in_takes_the_place_of_its_unit(tmp_path: Path) -> None:
    for name, text in (
        ("heat-api.service", "ExecStart=/x/heat-api"),
        ("heat-api.service.d/10.conf", "ExecStart=\nExecStart=/y/heat-api"),
        ("heat-api.service.d/20.conf", "ExecStart=\nExecStart=/z/heat-api"),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    site = _site(tmp_path, "heat-api.service", "heat-api.service.d/*.conf")
    facts = service_files.observe(site)
    assert [reference.value for reference in facts.references] == ["/z/heat-api"]
    assert len(facts.files) == 3


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.service").mkdir()
    (tmp_path / "b.service").write_bytes(b"\xff\xfe")
    (tmp_path / "config.json").write_text("{", "utf-8")
    (tmp_path / "api.sh").write_text(f"uwsgi --ini {tmp_path}/lost.ini", "utf-8")
    site = _site(tmp_path, "?.service", "config.json", "none.service", "api.sh")
    facts = service_files.observe(site)
    assert len(facts.incomplete) == 5
    gate = checks.judge(
        checks.check_at("code.entry-points", "installed"), "installed", service_files=facts
    )
    assert gate.unknowns == list(facts.incomplete)


def test_without_the_key_nothing_is_asked(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match=r"add: target: \{service_files: \[/etc/systemd"):
        service_files.observe(_site(tmp_path))


def test_only_the_target_has_service_files(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "name: x\nmode: cold\ncurrent: {version: 25.0.2, service_files: [x]}\n"
        "target: {version: 26.0.2, service_files: [x]}\n",
        "utf-8",
    )
    with pytest.raises(UsageError, match=r"current\.service_files: unknown key"):
        load(plan)


@pytest.mark.parametrize(
    ("exists", "release", "level", "summary"),
    [
        (True, "target", "", ""),
        (False, "target", "blocker", "does not exist in the target release, in /u:3"),
        (False, "", "blocker", "does not exist in the target release, in /u:3"),
        (True, "current", "warning", "still runs the current release's code, in /u:3"),
        (True, "", "warning", "lies outside both releases' environments, in /u:3"),
        (None, "", "warning", "holds a variable, so that it is not known what it runs, in /u:3"),
    ],
)
def test_references(exists: bool | None, release: Any, level: str, summary: str) -> None:
    reference = Reference("command", "/x/heat-api", "/u", 3, exists, release)
    facts = ServiceFiles(("/u",), (reference,))
    gate = checks.judge(
        checks.check_at("code.entry-points", "installed"), "installed", service_files=facts
    )
    assert _levels(gate) == ([(level, "/x/heat-api", summary)] if level else [])
    if level == "blocker":
        assert "heat.wsgi.api:application" in gate.findings[0].hint


def test_files_that_name_nothing_of_heat_cannot_tell() -> None:
    facts = ServiceFiles(("/u",), ())
    gate = checks.judge(
        checks.check_at("code.entry-points", "installed"), "installed", service_files=facts
    )
    assert len(gate.unknowns) == 1
