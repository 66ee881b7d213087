"""RabbitMQ's management API: which of its URLs answers, to which account, and in which shape."""

from pathlib import Path
from urllib.parse import quote

import requests

from heat_upgrade_checks.errors import Unobserved, UsageError
from heat_upgrade_checks.evidence.answers import Shape, read
from heat_upgrade_checks.evidence.configuration import messaging_options
from heat_upgrade_checks.evidence.configuration.heat_conf import HeatConf
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site

_PORT, _TLS_PORT = 15672, 15671
_SEES_ALL = {"monitoring", "administrator"}


def connect(site: Site) -> tuple[ReadOnlyHttp, str]:
    """The first management URL that answers, and the broker's version.

    :raises Unobserved: none answers, or the account sees too little.
    """
    plan = site.plan.broker
    hosts = site.conf("current").transport().hosts
    password = plan.password(site.secrets)
    if plan.username is not None and password is None:
        raise UsageError("broker.username in the plan needs broker.password_env or password_file")
    username = plan.username or hosts[0].username
    if password is None:
        password = hosts[0].password
    if username is None or password is None:
        raise Unobserved(
            "transport_url holds no account for RabbitMQ; "
            "add broker.username and broker.password_env to the plan"
        )
    urls, ca_file = plan.management, plan.ca_file
    if not urls:
        urls, authority = _beside(site.conf("current"))
        ca_file = ca_file or authority
    problems = []
    for url in urls:
        try:
            http = ReadOnlyHttp("RabbitMQ's management API", url, (username, password), ca_file)
            _require_full_sight(http, username)
            overview = get(http, dict, "api/overview")
        except Unobserved as problem:
            problems.append(str(problem))
        else:
            return http, str(overview.get("rabbitmq_version", "unknown"))
    raise Unobserved(problems[0])


def _beside(conf: HeatConf) -> tuple[tuple[str, ...], Path | None]:
    """The management API beside each broker, and its authority, as Heat's own connections have it.

    So no password is sent in clear to a broker that speaks TLS, unless the plan says http.
    """
    options = messaging_options.read_login(conf)
    scheme, port = ("https", _TLS_PORT) if options.means_tls else ("http", _PORT)
    names = dict.fromkeys(broker.host for broker in conf.transport().hosts)
    urls = tuple(
        f"{scheme}://[{name}]:{port}" if ":" in name else f"{scheme}://{name}:{port}"
        for name in names
    )
    return urls, Path(options.ca_file) if options.means_tls and options.ca_file else None


def _require_full_sight(http: ReadOnlyHttp, username: str) -> None:
    """Without the tag RabbitMQ hides that other vhosts exist at all."""
    tags = get(http, dict, "api/whoami").get("tags", [])
    tags = set(tags.split(",") if isinstance(tags, str) else tags)
    if not tags & _SEES_ALL:
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


def body(http: ReadOnlyHttp, response: requests.Response, shape: type[Shape], path: str) -> Shape:
    """The body of a good answer; see `get`."""
    if response.status_code == requests.codes.unauthorized:
        raise Unobserved(
            f"RabbitMQ's management API at {http.base} refuses the account "
            f"{http.auth[0] if http.auth else ''}: wrong password, or it lacks the monitoring tag; "
            "correct broker.username and broker.password_env in the plan"
        )
    if response.status_code != requests.codes.ok:
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


def require_sight(http: ReadOnlyHttp, response: requests.Response, vhost: str) -> None:
    """RabbitMQ answers 401 to a question on a vhost on which the account has no permission.

    :raises Unobserved: this is that answer; the sentence says what to grant.
    """
    if response.status_code == requests.codes.unauthorized:
        user = http.auth[0] if http.auth else ""
        raise Unobserved(
            f"RabbitMQ's account {user} may not see vhost {vhost} at {http.base}; "
            f"run: rabbitmqctl set_permissions -p {vhost} {user} '^$' '^$' '^$'"
        )
