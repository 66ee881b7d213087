"""Whether the target release's code loads: what its services load when they start."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from heat_upgrade_checks.evidence.answers import Count
from heat_upgrade_checks.evidence.code.interpreter import SERVICES
from heat_upgrade_checks.evidence.configuration.heat_conf import HeatConf
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.stacks import resource_types

_HEAT_ITSELF = ("command", "module")


@dataclass(frozen=True)
class Failure:
    """Something that does not load.

    `kind` is "command", "module", the group of a plugin, or "driver" with what it drives. `error`
    names no more than the error's type, unless it is an import error; `missing` is the module that
    one names, and `place` is a file and line.
    """

    kind: str
    name: str
    error: str
    missing: str
    place: str


@dataclass(frozen=True)
class LoadedCode(Facts):
    """How the target's code loads: `loaded` counts what did.

    `engine` tells whether there is a command heat-engine; `plugins` is what Heat says of files in
    plugin_dirs and environment_dir that it cannot load, asked only where Heat itself loads.
    """

    interpreter: str
    loaded: int
    engine: bool
    failures: tuple[Failure, ...]
    plugins: tuple[str, ...]

    @property
    def extent(self) -> str:
        """What was loaded."""
        return (
            f"{self.loaded} commands, modules, plugins and drivers loaded by {self.interpreter}, "
            f"{len(self.failures) + len(self.plugins)} not"
        )


@dataclass(frozen=True)
class _Failed:
    """As asked/loading.py tells a failure; `module` is the one that is missing."""

    kind: str
    name: str
    error: str
    module: str
    place: str


@dataclass(frozen=True)
class _Answer:
    loaded: Count
    engine: bool
    failures: tuple[_Failed, ...]


def observe(site: Site) -> LoadedCode:
    """Load the target's commands, modules and plugins, and the drivers its configuration names."""
    drivers = sorted(set(_drivers(site.conf("target"))))
    target = site.interpreter("target")
    asked = json.dumps(drivers), str(target.hung_after)
    answer = target.ask(_Answer, "loading.py", *asked, imports=SERVICES)
    failures = tuple(
        Failure(each.kind, each.name, each.error, each.module, each.place)
        for each in answer.failures
    )
    # Where Heat itself does not load, none of its plugins do, and the cause is known already.
    loads = answer.engine and not any(each.kind in _HEAT_ITSELF for each in failures)
    plugins = resource_types.load(site, "target").problems if loads else ()
    return LoadedCode(
        interpreter=str(site.plan.target.python or Path()),
        loaded=answer.loaded,
        engine=answer.engine,
        failures=failures,
        plugins=plugins,
    )


def _drivers(conf: HeatConf) -> Iterator[tuple[str, str]]:
    """What the configuration names and Heat does not require: pairs of a kind and a name."""
    for kind, group, option in (
        ("database", "database", "connection"),
        ("messaging", "DEFAULT", "transport_url"),
        ("messaging", "oslo_messaging_notifications", "transport_url"),
    ):
        scheme, separator, _ = (conf.get(option, group) or "").partition("://")
        if separator:
            yield kind, scheme
    for name in conf.get_all("driver", "oslo_messaging_notifications"):
        if name:
            yield "notifications", name
    backend = conf.get("backend", "cache")
    if backend and conf.is_true("enabled", "cache"):
        yield "cache", backend
    # keystonemiddleware/auth_token/_cache.py loads the client with the first request.
    if conf.get("memcached_servers", "keystone_authtoken"):
        sasl = conf.is_true("memcache_sasl_enabled", "keystone_authtoken")
        yield "module", "bmemcached" if sasl else "memcache"
    for group in ("keystone_authtoken", "trustee"):
        plugin = conf.get("auth_type", group) or conf.get("auth_plugin", group)
        if plugin:
            yield "authentication", plugin
    for option in ("cloud_backend", "keystone_backend"):
        implementation = conf.get(option)
        if implementation:
            yield "class", implementation
