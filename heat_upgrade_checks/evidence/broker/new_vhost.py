"""The vhost that the target release works on, as it is before its first engine starts there."""

from dataclasses import dataclass
from typing import Any

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.answers import Shape
from heat_upgrade_checks.evidence.broker.access import Access, observe_access
from heat_upgrade_checks.evidence.broker.management import (
    body,
    connect,
    path_of,
    require_sight,
)
from heat_upgrade_checks.evidence.broker.parts import part
from heat_upgrade_checks.evidence.broker.policies import Policy, operator_policies, policies
from heat_upgrade_checks.evidence.broker.vhosts import default_queue_types
from heat_upgrade_checks.evidence.configuration import messaging_options
from heat_upgrade_checks.evidence.configuration.addresses import host_of
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat.declarations import BrokerObject, MessagingOptions
from heat_upgrade_checks.wording import counted


@dataclass(frozen=True)
class VhostSettings:
    """How a vhost is set up; `operator_policies` is None where the account may not see them."""

    default_queue_type: str
    policies: tuple[Policy, ...]
    operator_policies: tuple[Policy, ...] | None
    limits: dict[str, int]


@dataclass(frozen=True)
class NewVhost(Facts):
    """The target's vhost, and the settings of the current release's, which may be the same one.

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
            *(access.login_unknown for access in self.access),
            *(access.permissions_unknown for access in self.access),
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
        return (
            f"vhost {self.name} at {self.management} with "
            f"{counted(len(self.objects), 'object')} in it"
        )


@dataclass(frozen=True)
class _Limits:
    value: dict[str, int]


@dataclass(frozen=True)
class _Exchange:
    name: str
    type: str
    durable: bool
    auto_delete: bool
    arguments: dict[str, Any]


@dataclass(frozen=True)
class _Queue:
    """Of a queue that does not run RabbitMQ may tell its name alone."""

    name: str
    type: str | None = None
    durable: bool | None = None
    auto_delete: bool | None = None
    arguments: dict[str, Any] | None = None


def observe(site: Site) -> NewVhost:
    """Look at the target's vhost, on the brokers that its transport_url names."""
    conf = site.conf("target")
    new, old = conf.transport(), site.conf("current").transport()
    http, _ = connect(site, "target")
    types = default_queue_types(http)
    options = messaging_options.read(conf)
    vhosts = tuple(sorted(types))
    if new.vhost not in types:
        return NewVhost(http.base, new.vhost, old.vhost, vhosts, host_of(conf), options)
    settings, settings_unknown = part(lambda: _settings(http, new.vhost, types))
    old_settings, old_settings_unknown = part(lambda: _old_settings(site, old.vhost))
    objects, objects_unknown = part(lambda: _objects(http, new.vhost))
    return NewVhost(
        management=http.base,
        name=new.vhost,
        old_name=old.vhost,
        vhosts=vhosts,
        engine_host=host_of(conf),
        options=options,
        access=observe_access(site, http),
        settings=settings,
        settings_unknown=settings_unknown,
        old_settings=old_settings,
        old_settings_unknown=old_settings_unknown,
        objects=objects,
        objects_unknown=objects_unknown,
    )


def _old_settings(site: Site, vhost: str) -> VhostSettings:
    http, _ = connect(site)
    types = default_queue_types(http)
    if vhost not in types:
        raise Unobserved(
            f"vhost {vhost} of the current release does not exist at {http.base}, so nothing "
            "tells what the new one should have; set its policies and limits by hand and give "
            "`current.config` the vhost that Heat runs on"
        )
    return _settings(http, vhost, types)


def _settings(http: ReadOnlyHttp, vhost: str, types: dict[str, str]) -> VhostSettings:
    limits = _listed(http, list[_Limits], "vhost-limits", vhost)
    return VhostSettings(
        default_queue_type=types[vhost],
        policies=policies(http, vhost),
        operator_policies=operator_policies(http, vhost),
        limits={name: value for row in limits for name, value in row.value.items()},
    )


def _objects(http: ReadOnlyHttp, vhost: str) -> tuple[BrokerObject, ...]:
    columns = "name,type,durable,auto_delete,arguments"
    exchanges = _listed(http, list[_Exchange], "exchanges", vhost, columns=columns)
    queues = _listed(http, list[_Queue], "queues", vhost, columns=columns)
    return (
        *(
            BrokerObject(
                "exchange", row.name, row.type, row.durable, row.auto_delete, row.arguments
            )
            for row in exchanges
            if row.name and not row.name.startswith("amq.")
        ),
        *(_queue(http, row) for row in queues if not row.name.startswith("amq.")),
    )


def _queue(http: ReadOnlyHttp, row: _Queue) -> BrokerObject:
    if row.type is None or row.durable is None or row.auto_delete is None or row.arguments is None:
        raise Unobserved(
            f"RabbitMQ at {http.base} does not say what kind of queue {row.name} is; "
            "find out why it is not running, or delete it"
        )
    return BrokerObject("queue", row.name, row.type, row.durable, row.auto_delete, row.arguments)


def _listed(
    http: ReadOnlyHttp, shape: type[Shape], what: str, vhost: str, **parameters: str
) -> Shape:
    path = path_of(what, vhost)
    response = http.get(path, **parameters)
    require_sight(http, response, vhost)
    return body(http, response, shape, path)
