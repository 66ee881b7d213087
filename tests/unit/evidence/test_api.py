"""Which of a cloud's endpoints is asked, and where the API lies at a backend."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.api import clock as api_clock
from heat_upgrade_checks.evidence.api import cloud as api_cloud
from heat_upgrade_checks.evidence.api import endpoints as api
from heat_upgrade_checks.evidence.site import Site
from tests.unit.evidence.a_cloud import NO_STACKS, PROJECT, Cloud, a_site, reply, served, written

# openstacksdk's own, of what it is not asked for.
pytestmark = pytest.mark.filterwarnings("ignore:Support for InfluxDB")


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def url(cloud: Cloud) -> Iterator[str]:
    with served(cloud) as url:
        yield url


@pytest.fixture
def site(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a site of what a cloud's entry says besides its account, and of backends."""

    def make(*backends: str, **entry: str) -> Site:
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(written(url, tmp_path, **entry)))
        return a_site(tmp_path, *backends)

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
    entry: dict[str, str], path: str, cloud: Cloud, url: str, site: Any
) -> None:
    for region in ("west", "east"):
        for interface in ("public", "internal"):
            cloud.catalogue[region, interface] = f"{url}/{region}-{interface}/v1"
    cloud.replies[f"/{path}/stacks"] = reply(200, NO_STACKS)
    given = {
        key: value.format(url=url).replace("PROJECT", "%(project_id)s")
        for key, value in entry.items()
    }
    asked = site(**given)
    assert [(each.url, each.status) for each in api.observe(asked).endpoints] == [
        (f"{url}/{path}", 200)
    ]
    ask = api_clock._Ask()
    api_clock._question(api_cloud.Cloud(asked), ask)
    assert ask.at_api
    assert {*cloud.asked} == {f"/{path}/stacks"}


def test_a_region_without_the_api_is_told(cloud: Cloud, url: str, site: Any) -> None:
    cloud.catalogue["west", "public"] = f"{url}/v1"
    with pytest.raises(Unobserved, match="no orchestration endpoint in its catalogue for the reg"):
        api.observe(site(region_name="east"))


def test_a_password_in_an_override_is_a_secret(site: Any) -> None:
    made = site(orchestration_endpoint_override="https://heat:canary-7d1f@h/v1")
    api_cloud.Cloud(made).endpoint("orchestration")
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
    own: str, served_at: str, found: str, cloud: Cloud, url: str, site: Any
) -> None:
    cloud.catalogue["west", "public"] = f"{url}/o/v1"
    behind = Cloud(replies={f"{served_at}/stacks": reply(200, NO_STACKS)})
    with served(behind) as backend:
        _, answer = api.observe(site(backend + own)).endpoints
    assert answer.url == backend + found
    assert answer.status == (404 if served_at == "/none" else 200)
