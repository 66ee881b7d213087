"""Where RabbitMQ's management API is looked for, as far as the plan does not say."""

from pathlib import Path

import pytest
import requests

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker import management
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.plan import Plan

ONE = "rabbit://heat:canary@rabbit1:5671/heat"
TLS = "[oslo_messaging_rabbit]\n"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """Every URL that is asked, with the authority that is trusted; nobody answers."""
    found: list[tuple[str, object]] = []

    def get(session: requests.Session, url: str, **_: object) -> requests.Response:
        found.append((url, session.verify))
        raise requests.exceptions.SSLError

    monkeypatch.setattr(requests.Session, "get", get)
    return found


@pytest.mark.parametrize(
    ("url", "options", "urls"),
    [
        (ONE, "", ["http://rabbit1:15672"]),
        (ONE, f"{TLS}ssl = false\n", ["http://rabbit1:15672"]),
        (ONE, f"{TLS}ssl = true\n", ["https://rabbit1:15671"]),
        (ONE, f"{TLS}ssl_version = TLSv1_2\n", ["https://rabbit1:15671"]),
        (f"{ONE}?ssl=1", "", ["https://rabbit1:15671"]),
        (
            "rabbit://heat:a@rabbit1,heat:a@rabbit2,heat:a@rabbit1:5673/heat",
            "",
            ["http://rabbit1:15672", "http://rabbit2:15672"],
        ),
        ("rabbit://heat:a@[::1]:5672/heat", "", ["http://[::1]:15672"]),
        ("rabbit://heat:a@[2001:db8::1]/heat?ssl=1", "", ["https://[2001:db8::1]:15671"]),
    ],
)
def test_the_management_api_is_looked_for_beside_the_broker(
    tmp_path: Path, asked: list[tuple[str, object]], url: str, options: str, urls: list[str]
) -> None:
    with pytest.raises(Unobserved):
        management.connect(_site(tmp_path, url, options))
    assert asked == [(f"{each}/api/whoami", True) for each in urls]


def test_no_password_goes_in_clear_to_a_broker_that_speaks_tls_unless_the_plan_says_so(
    tmp_path: Path, asked: list[tuple[str, object]]
) -> None:
    authority = tmp_path / "ca.pem"
    authority.touch()
    options = f"{TLS}ssl = true\nssl_ca_file = {authority}\n"
    for broker, expected in (
        ({}, ("https://rabbit1:15671/api/whoami", str(authority))),
        ({"management": ["http://rabbit1:15672"]}, ("http://rabbit1:15672/api/whoami", True)),
    ):
        asked.clear()
        with pytest.raises(Unobserved):
            management.connect(_site(tmp_path, ONE, options, broker))
        assert asked == [expected]


def _site(folder: Path, url: str, options: str, broker: dict[str, list[str]] | None = None) -> Site:
    conf = folder / "heat.conf"
    conf.write_text(f"[DEFAULT]\ntransport_url = {url}\n{options}", encoding="utf-8")
    document = {
        "name": "unit",
        "mode": "rolling",
        "current": {"version": "25.0.2", "config": [str(conf)]},
        "target": {"version": "26.0.2"},
        "broker": broker or {},
    }
    return Site(Plan.model_validate(document), folder)
