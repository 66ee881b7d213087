"""Heat's API: whether each endpoint gets an answer from an engine.

openstacksdk is imported where it is used: it takes longer to load than most gates to judge.
"""

import os
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import yaml

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.site import Site

# Above Heat's rpc_response_timeout (60 s by default), so that Heat's own answer is seen.
_TIMEOUT = 75


@dataclass(frozen=True)
class Endpoint:
    """One endpoint's answer to a listing of one stack, which an engine has to give.

    `error` is Heat's own error type (`MessagingTimeout`, `HTTPServiceUnavailable`) or "".
    """

    url: str
    status: int
    error: str
    seconds: float


@dataclass(frozen=True)
class Api:
    """Heat's API as its users reach it, and each backend behind it that the plan names."""

    cloud: str
    endpoints: tuple[Endpoint, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        slowest = max(endpoint.seconds for endpoint in self.endpoints)
        return f"{len(self.endpoints)} endpoints of cloud {self.cloud}, slowest {slowest:.1f} s"


def observe(site: Site) -> Api:
    """Ask the catalogue's endpoint and each backend for a list of one stack."""
    import openstack
    from keystoneauth1 import exceptions as ksa
    from openstack import exceptions as sdk

    plan = site.plan.api
    cloud = plan.cloud or os.environ.get("OS_CLOUD")
    if cloud is None:
        raise NotConfigured(
            "no cloud is named; add api: {cloud: NAME} to the plan, or set OS_CLOUD"
        )
    try:
        connection = openstack.connect(cloud=cloud, app_name="heat-upgrade-check")
        site.secrets.add(connection.config.config.get("auth", {}).get("password"))
        public = connection.session.get_endpoint(service_type="orchestration")
    except sdk.ConfigException:
        raise Unobserved(
            f"cloud {cloud} is in no clouds.yaml that was found; correct api.cloud or OS_CLOUD, or "
            "set OS_CLIENT_CONFIG_FILE"
        ) from None
    except (ksa.ClientException, sdk.SDKException, yaml.YAMLError, OSError) as error:
        raise Unobserved(f"cloud {cloud}: {_reason(error)}") from None
    if not public:
        raise Unobserved(
            f"cloud {cloud} has no orchestration endpoint in its catalogue; "
            "correct api.cloud in the plan"
        )
    bases = [public, *(_on_backend(public, backend) for backend in plan.backends)]
    return Api(cloud, tuple(_ask(connection.session, base) for base in dict.fromkeys(bases)))


def _on_backend(public: str, backend: str) -> str:
    """The catalogue's path at one backend."""
    here, there = urlsplit(public), urlsplit(backend)
    path = there.path.rstrip("/") + here.path if there.path.strip("/") else here.path
    return urlunsplit((there.scheme, there.netloc, path, "", ""))


def _ask(session: Any, base: str) -> Endpoint:
    from keystoneauth1 import exceptions as ksa

    begun = time.monotonic()
    try:
        # Not conn.orchestration.stacks(): it silently drops the parameters it does not know.
        answer = session.get(
            f"{base.rstrip('/')}/stacks",
            params={"limit": "1"},
            raise_exc=False,
            connect_retries=2,
            timeout=_TIMEOUT,
        )
    except (ksa.ClientException, OSError) as error:
        raise Unobserved(f"Heat's API at {base}: {_reason(error)}") from None
    if answer.status_code in {401, 403}:
        raise Unobserved(
            f"Heat's API at {base} refuses this account ({answer.status_code}); "
            "give the cloud's account a role on its project"
        )
    return Endpoint(base, answer.status_code, _error(answer), round(time.monotonic() - begun, 3))


def _error(answer: Any) -> str:
    if answer.ok:
        return ""
    try:
        return str(answer.json()["error"]["type"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"


def _reason(error: Exception) -> str:
    from keystoneauth1 import exceptions as ksa

    if isinstance(error, ksa.Unauthorized):
        return "Keystone refuses its account; correct it in clouds.yaml"
    if isinstance(error, ksa.MissingRequiredOptions | ksa.NoMatchingPlugin):
        return "its entry in clouds.yaml is not complete; add what `auth` lacks"
    if isinstance(error, ksa.SSLError):
        return "its TLS certificate is not trusted; set `cacert` in clouds.yaml"
    if isinstance(error, ksa.ConnectTimeout | ksa.ConnectFailure | ksa.DiscoveryFailure):
        return "nobody answers; start the service, or correct its URL in clouds.yaml or the plan"
    if isinstance(error, yaml.YAMLError):
        return "its clouds.yaml is not readable as YAML"
    return f"it cannot be asked ({type(error).__name__}); check its entry in clouds.yaml"
