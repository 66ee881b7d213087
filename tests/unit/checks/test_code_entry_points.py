"""What service files start, and whether the target has it."""

import sys
from pathlib import Path
from typing import Any

import pytest

from heat_upgrade_checks.errors import NotConfigured, UsageError
from heat_upgrade_checks.evidence.code import service_files, start_lines
from heat_upgrade_checks.evidence.code.service_files import Reference, ServiceFiles
from heat_upgrade_checks.evidence.code.start_lines import Mention
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.plan import Plan, load
from tests import judging as checks
from tests.unit.checks.loaded_code import levels


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
    assert levels(gate) == ([(level, "/x/heat-api", summary)] if level else [])
    if level == "blocker":
        assert "heat.wsgi.api:application" in gate.findings[0].hint


def test_files_that_name_nothing_of_heat_cannot_tell() -> None:
    facts = ServiceFiles(("/u",), ())
    gate = checks.judge(
        checks.check_at("code.entry-points", "installed"), "installed", service_files=facts
    )
    assert len(gate.unknowns) == 1
