"""Logs in at Keystone, which is a POST, as there is no other way; nothing follows a redirect."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence import answers
from heat_upgrade_checks.evidence.accounts.configured import Configured

_TIMEOUT = 15
_CREATED, _OK = 201, 200
_REFUSED = {401, 403}
_ADVICE = "look into its log, and at what stands before it"


class Refused(Exception):
    """Keystone says no to this account; the words say with which status."""


@dataclass(frozen=True)
class _Named:
    name: str


@dataclass(frozen=True)
class _Scope:
    id: str


@dataclass(frozen=True)
class _User:
    id: str
    name: str


@dataclass(frozen=True)
class _Token:
    user: _User
    roles: tuple[_Named, ...] = ()
    project: _Scope | None = None
    domain: _Scope | None = None


@dataclass(frozen=True)
class _TokenDocument:
    token: _Token


@dataclass(frozen=True)
class Login:
    """A token that Keystone gave, and the roles that it carries."""

    url: str
    token: str = field(repr=False)
    user_id: str
    roles: tuple[str, ...]


def place(url: str) -> str:
    """A URL as it may be shown."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def log_in(account: Configured) -> Login:
    """A token for an account, with the scope that Heat asks for.

    :raises Refused: Keystone does not take the account, or not in that scope.
    :raises Unobserved: it gives no answer that can be understood.
    """
    session = _session(account)
    who = f"Keystone at {place(account.options['auth_url'])}"
    url = _version_3(session, account.options["auth_url"], who)
    document = {"auth": {"identity": _identity(account.options), **_scope(account.options)}}
    # Without the catalogue: it is long, and Heat's accounts are not what it is asked for.
    response = _ask(session, "POST", f"{url}/auth/tokens?nocatalog", who, json=document)
    if response.status_code in _REFUSED:
        raise Refused(f"is refused by Keystone ({response.status_code})")
    token = response.headers.get("X-Subject-Token")
    if response.status_code != _CREATED or not token:
        raise Unobserved(f"{who} answers {response.status_code} and gives no token; {_ADVICE}")
    told = answers.read(_TokenDocument, response.content, who, _ADVICE).token
    wanted = {kind: _names(account.options, kind) for kind in ("project", "domain")}
    if any(wanted[kind] and getattr(told, kind) is None for kind in wanted):
        raise Unobserved(f"{who} gives a token of another scope than was asked for; {_ADVICE}")
    return Login(url, token, told.user.id, tuple(sorted(role.name for role in told.roles)))


def validates(account: Configured, by: Login, other: Login) -> bool:
    """Whether this account may look at another's token, which each request to heat-api needs.

    :raises Unobserved: Keystone gives no answer that can be understood.
    """
    who = f"Keystone at {place(by.url)}"
    headers = {"X-Auth-Token": by.token, "X-Subject-Token": other.token}
    response = _ask(_session(account), "GET", f"{by.url}/auth/tokens", who, headers=headers)
    if response.status_code in _REFUSED:
        return False
    if response.status_code != _OK:
        raise Unobserved(f"{who} answers {response.status_code} to a token of its own; {_ADVICE}")
    told = answers.read(_TokenDocument, response.content, who, _ADVICE).token
    if told.user.id != other.user_id:
        raise Unobserved(f"{who} takes a token for that of another user; {_ADVICE}")
    return True


def _session(account: Configured) -> Any:
    from keystoneauth1.session import Session

    http = requests.Session()
    # A proxy or a .netrc of the operator's shell is not what Heat's services have.
    http.trust_env = False
    verify, cert = account.tls
    return Session(session=http, verify=verify, cert=cert, redirect=False, timeout=_TIMEOUT)


def _version_3(session: Any, url: str, who: str) -> str:
    """Where version 3 is, which an unversioned URL tells."""
    bare = url.rstrip("/").removesuffix("/v2.0")
    if bare.endswith("/v3"):
        return bare
    from keystoneauth1 import discover
    from keystoneauth1 import exceptions as ksa

    try:
        found = discover.Discover(session, bare, authenticated=False).url_for("3.0")
    except (ksa.DiscoveryFailure, ksa.HttpError, LookupError, TypeError, ValueError):
        found = None
    except (ksa.ClientException, OSError) as error:
        raise Unobserved(f"{who} {_why_not(error)}") from None
    # As keystoneauth1/identity/v3/base.py goes on where nothing tells.
    return str(found).rstrip("/") if found else f"{bare}/v3"


def _ask(session: Any, method: str, url: str, who: str, **options: Any) -> Any:
    from keystoneauth1 import exceptions as ksa

    try:
        return session.request(
            url, method, authenticated=False, raise_exc=False, log=False, **options
        )
    except (ksa.ClientException, OSError, ValueError) as error:
        raise Unobserved(f"{who} {_why_not(error)}") from None


def _why_not(error: Exception) -> str:
    from keystoneauth1 import exceptions as ksa

    if isinstance(error, ksa.SSLError):
        return "has a TLS certificate that is not trusted; correct cafile or ca_file in heat.conf"
    return "gives no answer; start it, or correct its URL in heat.conf"


def _identity(options: Mapping[str, str]) -> dict[str, Any]:
    user: dict[str, Any] = {"password": options["password"]}
    if "user_id" in options:
        user["id"] = options["user_id"]
    else:
        user["name"] = options["username"]
        user["domain"] = _names(options, "user_domain") or _names(options, "default_domain")
    return {"methods": ["password"], "password": {"user": user}}


def _scope(options: Mapping[str, str]) -> dict[str, Any]:
    if domain := _names(options, "domain"):
        return {"scope": {"domain": domain}}
    if project := _names(options, "project"):
        if "name" in project:
            of = _names(options, "project_domain") or _names(options, "default_domain")
            return {"scope": {"project": {**project, "domain": of}}}
        return {"scope": {"project": project}}
    return {"scope": {"system": {"all": True}}} if "system_scope" in options else {}


def _names(options: Mapping[str, str], what: str) -> dict[str, str]:
    """A thing by its id, or else by its name; empty where it is not named."""
    for kind in ("id", "name"):
        if f"{what}_{kind}" in options:
            return {kind: options[f"{what}_{kind}"]}
    return {}
