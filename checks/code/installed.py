from collections import defaultdict

from heat_upgrade_checks.evidence.code.installation import Installation
from heat_upgrade_checks.evidence.code.loading import Failure, LoadedCode
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.wording import counted

_NAMED = 3


_INSTALL = "Install the target release there, or correct target.python in the plan."


_REINSTALL = "Remove openstack-heat there and install it anew."


# The distributions of PyPI that have a module of another name.
_DISTRIBUTIONS = {
    "MySQLdb": "mysqlclient",
    "bmemcached": "python-binary-memcached",
    "confluent_kafka": "confluent-kafka",
    "memcache": "python-memcached",
    "psycopg2": "psycopg2-binary",
    "pymysql": "PyMySQL",
}


_NAMED_BY = {
    "database": "[database] connection",
    "messaging": "transport_url",
    "notifications": "[oslo_messaging_notifications] driver",
    "cache": "[cache] backend",
    "module": "[keystone_authtoken] memcached_servers",
    "authentication": "auth_type of [keystone_authtoken] or [trustee]",
    "class": "[DEFAULT] cloud_backend or keystone_backend",
}


_DRIVER = "driver "


@check("code.installed", phases=["installed"], guide="cold 2-4, rolling 1")
def check_code_is_installed(
    target_installation: Installation, target_code: LoadedCode, gate: Judgement
) -> None:
    """The interpreter has the target release and all it needs, and loads it as its services do."""
    gate.looked_at(f"{target_installation.extent}; {target_code.extent}")
    if _is_whole(target_installation, gate):
        _requirements(target_installation, gate)
        _drivers(target_code, gate)
        _imports(target_code, gate)


def _is_whole(installation: Installation, gate: Judgement) -> bool:
    where = installation.interpreter
    if not installation.version and not installation.package:
        gate.block(where, "openstack-heat is not installed there", hint=_INSTALL)
    elif not installation.version:
        gate.block(where, "has the package heat, but no openstack-heat", hint=_REINSTALL)
    elif not installation.package:
        summary = f"has openstack-heat {installation.version} without its package heat"
        gate.block(where, summary, hint=_REINSTALL)
    elif installation.lost:
        lost = installation.lost
        summary = f"lacks {counted(len(lost), 'file')} of its package heat, such as {lost[0]}"
        gate.block(where, summary, hint=_REINSTALL, data={"lost": list(lost)})
    else:
        return True
    return False


def _requirements(installation: Installation, gate: Judgement) -> None:
    hint = "Install it, with the upper-constraints of the target's series."
    for sentence in installation.incomplete:
        gate.cannot_tell(sentence)
    for unmet in installation.unmet:
        needs = f"{unmet.by} needs {unmet.name}{unmet.wanted}"
        if not unmet.installed:
            gate.block(unmet.name, f"is not installed; {needs}", hint=hint)
        elif unmet.by == "openstack-heat":
            gate.block(unmet.name, f"is {unmet.installed}; {needs}", hint=hint)
        else:
            # A distribution may have patched what another one needs; imports tell whether it runs.
            gate.warn(unmet.name, f"is {unmet.installed}; {needs}", hint=hint)


def _drivers(code: LoadedCode, gate: Judgement) -> None:
    for failure in code.failures:
        if not failure.kind.startswith(_DRIVER):
            continue
        option = _NAMED_BY[failure.kind.removeprefix(_DRIVER)]
        wanted = _DISTRIBUTIONS.get(failure.missing, failure.missing) or "what provides it"
        gate.block(
            failure.name,
            f"is named by {option}, but does not load: {failure.error}",
            hint=f"Install {wanted} for {code.interpreter}, or correct {option}.",
            data=vars(failure),
        )


def _imports(code: LoadedCode, gate: Judgement) -> None:
    causes: dict[tuple[str, str], list[Failure]] = defaultdict(list)
    for failure in code.failures:
        if not failure.kind.startswith(_DRIVER):
            causes[failure.error, failure.place].append(failure)
    for (error, place), failures in causes.items():
        names = [failure.name for failure in failures]
        others = names[1:_NAMED] + (["..."] if len(names) > _NAMED else [])
        more = f"; nor do {', '.join(others)}" if others else ""
        # Only the generator and the validator of configurations and policies load those.
        vital = any(not failure.kind.startswith("oslo.") for failure in failures)
        say = gate.block if vital else gate.warn
        say(
            names[0],
            f"does not load: {error}" + (f" at {place}" if place else "") + more,
            hint=_import_hint(failures[0].missing, code.interpreter),
            data={"names": names, "error": error, "place": place},
        )
    if not code.engine:
        gate.block("heat-engine", "openstack-heat has no such command there", hint=_REINSTALL)
    if code.plugins:
        gate.block(
            "plugin_dirs and environment_dir",
            "; ".join(code.plugins),
            hint="Correct this, or the target's plugin_dirs or environment_dir.",
        )


def _import_hint(missing: str, interpreter: str) -> str:
    if missing == "pkg_resources":
        return f"Install setuptools<82 for {interpreter}: later ones have no pkg_resources."
    if missing.partition(".")[0] == "heat":
        return _REINSTALL
    return f"Install what is missing for {interpreter}, with the target series' upper-constraints."
