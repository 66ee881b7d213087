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
    cloud, session = connect(site)
    public = endpoint(cloud, session)
    bases = [public, *(_on_backend(public, backend) for backend in site.plan.api.backends)]
    return Api(cloud, tuple(_ask(session, base) for base in dict.fromkeys(bases)))


def connect(site: Site, timeout: float | None = None) -> tuple[str, Any]:
    """The plan's cloud and a keystoneauth session on it, which renews its token.

    `timeout` limits, in seconds, whatever is asked without a limit of its own, such as Keystone.

    :raises NotConfigured: no cloud is named.
    :raises Unobserved: the cloud's entry in clouds.yaml cannot be used.
    """
    import openstack
    from keystoneauth1 import exceptions as ksa
    from openstack import exceptions as sdk

    cloud = site.plan.api.cloud or os.environ.get("OS_CLOUD")
    if cloud is None:
        raise NotConfigured(
            "no cloud is named; add api: {cloud: NAME} to the plan, or set OS_CLOUD"
        )
    try:
        limit: dict[str, Any] = {} if timeout is None else {"api_timeout": timeout}
        connection = openstack.connect(cloud=cloud, app_name="heat-upgrade-check", **limit)
        site.secrets.add(connection.config.config.get("auth", {}).get("password"))
        return cloud, connection.session
    except sdk.ConfigException:
        raise Unobserved(
            f"cloud {cloud} is in no clouds.yaml that was found; correct api.cloud or OS_CLOUD, or "
            "set OS_CLIENT_CONFIG_FILE"
        ) from None
    except (ksa.ClientException, sdk.SDKException, yaml.YAMLError, OSError) as error:
        raise Unobserved(f"cloud {cloud}: {reason(error)}") from None


def endpoint(cloud: str, session: Any) -> str:
    """Where the catalogue says that Heat's API is.

    :raises Unobserved: Keystone gives no catalogue, or it names no such endpoint.
    """
    from keystoneauth1 import exceptions as ksa

    try:
        public = session.get_endpoint(service_type="orchestration")
    except (ksa.ClientException, OSError) as error:
        raise Unobserved(f"cloud {cloud}: {reason(error)}") from None
    if not public:
        raise Unobserved(
            f"cloud {cloud} has no orchestration endpoint in its catalogue; "
            "correct api.cloud in the plan"
        )
    return str(public)


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
        raise Unobserved(f"Heat's API at {base}: {reason(error)}") from None
    if answer.status_code in {401, 403}:
        raise Unobserved(
            f"Heat's API at {base} refuses this account ({answer.status_code}); "
            "give the cloud's account a role on its project"
        )
    return Endpoint(
        base, answer.status_code, error_type(answer), round(time.monotonic() - begun, 3)
    )


def error_type(answer: Any) -> str:
    """Heat's own error type, or the status; empty for a good answer."""
    if answer.ok:
        return ""
    try:
        return str(answer.json()["error"]["type"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"


def reason(error: Exception) -> str:
    """Why a cloud's service cannot be asked, and what to do."""
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
