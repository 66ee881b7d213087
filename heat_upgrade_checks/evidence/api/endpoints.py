"""Heat's API: whether each endpoint gets an answer from an engine.

openstacksdk is imported where it is used: it takes longer to load than most gates to judge.
"""

import os
import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import yaml

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site

# Above Heat's rpc_response_timeout (60 s by default), so that Heat's own answer is seen.
_TIMEOUT = 75
# heat-api has /v1/PROJECT at its root; what comes before that is a proxy's.
_PREFIX = re.compile(r"(.*?)(?:/v1(?:/[^/]*)?)?/?")
_NOT_FOUND = 404


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
class Api(Facts):
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
    cloud, connection = connect(site)
    public = endpoint(cloud, connection)
    places = [(public,), *(_on_backend(public, backend) for backend in site.plan.api.backends)]
    session = connection.session
    return Api(cloud, tuple(_ask_where_it_is(session, each) for each in dict.fromkeys(places)))


def connect(site: Site, timeout: float | None = None) -> tuple[str, Any]:
    """The plan's cloud and openstacksdk's connection to it, whose session renews its token.

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
        override = connection.config.get_endpoint("orchestration") or ""
        site.secrets.add(urlsplit(override).password)
        return cloud, connection
    except sdk.ConfigException:
        raise Unobserved(
            f"cloud {cloud} is in no clouds.yaml that was found; correct api.cloud or OS_CLOUD, or "
            "set OS_CLIENT_CONFIG_FILE"
        ) from None
    except (ksa.ClientException, sdk.SDKException, yaml.YAMLError, OSError) as error:
        raise Unobserved(f"cloud {cloud}: {reason(error)}") from None


def endpoint(cloud: str, connection: Any) -> str:
    """Where Heat's API is: by the cloud's entry, or by the catalogue for its region and interface.

    :raises Unobserved: Keystone gives no catalogue, or it names no such endpoint.
    """
    from keystoneauth1 import exceptions as ksa
    from openstack import exceptions as sdk

    try:
        public = connection.endpoint_for("orchestration")
        if public and "%(" in public:
            # As keystoneauth fills in an override.
            project = str(connection.session.get_project_id())
            for name in ("project_id", "tenant_id"):
                public = public.replace(f"%({name})s", project)
    except (ksa.ClientException, sdk.SDKException, OSError) as error:
        raise Unobserved(f"cloud {cloud}: {reason(error)}") from None
    if not public:
        raise Unobserved(
            f"cloud {cloud} has no orchestration endpoint in its catalogue for the region and "
            "interface of its entry in clouds.yaml; correct those, or api.cloud in the plan"
        )
    return str(public)


def _on_backend(public: str, backend: str) -> tuple[str, ...]:
    """Where the API can be at one backend, the likeliest place first.

    A backend's own path comes before `/v1`. Without one, the catalogue's does or, behind a load
    balancer that takes it away, none.
    """
    path, there = urlsplit(public).path, urlsplit(backend)
    prefix, own = _prefix(path), _prefix(there.path)
    return tuple(
        urlunsplit((there.scheme, there.netloc, before + path.removeprefix(prefix), "", ""))
        for before in ((own,) if own else dict.fromkeys((prefix, "")))
    )


def _prefix(path: str) -> str:
    match = _PREFIX.fullmatch(path)
    return match[1] if match else path


def _ask_where_it_is(session: Any, places: tuple[str, ...]) -> Endpoint:
    """The first answer that is not 404, or else the first one."""
    answers = []
    for place in places:
        answers.append(_ask(session, place))
        if answers[-1].status != _NOT_FOUND:
            return answers[-1]
    return answers[0]


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
