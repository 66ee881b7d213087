"""Which of a cloud's endpoints is asked, and where the API lies at a backend."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.api import clock as api_clock
from heat_upgrade_checks.evidence.api import endpoints as api
from heat_upgrade_checks.evidence.site import Site
from tests import judging as checks

# openstacksdk's own, of what it is not asked for.
pytestmark = pytest.mark.filterwarnings("ignore:Support for InfluxDB")

PROJECT = "0123456789abcdef0123456789abcdef"


class Cloud(BaseHTTPRequestHandler):
    """A Keystone, and a Heat at the paths below."""

    catalogue: dict[tuple[str, str], str]
    stacks: tuple[str, ...]
    asked: list[str]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/identity"):
            url = f"http://{self.headers['Host']}/identity/v3"
            links = [{"rel": "self", "href": url}]
            self._answer(200, {"version": {"id": "v3.14", "status": "stable", "links": links}})
            return
        self.asked.append(path)
        found = path in self.stacks
        self._answer(200 if found else 404, {"stacks": []})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        endpoints = [
            {"id": url, "region": region, "region_id": region, "interface": interface, "url": url}
            for (region, interface), url in self.catalogue.items()
        ]
        heat = {"type": "orchestration", "id": "h", "name": "heat", "endpoints": endpoints}
        token = {
            "catalog": [heat],
            "expires_at": "2099-01-01T00:00:00.000000Z",
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "methods": ["password"],
            "project": {"id": PROJECT, "name": "p", "domain": {"id": "d", "name": "d"}},
            "user": {"id": "u", "name": "u", "domain": {"id": "d", "name": "d"}},
            "roles": [],
        }
        self._answer(201, {"token": token})

    def _answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Subject-Token", "token")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(handler: type[Cloud]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def cloud() -> type[Cloud]:
    class OneCloud(Cloud):
        catalogue, stacks, asked = {}, (), []

    return OneCloud


@pytest.fixture
def url(cloud: type[Cloud]) -> Iterator[str]:
    with served(cloud) as url:
        yield url


@pytest.fixture
def site(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a site of what a cloud's entry says besides its account, and of backends."""

    def make(*backends: str, **entry: str) -> Site:
        names = ("username", "project_name", "user_domain_name", "project_domain_name")
        auth = {"auth_url": f"{url}/identity", "password": "p", **dict.fromkeys(names, "d")}
        clouds = tmp_path / "clouds.yaml"
        clouds.write_text(yaml.safe_dump({"clouds": {"c": {"auth": auth, **entry}}}), "utf-8")
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds))
        plan = checks.plan(api={"cloud": "c", "backends": list(backends)})
        return Site(plan, tmp_path)

    return make


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({"region_name": "east"}, "east-public/v1"),
        ({"region_name": "west", "interface": "internal"}, "west-internal/v1"),
        (
            {"region_name": "west", "orchestration_endpoint_override": "{url}/own/v1/PROJECT"},
            f"own/v1/{PROJECT}",
        ),
    ],
)
def test_the_cloud_s_entry_chooses_the_endpoint(
    entry: dict[str, str], path: str, cloud: type[Cloud], url: str, site: Any
) -> None:
    for region in ("west", "east"):
        for interface in ("public", "internal"):
            cloud.catalogue[region, interface] = f"{url}/{region}-{interface}/v1"
    cloud.stacks = (f"/{path}/stacks",)
    given = {
        key: value.format(url=url).replace("PROJECT", "%(project_id)s")
        for key, value in entry.items()
    }
    asked = site(**given)
    assert [(each.url, each.status) for each in api.observe(asked).endpoints] == [
        (f"{url}/{path}", 200)
    ]
    ask = api_clock._Ask()
    api_clock._question(*api.connect(asked), ask)
    assert ask.at_api
    assert {*cloud.asked} == {f"/{path}/stacks"}


def test_a_region_without_the_api_is_told(cloud: type[Cloud], url: str, site: Any) -> None:
    cloud.catalogue["west", "public"] = f"{url}/v1"
    with pytest.raises(Unobserved, match="no orchestration endpoint in its catalogue for the reg"):
        api.observe(site(region_name="east"))


def test_a_password_in_an_override_is_a_secret(site: Any) -> None:
    made = site(orchestration_endpoint_override="https://heat:canary-7d1f@h/v1")
    api.connect(made)
    assert "canary-7d1f" not in made.secrets.redact("https://heat:canary-7d1f@h/v1")


@pytest.mark.parametrize(
    ("public", "backend", "expected"),
    [
        # kolla-ansible: plain ports.
        ("https://x:8004/v1/P", "http://b:8004", ["http://b:8004/v1/P"]),
        ("https://x:8004/v1/P", "http://b:8004/", ["http://b:8004/v1/P"]),
        # A load balancer that takes a prefix away, and devstack's Apache, which has it itself.
        ("https://x/o/v1/P", "http://b", ["http://b/o/v1/P", "http://b/v1/P"]),
        ("https://x/o/v1/P", "http://b/heat-api", ["http://b/heat-api/v1/P"]),
        ("https://x/o/v1/P", "http://b/heat-api/v1", ["http://b/heat-api/v1/P"]),
        ("https://x/heat-api/v1/P", "http://b/heat-api/", ["http://b/heat-api/v1/P"]),
        ("https://x/a/v1/heat/v1/P", "http://b/v1/P", ["http://b/a/v1/heat/v1/P", "http://b/v1/P"]),
        ("https://x/v10/v1/P", "http://b/v1/P/", ["http://b/v10/v1/P", "http://b/v1/P"]),
    ],
)
def test_where_the_api_lies_at_a_backend(public: str, backend: str, expected: list[str]) -> None:
    assert list(api._on_backend(public, backend)) == expected


@pytest.mark.parametrize(
    ("own", "served_at", "found"),
    [("", "/v1", "/v1"), ("", "/o/v1", "/o/v1"), ("/h", "/h/v1", "/h/v1"), ("", "/none", "/o/v1")],
)
def test_a_backend_is_asked_where_it_answers(
    own: str, served_at: str, found: str, cloud: type[Cloud], url: str, site: Any
) -> None:
    cloud.catalogue["west", "public"] = f"{url}/o/v1"
    cloud.stacks = ("/o/v1/stacks",)
    behind = type("Backend", (Cloud,), {"stacks": (f"{served_at}/stacks",), "asked": []})
    with served(behind) as backend:
        _, answer = api.observe(site(backend + own)).endpoints
    assert answer.url == backend + found
    assert answer.status == (404 if served_at == "/none" else 200)
