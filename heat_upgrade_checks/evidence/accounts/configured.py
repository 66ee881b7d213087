"""Heat's own accounts at Keystone, as a configuration names them and as Heat reads them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from heat_upgrade_checks.evidence.configuration.heat_conf import HeatConf

# keystoneauth1/loading/_plugins/identity: what a group may name, and what that was called before.
_OPTIONS = {
    "auth_url": (),
    "user_id": (),
    "username": ("user_name",),
    "password": (),
    "user_domain_id": (),
    "user_domain_name": (),
    "project_id": ("tenant_id",),
    "project_name": ("tenant_name",),
    "project_domain_id": (),
    "project_domain_name": (),
    "domain_id": (),
    "domain_name": (),
    "system_scope": (),
    "default_domain_id": (),
    "default_domain_name": (),
}
_WITH_PASSWORD = {"password", "v3password"}
# paste_deploy flavors in which heat-api does not ask Keystone by an account of its own.
_WITHOUT_AUTHTOKEN = {"standalone", "custombackend", "noauth"}
DOMAIN_ADMIN = "[DEFAULT] stack_domain_admin"


@dataclass(frozen=True)
class Configured:
    """One account. `problem` tells why Heat cannot use it, `unread` why it cannot be read here."""

    section: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: tuple[bool | str, tuple[str, str] | str | None] = (True, None)
    problem: str = ""
    unread: str = ""

    @property
    def name(self) -> str:
        """The user, by name or else by id."""
        return self.options.get("username") or self.options.get("user_id") or ""

    @property
    def identity(self) -> tuple[Any, ...]:
        """Two with the same are the same login; it holds the password."""
        return (self.section, *sorted(self.options.items()), self.tls, self.problem, self.unread)


def accounts_of(conf: HeatConf) -> tuple[Configured, ...]:
    """Every account of a configuration; none where it names none at all.

    :raises Unobserved: a value refers to an option that is set nowhere.
    """
    found = tuple(_accounts(conf))
    return found if any(each.options or each.unread for each in found) else ()


def _accounts(conf: HeatConf) -> Iterator[Configured]:
    flavor = (conf.get("flavor", "paste_deploy") or "").strip()
    if flavor not in _WITHOUT_AUTHTOKEN or _auth_type(conf, "keystone_authtoken"):
        yield _of_group(conf, "keystone_authtoken", _own_tls(conf, "keystone_authtoken"))
    # Heat's default is trusts, which its engines use by this account (heat/common/context.py).
    if conf.get("deferred_auth_method") in {None, "trusts"} or _auth_type(conf, "trustee"):
        yield _of_group(conf, "trustee", _client_tls(conf))
    if admin := _domain_admin(conf):
        yield admin


def _of_group(conf: HeatConf, group: str, tls: Any) -> Configured:
    """As keystoneauth1/loading/conf.py loads an account."""
    section = f"[{group}]"
    kind, group = _auth_type(conf, group), conf.get("auth_section", group) or group
    if kind is None:
        if conf.get("admin_user", group) or conf.get("admin_token", group):
            return Configured(section, unread="has no auth_type but options of a kind that is gone")
        return Configured(section, problem="names no account (auth_type is not set)")
    if kind not in _WITH_PASSWORD:
        return Configured(section, unread=f"has auth_type {kind}, of which nothing is known here")
    options = {
        name: value
        for name, older in _OPTIONS.items()
        for value in [_first(conf, group, (name, *older))]
        if value
    }
    lacking = [
        name
        for name, there in (
            ("auth_url", options.get("auth_url")),
            ("username", options.get("username") or options.get("user_id")),
            ("password", options.get("password")),
        )
        if not there
    ]
    if lacking:
        return Configured(section, options, tls, problem=f"lacks {', '.join(lacking)}")
    scopes = sum(
        bool(options.get(f"{kind}_id") or options.get(f"{kind}_name"))
        for kind in ("project", "domain")
    ) + ("system_scope" in options)
    # keystoneauth1/identity/v3/base.py refuses two scopes, and a trust is one.
    if section == "[trustee]" and scopes:
        return Configured(
            section,
            options,
            tls,
            problem="names a project, domain or system; a trust brings its own",
        )
    if scopes > 1:
        return Configured(section, options, tls, problem="names more than one project or domain")
    return Configured(section, options, tls)


def _domain_admin(conf: HeatConf) -> Configured | None:
    """Who makes the users of stacks (heat_keystoneclient.py); none where stacks have no domain."""
    domain_id = conf.get("stack_user_domain_id") or conf.get("stack_user_domain")
    domain_name = conf.get("stack_user_domain_name")
    if not domain_id and not domain_name:
        return None
    options = {
        "auth_url": _identity_url(conf),
        "username": conf.get("stack_domain_admin"),
        "password": conf.get("stack_domain_admin_password"),
    }
    lacking = [
        {
            "auth_url": "[clients_keystone] auth_uri",
            "username": "stack_domain_admin",
            "password": "stack_domain_admin_password",
        }[name]
        for name, value in options.items()
        if not value
    ]
    # The id goes before the name.
    domain = {"id": domain_id} if domain_id else {"name": domain_name}
    for kind, value in domain.items():
        options |= {f"user_domain_{kind}": value, f"domain_{kind}": value}
    problem = f"lacks {', '.join(lacking)}" if lacking else ""
    given = {name: value for name, value in options.items() if value}
    return Configured(DOMAIN_ADMIN, given, _client_tls(conf), problem=problem)


def _identity_url(conf: HeatConf) -> str | None:
    """As heat/common/endpoint_utils.py."""
    authtoken = "keystone_authtoken"
    return (
        conf.get("auth_uri", "clients_keystone")
        or conf.get("www_authenticate_uri", authtoken)
        or conf.get("auth_uri", authtoken)
    )


def _auth_type(conf: HeatConf, group: str) -> str | None:
    group = conf.get("auth_section", group) or group
    return _first(conf, group, ("auth_type", "auth_plugin"))


def _first(conf: HeatConf, group: str, names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := conf.get(name, group))), None)


def _own_tls(conf: HeatConf, group: str) -> tuple[bool | str, tuple[str, str] | str | None]:
    """As keystonemiddleware does."""
    insecure = conf.is_true("insecure", group)
    cert, key = conf.get("certfile", group), conf.get("keyfile", group)
    pair = (cert, key) if cert and key else cert
    return (False if insecure else conf.get("cafile", group) or True), pair


def _client_tls(conf: HeatConf) -> tuple[bool | str, tuple[str, str] | str | None]:
    """As heat/common/config.py, get_ssl_options."""

    def option(name: str) -> str | None:
        of_client = conf.get(name, "clients_keystone")
        return conf.get(name, "clients") if of_client is None else of_client

    insecure = conf.is_true(
        "insecure",
        "clients" if conf.get("insecure", "clients_keystone") is None else "clients_keystone",
    )
    cert, key = option("cert_file"), option("key_file")
    pair = (cert, key) if cert and key else cert
    return (False if insecure else option("ca_file") or True), pair
