"""RabbitMQ's management API: which of its URLs answers, to which account, and in which shape."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import requests
from pydantic import BeforeValidator

from heat_upgrade_checks.errors import Unobserved, UsageError
from heat_upgrade_checks.evidence.answers import Shape, read
from heat_upgrade_checks.evidence.broker.clusters import Overview, require_cluster_of
from heat_upgrade_checks.evidence.configuration import messaging_options
from heat_upgrade_checks.evidence.configuration.heat_conf import Transport
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.phases import SideName

_PORT, _TLS_PORT = 15672, 15671
_SEES_ALL = {"monitoring", "administrator"}

EMPTY = BeforeValidator(lambda value: {} if value == [] else value)
"""For an object that may be empty: RabbitMQ writes that as an empty list."""


def _known(value: object) -> object:
    if value is None:
        raise ValueError("is null")
    return None if value == [] else value


NOTHING = BeforeValidator(_known)
"""For an object that RabbitMQ may not know: it writes an empty list then, which gives None."""


@dataclass(frozen=True)
class _Account:
    """What `api/whoami` says; before 3.9 the tags are one text."""

    tags: tuple[str, ...] | str


@dataclass(frozen=True)
class _Named:
    name: str


def connect(
    site: Site, side: SideName = "current", transport: Transport | None = None
) -> tuple[ReadOnlyHttp, Overview]:
    """The first management URL that answers for the brokers of a release, and what it says of them.

    `transport` is where that release goes if not to its `transport_url`.

    :raises Unobserved: none answers, none is shown to be of these brokers, or the account sees too
        little.
    """
    plan = site.plan.broker
    conf = site.conf(side)
    options = messaging_options.read_login(conf)
    transport = transport or conf.transport()
    username, password = _account(site, transport)
    urls, ca_file = plan.management, plan.ca_file
    if not urls:
        urls, authority = _beside(transport, options)
        ca_file = ca_file or authority
    problems = []
    for url in urls:
        try:
            http = ReadOnlyHttp("RabbitMQ's management API", url, (username, password), ca_file)
            _require_full_sight(http, username)
            overview = get(http, Overview, "api/overview")
            require_cluster_of(transport, options, url, overview)
        except Unobserved as problem:
            problems.append(str(problem))
        else:
            return http, overview
    raise Unobserved(problems[0])


def _account(site: Site, transport: Transport) -> tuple[str, str]:
    """The plan's account, or Heat's: the current release's on brokers that it has itself."""
    plan = site.plan.broker
    password = plan.password(site.secrets)
    if plan.username is not None and password is None:
        raise UsageError("broker.username in the plan needs broker.password_env or password_file")
    known = site.conf("current").transport().hosts
    shared = {each.host for each in known} & {each.host for each in transport.hosts}
    host = known[0] if shared else transport.hosts[0]
    username = plan.username or host.username
    if password is None:
        password = host.password
    if username is None or password is None:
        raise Unobserved(
            "transport_url holds no account for RabbitMQ; "
            "add broker.username and broker.password_env to the plan"
        )
    return username, password


def _beside(
    transport: Transport, options: messaging_options.LoginOptions
) -> tuple[tuple[str, ...], Path | None]:
    """The management API beside each broker, and its authority, as Heat's own connections have it.

    So no password is sent in clear to a broker that speaks TLS, unless the plan says http.
    """
    scheme, port = ("https", _TLS_PORT) if options.means_tls else ("http", _PORT)
    names = dict.fromkeys(broker.host for broker in transport.hosts)
    urls = tuple(
        f"{scheme}://[{name}]:{port}" if ":" in name else f"{scheme}://{name}:{port}"
        for name in names
    )
    return urls, Path(options.ca_file) if options.means_tls and options.ca_file else None


def _require_full_sight(http: ReadOnlyHttp, username: str) -> None:
    """Without the tag RabbitMQ hides that other vhosts exist at all."""
    tags = get(http, _Account, "api/whoami").tags
    if not _SEES_ALL & set(tags.split(",") if isinstance(tags, str) else tags):
        raise Unobserved(
            f"RabbitMQ's account {username} sees only its own vhosts at {http.base}; "
            f"run: rabbitmqctl set_user_tags {username} monitoring"
        )


def path_of(*parts: str) -> str:
    """The path of these names below `api`; a vhost, a queue or an account may hold a slash."""
    return "/".join(("api", *(quote(part, safe="") for part in parts)))


def get(http: ReadOnlyHttp, shape: type[Shape], path: str, **parameters: str) -> Shape:
    """The answer to GET, which must be good and of this shape.

    :raises Unobserved: it is not; the sentence says which right or URL to correct.
    """
    return body(http, http.get(path, **parameters), shape, path)


def body(
    http: ReadOnlyHttp,
    response: requests.Response,
    shape: type[Shape],
    path: str,
    good: int = requests.codes.ok,
) -> Shape:
    """The body of a good answer; see `get`."""
    if response.status_code == requests.codes.unauthorized:
        raise Unobserved(
            f"RabbitMQ's management API at {http.base} refuses the account "
            f"{http.auth[0] if http.auth else ''}: wrong password, or it lacks the monitoring tag; "
            "correct broker.username and broker.password_env in the plan"
        )
    if response.status_code != good:
        raise Unobserved(
            f"RabbitMQ's management API at {http.base} answers {response.status_code} to "
            f"GET {path}; correct broker.management in the plan"
        )
    return read(
        shape,
        response.content,
        f"RabbitMQ's management API at {http.base}, GET {path}",
        "another server answers there, or a proxy: correct broker.management in the plan",
    )


def vhosts(http: ReadOnlyHttp) -> list[str]:
    """The names of all vhosts, which this account sees whatever its permissions."""
    return [row.name for row in get(http, tuple[_Named, ...], "api/vhosts", columns="name")]


def is_absent(http: ReadOnlyHttp, response: requests.Response, vhost: str) -> bool:
    """Whether this answer to a question on a vhost says that there is no such vhost.

    404 alone does not: a proxy may lack the path, or RabbitMQ what was asked for. So the list of
    all vhosts must lack it too; the vhost's own page is for administrators alone.

    :raises Unobserved: 404, though the vhost exists.
    """
    if response.status_code != requests.codes.not_found:
        return False
    if vhost in vhosts(http):
        raise Unobserved(
            f"RabbitMQ's management API at {http.base} answers 404 to a question on vhost {vhost}, "
            "which it lists; let a proxy before it pass on all below /api, or name RabbitMQ's own "
            "URL as broker.management in the plan"
        )
    return True


def require_sight(http: ReadOnlyHttp, response: requests.Response, vhost: str) -> None:
    """RabbitMQ answers 401 to a question on a vhost on which the account has no permission.

    :raises Unobserved: this is that answer; the sentence says what to grant.
    """
    if response.status_code == requests.codes.unauthorized:
        raise no_sight(http, vhost)


def no_sight(http: ReadOnlyHttp, vhost: str) -> Unobserved:
    """That the account may not see a vhost, and what to grant."""
    user = http.auth[0] if http.auth else ""
    grant = ["rabbitmqctl", "set_permissions", "-p", vhost, user, "^$", "^$", "^$"]
    return Unobserved(
        f"RabbitMQ's account {user} may not see vhost {vhost} at {http.base}; "
        f"run: {shlex.join(grant)}"
    )
