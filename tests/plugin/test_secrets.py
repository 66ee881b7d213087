"""No secret leaves, wherever it was put: the real command, and every file that it writes."""

import json
import re
from urllib.parse import unquote

import pytest
import yaml
from pytest_metadata.plugin import CONTINUOUS_INTEGRATION  # type: ignore[import-untyped]

from tests.driver import Outcome
from tests.plugin.conftest import Site

NOWHERE = "127.0.0.1:9"


def _configure(site: Site, side: str = "current", **options: str) -> None:
    """Replace options of one release's heat.conf."""
    config = yaml.safe_load(site.demo.plan_file.read_text("utf-8"))[side]["config"][0]
    path = site.demo.folder / config
    text = path.read_text("utf-8")
    for name, value in options.items():
        (line,) = re.findall(rf"(?m)^{name} = .*$", text)
        text = text.replace(line, f"{name} = {value}")
    path.write_text(text, "utf-8")


def _everything(site: Site, *outcomes: Outcome) -> str:
    """All that was printed, and all that lies in the reports."""
    files = [path for path in (site.folder / "reports").rglob("*") if path.is_file()]
    assert {"evidence.json", "details.html", "junit.xml"} <= {path.name for path in files}
    told = b"\n".join(path.read_bytes() for path in files).decode("utf-8", "replace")
    return "\n".join([told, *(outcome.out + outcome.err for outcome in outcomes)])


@pytest.mark.parametrize(
    ("connection", "transport", "parts"),
    [
        (
            f"mysql+pymysql://heat@{NOWHERE}/heat?password=can1ary-98",
            "rabbit://heat:can/ary-97@127.0.0.1:5672/heat-n",
            ["can1ary", "ary-9"],
        ),
        (
            f"mysql+pymysql://heat:Sup3r@can2ary-99@{NOWHERE}/heat",
            "rabbit://heat:12/can2ary-98@127.0.0.1:5672/heat-n",
            ["Sup3r", "can2ary"],
        ),
        (
            f"mysql+pymysql://heat:Sup3r/can3ary-99@{NOWHERE}/heat",
            "rabbit://heat:Sup3r@can3ary-98@127.0.0.1:5672/heat-n?ssl_key_password=can3ary-97",
            ["Sup3r", "can3ary"],
        ),
    ],
)
def test_a_password_of_heat_conf_leaves_in_no_spelling(
    site: Site, connection: str, transport: str, parts: list[str]
) -> None:
    for side in ("current", "target"):
        _configure(site, side, connection=connection, transport_url=transport)
    reports = ("--reports", str(site.folder / "reports"))
    gate = site.call("--phase", "pre", *reports)
    assert gate.code == 3, gate.out
    told = _everything(site, gate, site.call("where"), site.call("verify", *reports))
    for part in parts:
        assert part not in told
        assert part not in unquote(told)


@pytest.mark.parametrize("password", ["password", "database", 'quo"te \\ <ä&>', "Pässwörter-1"])
def test_a_recording_keeps_its_keys_and_no_secret(site: Site, password: str) -> None:
    """The names of keys are this tool's, whatever an operator takes for a password."""
    site.edit_plan(
        broker={
            "management": [site.server.url],
            "samples": 2,
            "username": "heat",
            "password_env": "BROKER",
        },
        waivers="waivers.yaml",
    )
    waiver = {"id": "queues.empty", "object": password, "reason": f"It is {password}"}
    waiver |= {"owner": "Ada", "ticket": "1", "expires": "2099-01-01T00:00Z"}
    site.demo.plan_file.with_name("waivers.yaml").write_text(yaml.safe_dump([waiver]), "utf-8")
    site.environment = {"BROKER": password}
    gate = site.judge("pre")
    recorded = json.loads((gate.folder / "evidence.json").read_bytes())
    assert recorded["plan"]["broker"]["password_env"] == "BROKER"
    assert recorded["waivers"][0]["reason"] == "It is ***"
    if not password.isalpha():
        assert password not in _everything(site, gate)
        assert json.dumps(password)[1:-1] not in _everything(site, gate)
    replayed = site.call("--replay", str(gate.folder), "--reports", str(site.folder / "again"))
    assert replayed.code == gate.code, replayed.err


def test_the_variables_of_a_ci_do_not_leave(site: Site) -> None:
    variables = {name for provider in CONTINUOUS_INTEGRATION for name in provider}
    assert "GIT_URL" in variables
    site.environment = {
        name: f"https://bot:ghp_canary-{name}@git.example.org/heat.git" for name in variables
    }
    gate = site.judge("pre", "--only", "schema")
    assert gate.code == 0, gate.out
    told = _everything(site, gate)
    assert "ghp_canary" not in told
    assert "Details of the gate" in told


@pytest.mark.parametrize(
    "url", ["mysql://heat@db/heat?password=canary-98", "mysql://heat:can/ary-99@db/heat"]
)
def test_a_plan_with_a_password_is_wrong_usage(site: Site, url: str) -> None:
    for section in ("database", "rehearsal"):
        site.edit_plan(**{section: {"url": url}})
        refused = site.call("--phase", "pre")
        assert (refused.code, refused.err.count("\n")) == (64, 1)
        assert "ary-9" not in refused.out + refused.err
        site.edit_plan(**{section: None})
    assert not (site.folder / "reports" / "demo-rolling" / "01-pre").exists()
