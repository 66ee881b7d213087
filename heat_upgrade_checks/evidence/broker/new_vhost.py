"""The target release's vhost before its first engine starts: rights, settings, and what is left."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import requests

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.broker.amqp_login import log_in
from heat_upgrade_checks.evidence.broker.management import (
    body,
    connect,
    get,
    path_of,
    require_sight,
)
from heat_upgrade_checks.evidence.configuration import messaging_options
from heat_upgrade_checks.evidence.configuration.addresses import (
    host_of,
    observe_current,
    observe_target,
)
from heat_upgrade_checks.evidence.configuration.heat_conf import BrokerHost, Transport
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat.declarations import BrokerObject, MessagingOptions
from heat_upgrade_checks.heat.permissions import Permissions

_OF_ADMINISTRATORS = {requests.codes.unauthorized, requests.codes.forbidden}

Part = TypeVar("Part")


@dataclass(frozen=True)
class Policy:
    """One policy of a vhost."""

    name: str
    pattern: str
    apply_to: str
    priority: int
    definition: dict[str, Any]


@dataclass(frozen=True)
class VhostSettings:
    """How a vhost is set up; `operator_policies` is None where the account may not see them."""

    default_queue_type: str
    policies: tuple[Policy, ...]
    operator_policies: tuple[Policy, ...] | None
    limits: dict[str, int]


@dataclass(frozen=True)
class Access:
    """What Heat's account may do on the vhost.

    `permissions` are known to accounts with the tag administrator alone (`readable`). For others a
    login was tried: `refusal` is what RabbitMQ said to it, `unknown` why it could not be tried.
    """

    account: str
    readable: bool
    permissions: Permissions | None = None
    broker: str = ""
    refusal: str = ""
    unknown: str = ""


@dataclass(frozen=True)
class NewVhost(Facts):
    """The target's vhost, and the settings of the current release's.

    A part that could not be observed is None, and its `_unknown` is the sentence why.
    `engine_host` is the target's `[DEFAULT] host`, which is part of a queue's name.
    """

    management: str
    name: str
    old_name: str
    vhosts: tuple[str, ...]
    engine_host: str
    options: MessagingOptions
    access: tuple[Access, ...] = ()
    settings: VhostSettings | None = None
    settings_unknown: str = ""
    old_settings: VhostSettings | None = None
    old_settings_unknown: str = ""
    objects: tuple[BrokerObject, ...] | None = None
    objects_unknown: str = ""

    @property
    def exists(self) -> bool:
        """Whether the vhost is there."""
        return self.name in self.vhosts

    def must_exist(self) -> None:
        """End a question that only an existing vhost answers.

        :raises NotConfigured: there is none.
        """
        if not self.exists:
            raise NotConfigured(f"vhost {self.name} does not exist; see vhost.exists")

    @property
    def incomplete(self) -> tuple[str, ...]:
        """What is said of each part that could not be observed."""
        unknown = (
            *(access.unknown for access in self.access),
            self.settings_unknown,
            self.old_settings_unknown,
            self.objects_unknown,
        )
        return tuple(dict.fromkeys(filter(None, unknown)))

    @property
    def extent(self) -> str:
        """What was read."""
        if not self.exists:
            return f"vhost {self.name} does not exist at {self.management}"
        if self.objects is None:
            return f"vhost {self.name} at {self.management}; what it holds is hidden"
        return f"vhost {self.name} at {self.management} with {len(self.objects)} objects in it"


def observe(site: Site) -> NewVhost:
    """Look at the target's vhost.

    :raises NotConfigured: no vhost is new in this upgrade.
    """
    if site.plan.mode == "cold":
        raise NotConfigured("in a cold upgrade the two releases never run at the same time")
    # Where only the plan says so, its vhost is looked at: the checks tell that the two differ.
    if site.plan.broker.isolation == "shared" and observe_current(site).names_the_vhost_of(
        observe_target(site)
    ):
        raise NotConfigured("both releases share a vhost (broker.isolation), so none is new")
    conf = site.conf("target")
    new, old = conf.transport(), site.conf("current").transport()
    require_known_brokers(site, new)
    http, _ = connect(site)
    rows = {
        str(row["name"]): row
        for row in get(http, list, "api/vhosts", columns="name,default_queue_type")
    }
    options = messaging_options.read(conf)
    vhosts = tuple(sorted(rows))
    if new.vhost not in rows:
        return NewVhost(http.base, new.vhost, old.vhost, vhosts, host_of(conf), options)
    settings, settings_unknown = _part(lambda: _settings(http, new.vhost, rows))
    old_settings, old_settings_unknown = _part(lambda: _settings(http, old.vhost, rows))
    objects, objects_unknown = _part(lambda: _objects(http, new.vhost))
    return NewVhost(
        management=http.base,
        name=new.vhost,
        old_name=old.vhost,
        vhosts=vhosts,
        engine_host=host_of(conf),
        options=options,
        access=_access(site, http, new),
        settings=settings,
        settings_unknown=settings_unknown,
        old_settings=old_settings,
        old_settings_unknown=old_settings_unknown,
        objects=objects,
        objects_unknown=objects_unknown,
    )


def require_known_brokers(site: Site, transport: Transport) -> None:
    """Without a named URL the management API that is asked is the one beside current's brokers.

    :raises Unobserved: this transport goes to others.
    """
    current = {host.host for host in site.conf("current").transport().hosts}
    others = sorted({host.host for host in transport.hosts})
    if not site.plan.broker.management and current.isdisjoint(others):
        raise Unobserved(
            f"vhost {transport.vhost} is on other brokers ({', '.join(others)}) than the current "
            "release; give the URLs of their management API as broker.management in the plan"
        )


def _part(observed: Callable[[], Part]) -> tuple[Part | None, str]:
    """A part of the answer, or the sentence why there is none."""
    try:
        return observed(), ""
    except Unobserved as reason:
        return None, str(reason)


def _settings(http: ReadOnlyHttp, vhost: str, rows: dict[str, dict[str, Any]]) -> VhostSettings:
    if vhost not in rows:
        raise Unobserved(
            f"vhost {vhost} of the current release does not exist at {http.base}, so nothing "
            "tells what the new one should have; set its policies and limits by hand and give "
            "`current.config` the vhost that Heat runs on"
        )
    limits = _listed(http, "vhost-limits", vhost)
    return VhostSettings(
        default_queue_type=_queue_type(rows[vhost].get("default_queue_type")),
        policies=_policies(_listed(http, "policies", vhost)),
        operator_policies=_operator_policies(http, vhost),
        limits={name: value for row in limits for name, value in row["value"].items()},
    )


def _queue_type(value: object) -> str:
    """RabbitMQ says undefined, or nothing before 3.10, where it makes classic queues."""
    return "classic" if value in {None, "", "undefined"} else str(value)


def _operator_policies(http: ReadOnlyHttp, vhost: str) -> tuple[Policy, ...] | None:
    path = path_of("operator-policies", vhost)
    response = http.get(path)
    if response.status_code in _OF_ADMINISTRATORS:
        return None
    return _policies(body(http, response, list, path))


def _policies(rows: list[Any]) -> tuple[Policy, ...]:
    return tuple(
        Policy(
            name=str(row["name"]),
            pattern=str(row["pattern"]),
            apply_to=str(row["apply-to"]),
            priority=int(row["priority"]),
            definition=dict(row["definition"]),
        )
        for row in sorted(rows, key=lambda row: str(row["name"]))
    )


def _objects(http: ReadOnlyHttp, vhost: str) -> tuple[BrokerObject, ...]:
    columns = "name,type,durable,auto_delete,arguments"
    return tuple(
        _object(http, kind, row)
        for kind, path in (("exchange", "exchanges"), ("queue", "queues"))
        for row in _listed(http, path, vhost, columns=columns)
        if row["name"] and not row["name"].startswith("amq.")
    )


def _object(http: ReadOnlyHttp, kind: str, row: dict[str, Any]) -> BrokerObject:
    which: Literal["queue", "exchange"] = "queue" if kind == "queue" else "exchange"
    try:
        return BrokerObject(
            kind=which,
            name=row["name"],
            type=row["type"],
            durable=row["durable"],
            auto_delete=row["auto_delete"],
            arguments=row["arguments"],
        )
    except KeyError as missing:
        raise Unobserved(
            f"RabbitMQ at {http.base} does not say {missing.args[0]} of {kind} {row['name']}; "
            "find out why it is not running, or delete it"
        ) from None


def _listed(http: ReadOnlyHttp, what: str, vhost: str, **parameters: str) -> list[Any]:
    path = path_of(what, vhost)
    response = http.get(path, **parameters)
    require_sight(http, response, vhost)
    return body(http, response, list, path)


def _access(site: Site, http: ReadOnlyHttp, transport: Transport) -> tuple[Access, ...]:
    """One for each account that stands in the transport URL."""
    accounts: dict[tuple[str, str | None], list[BrokerHost]] = defaultdict(list)
    for host in transport.hosts:
        accounts[host.username or "", host.password].append(host)
    return tuple(
        _access_of(site, http, transport.vhost, account, hosts)
        for (account, _), hosts in accounts.items()
    )


def _access_of(
    site: Site, http: ReadOnlyHttp, vhost: str, account: str, hosts: list[BrokerHost]
) -> Access:
    path = path_of("permissions", vhost, account)
    response = http.get(path) if account else None
    if response is not None and response.status_code == requests.codes.not_found:
        return Access(account, readable=True)
    if response is not None and response.status_code not in _OF_ADMINISTRATORS:
        row = body(http, response, dict, path)
        permissions = Permissions(row["configure"], row["write"], row["read"])
        return Access(account, readable=True, permissions=permissions)
    problems = []
    for host in hosts:
        try:
            login = log_in(host, vhost, messaging_options.read_login(site.conf("target")))
        except Unobserved as problem:
            problems.append(str(problem))
        else:
            return Access(account, readable=False, broker=login.broker, refusal=login.refusal)
    return Access(account, readable=False, unknown=problems[0])
