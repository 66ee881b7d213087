"""How a site starts the target: its entry points, and what its heat-status says."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lab import venvs
from tests.lab.installations import ENTRY_POINTS, SECRET, findings_of, judged, own_python

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
    outcome = judged(tmp_path, 24, 25, ENTRY_POINTS, service_files=files)
    assert outcome.code == 2, outcome.out
    found = {(level, name) for level, name, _ in findings_of(outcome, ENTRY_POINTS)}
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
    outcome = judged(tmp_path, 24, 25, ENTRY_POINTS, service_files=files)
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
    outcome = judged(tmp_path, 23, 24, ENTRY_POINTS, service_files=files)
    assert outcome.code == 2, outcome.out
    assert findings_of(outcome, ENTRY_POINTS) == [
        (
            "blocker",
            "heat.httpd.heat_api",
            f"does not exist in the target release, in {script}",
        )
    ]
    assert judged(tmp_path, 22, 23, ENTRY_POINTS, service_files=files).code == 0


# --- heat-status


def test_what_heat_status_says_is_kept(tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text("{}", "utf-8")
    conf = f"[oslo_policy]\npolicy_file = {policy}\n"
    for phase, count in (("pre", 1), ("installed", 2)):
        outcome = judged(tmp_path, 25, 26, "code.upgrade-check", conf=conf, phase=phase)
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
    cmd = own_python(python, "heat") and own_python(python, "heat/cmd")
    (cmd / "status.py").unlink()
    (cmd / "status.py").write_text(
        f"def main():\n    print('words with {SECRET}')\n    return {exit_code}\n", "utf-8"
    )
    outcome = judged(tmp_path, 25, python, "code.upgrade-check")
    assert outcome.code == verdict, outcome.out
    record = outcome.check("code.upgrade-check")
    assert "broke with code 255" in record["reason"] or (
        record["findings"][0]["data"]["text"] == "words with ***\n"
    )
