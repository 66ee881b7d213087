"""A Keystone with a catalogue, and both of Heat's APIs, at paths of one server."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from heat_upgrade_checks.evidence.site import Site
from tests import judging as checks
from tests.serving import Silent, serving

PROJECT = "0123456789abcdef0123456789abcdef"
PASSWORD, TOKEN = "canary-of-the-password", "canaryOfTheToken0000"
# As Heat 26.0.2 answers.
NO_STACKS: dict[str, Any] = {"stacks": []}
UNSIGNED = (
    b"<ErrorResponse><Error><Message>The request signature does not conform to AWS standards"
    b"</Message><Code>IncompleteSignature</Code><Type>Sender</Type></Error></ErrorResponse>"
)


@dataclass(frozen=True)
class Reply:
    """One answer as it goes over the wire."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


def reply(status: int, document: Any, **headers: str) -> Reply:
    """A JSON document as an answer."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(document).encode(), {"Content-Type": "application/json"} | told)


@dataclass
class Cloud:
    """What is answered, by path, and what was asked; `region` and `interface` lead to a URL."""

    catalogue: dict[tuple[str, str], str] = field(default_factory=dict)
    cfn: str = ""
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    url: str = ""

    def token(self) -> Any:
        """The document that comes with a token."""
        kinds: dict[str, Mapping[tuple[str, str], str]] = {"orchestration": self.catalogue}
        if self.cfn:
            kinds["cloudformation"] = {place: self.cfn for place in self.catalogue}
        catalog = [
            {
                "type": kind,
                "id": kind,
                "name": kind,
                "endpoints": [
                    {
                        "id": url,
                        "region": region,
                        "region_id": region,
                        "interface": interface,
                        "url": url,
                    }
                    for (region, interface), url in places.items()
                ],
            }
            for kind, places in kinds.items()
        ]
        domain = {"id": "d", "name": "d"}
        return {
            "token": {
                "catalog": catalog,
                "expires_at": "2099-01-01T00:00:00.000000Z",
                "issued_at": "2026-01-01T00:00:00.000000Z",
                "methods": ["password"],
                "project": {"id": PROJECT, "name": "p", "domain": domain},
                "user": {"id": "u", "name": "u", "domain": domain},
                "roles": [],
            }
        }

    def answer(self, method: str, path: str, host: str) -> Reply:
        """What this server says."""
        if path in self.replies:
            return self.replies[path]
        if method == "POST":
            return reply(201, self.token(), X_Subject_Token=TOKEN)
        if path.startswith("/identity"):
            links = [{"rel": "self", "href": f"http://{host}/identity/v3"}]
            return reply(200, {"version": {"id": "v3.14", "status": "stable", "links": links}})
        return reply(404, {"error": {"type": "HTTPNotFound"}})


class _Handler(Silent):
    cloud: Cloud

    def _serve(self) -> None:
        path = self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.cloud.sent.append(f"{self.headers}{body.decode()}")
        if not path.startswith("/identity"):
            self.cloud.asked.append(path)
        answer = self.cloud.answer(self.command, path, self.headers["Host"])
        self.send_response(answer.status)
        for name, value in ({"Content-Length": str(len(answer.body))} | {**answer.headers}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = _serve


@contextmanager
def served(cloud: Cloud) -> Iterator[str]:
    """Its URL while it answers."""
    with serving(type("Handler", (_Handler,), {"cloud": cloud})) as cloud.url:
        yield cloud.url


def written(url: str, folder: Path, **entry: str) -> Path:
    """A clouds.yaml with a cloud `c`, whose entry says this besides its account."""
    names = ("username", "project_name", "user_domain_name", "project_domain_name")
    auth = {"auth_url": f"{url}/identity", "password": PASSWORD, **dict.fromkeys(names, "d")}
    clouds = folder / "clouds.yaml"
    clouds.write_text(yaml.safe_dump({"clouds": {"c": {"auth": auth, **entry}}}), "utf-8")
    return clouds


def a_site(folder: Path, *backends: str) -> Site:
    """A site whose plan names that cloud, and backends."""
    return Site(checks.plan(api={"cloud": "c", "backends": list(backends)}), folder)
