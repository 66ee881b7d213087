"""Will the target release's code run here?"""

from collections import defaultdict
from pathlib import PurePath

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from heat_upgrade_checks.evidence.code.installation import Installation
from heat_upgrade_checks.evidence.code.libraries import Libraries
from heat_upgrade_checks.evidence.code.loading import Code, Failure
from heat_upgrade_checks.evidence.code.service_files import Reference, ServiceFiles
from heat_upgrade_checks.evidence.code.upgrade_check import UpgradeCheck
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat import releases
from heat_upgrade_checks.heat.series_libraries import LIBRARIES, SERIES
from heat_upgrade_checks.report.wording import counted

_NAMED = 3
_INSTALL = "Install the target release there, or correct target.python in the plan."
_REINSTALL = "Remove openstack-heat there and install it anew."

# --- code.installed

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
    target_installation: Installation, target_code: Code, gate: Judgement
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
    if installation.unchecked:
        gate.cannot_tell(
            f"requirements of {installation.interpreter} cannot be compared: "
            f"{installation.unchecked}; install packaging there"
        )
    for unmet in installation.unmet:
        needs = f"{unmet.by} needs {unmet.name}{unmet.wanted}"
        if not unmet.installed:
            gate.block(unmet.name, f"is not installed; {needs}", hint=hint)
        elif unmet.by == "openstack-heat":
            gate.block(unmet.name, f"is {unmet.installed}; {needs}", hint=hint)
        else:
            # A distribution may have patched what another one needs; imports tell whether it runs.
            gate.warn(unmet.name, f"is {unmet.installed}; {needs}", hint=hint)


def _drivers(code: Code, gate: Judgement) -> None:
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


def _imports(code: Code, gate: Judgement) -> None:
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


# --- code.python

# Requires-Python of openstack-heat, for packages without it and for what comes next.
_OLDEST_PYTHON = {19: "3.8", 23: "3.9", 25: "3.10", 27: "3.11"}


@check("code.python", phases=["installed"], guide="cold 2-4, rolling 1")
def check_python_is_supported(target_installation: Installation, gate: Judgement) -> None:
    """The interpreter's Python is one that the target release supports."""
    facts = target_installation
    gate.looked_at(facts.extent)
    if not facts.version:
        gate.cannot_tell(f"{facts.interpreter} has no openstack-heat; install the target release")
        return
    python, major = Version(facts.python), releases.parse(facts.version).major
    required = facts.requires_python or f">={_oldest_python(major)}"
    try:
        supported = SpecifierSet(required).contains(python)
    except InvalidSpecifier:
        gate.cannot_tell(f"Requires-Python of openstack-heat is {required!r}; install it anew")
        return
    name = f"Python {facts.python}"
    if not supported:
        gate.block(
            name,
            f"Heat {facts.version} needs Python {required}",
            hint="Make the target's virtualenv anew with such a Python.",
        )
    elif major + 1 in SERIES and python < Version(_oldest_python(major + 1)):
        gate.note(name, f"the series after this one needs Python >={_oldest_python(major + 1)}")


def _oldest_python(major: int) -> str:
    return _OLDEST_PYTHON[max(known for known in _OLDEST_PYTHON if known <= max(major, 19))]


# --- code.entry-points

_WSGI = {
    "heat-api": "heat.wsgi.api:application",
    "heat-wsgi-api": "heat.wsgi.api:application",
    "heat-api-cfn": "heat.wsgi.cfn:application",
    "heat-wsgi-api-cfn": "heat.wsgi.cfn:application",
    "heat-all": "heat.wsgi.api:application and heat-engine",
}


@check("code.entry-points", phases=["installed"], guide="cold 2-4, rolling 1")
def check_entry_points_exist(service_files: ServiceFiles, gate: Judgement) -> None:
    """What starts the target's services refers to commands and modules that it has."""
    gate.looked_at(service_files.extent)
    for sentence in service_files.unread:
        gate.cannot_tell(sentence)
    if not service_files.references and not service_files.unread:
        gate.cannot_tell(
            f"nothing in {', '.join(service_files.files)} refers to Heat; correct "
            "target.service_files in the plan"
        )
    for reference in service_files.references:
        _refers(reference, gate)


def _refers(reference: Reference, gate: Judgement) -> None:
    where = f"{reference.file}:{reference.line}" if reference.line else reference.file
    if reference.release == "current":
        gate.warn(
            reference.value,
            f"still runs the current release's code, in {where}",
            hint="Point it at the target release before its services are started.",
        )
    elif reference.exists is None:
        gate.warn(
            reference.value,
            f"holds a variable, so that it is not known what it runs, in {where}",
            hint="Make sure that it runs the target release.",
        )
    elif not reference.exists:
        gate.block(
            reference.value,
            f"does not exist in the target release, in {where}",
            hint=_instead(reference),
        )
    elif not reference.release:
        gate.warn(
            reference.value,
            f"lies outside both releases' environments, in {where}",
            hint="Make sure that it runs the target release.",
        )


def _instead(reference: Reference) -> str:
    wsgi = _WSGI.get(PurePath(reference.value).name)
    if wsgi and reference.kind == "command":
        return f"Let a WSGI server such as uwsgi run {wsgi}; 2025.2 removed the eventlet servers."
    if reference.value.startswith(("heat.httpd", "heat.cmd.api", "heat.cmd.all")):
        return "Use heat.wsgi.api:application or heat.wsgi.cfn:application."
    return "Refer to what the target release has, or install what is missing."


# --- code.constraints

_CORE = {"oslo.messaging", "oslo.db", "oslo.service", "oslo.config", "oslo.policy"}
# What a library changed for Heat, from the version on (release notes of oslo.messaging).
_CHANGES = {
    "oslo.messaging": {
        (16, 0): "16.0 no longer reads rabbit_use_ssl and kombu_ssl_*",
        (17, 0): "17.0 no longer reads rabbit_quroum_*",
        (18, 0): "18.0 no longer reads heartbeat_in_pthread",
        (18, 1): "18.1 verifies the broker's name when ssl_ca_file is set",
    }
}
_TLS_OPTIONS_GONE = (16, 0)


@check("code.constraints", phases=["installed"], guide="cold 2-4, rolling 1")
def check_libraries_are_of_the_series(target_libraries: Libraries, gate: Judgement) -> None:
    """The oslo libraries are those of the target's series."""
    facts = target_libraries
    gate.looked_at(facts.extent)
    if not facts.heat:
        gate.cannot_tell(f"{facts.interpreter} has no openstack-heat; install the target release")
        return
    release = releases.parse(facts.heat)
    major = release.major
    if major not in SERIES:
        gate.not_applicable(
            f"the libraries of {release.series} are not known to this version of the tool"
        )
    if not facts.versions:
        gate.cannot_tell(
            f"{facts.interpreter} has no oslo library; install the target release anew"
        )
        return
    for name, series in LIBRARIES.items():
        if name in facts.versions:
            _library(name, facts, series, major, gate)
        else:
            gate.cannot_tell(
                f"{facts.interpreter} has no {name}, which Heat needs; install it with the "
                f"upper-constraints of {release.series}"
            )


def _library(
    name: str, facts: Libraries, series: dict[int, tuple[int, int]], major: int, gate: Judgement
) -> None:
    version = Version(facts.versions[name])
    installed, own = (version.major, version.minor), series[major]
    if installed == own:
        return
    summary = f"is {version}; {_series(major)} has {own[0]}.{own[1]}"
    hint = f"Install {name} {own[0]}.{own[1]} with the upper-constraints of {_series(major)}."
    changes = "".join(
        f"; {change}"
        for since, change in _CHANGES.get(name, {}).items()
        if min(installed, own) < since <= max(installed, own)
    )
    before = series.get(major - 1, own)
    after = series.get(major + 1, (own[0] + 1, 0))
    if name not in _CORE or before < installed < after:
        gate.note(name, summary)
    elif own < _TLS_OPTIONS_GONE <= installed and changes and facts.old_tls_options:
        options = ", ".join(facts.old_tls_options)
        gate.block(
            name,
            f"{summary}; {options} would be ignored and RabbitMQ spoken to in plain text",
            hint=hint,
        )
    else:
        gate.warn(name, f"{summary}{changes}", hint=hint)


def _series(major: int) -> str:
    return releases.parse(f"{major}.0.0").series


# --- code.upgrade-check

_SUCCESS, _WARNING, _FAILURE = 0, 1, 2


@check("code.upgrade-check", phases=["pre"], guide="prerequisites")
def check_current_upgrade_check(current_upgrade_check: UpgradeCheck, gate: Judgement) -> None:
    """Heat's own upgrade checks succeed."""
    gate.looked_at(current_upgrade_check.extent)
    if current_upgrade_check.exit_code is None:
        gate.not_applicable("only the current release's heat-status can tell; add current.python")
    _own_verdict(current_upgrade_check, gate)


@check("code.upgrade-check", phases=["installed"], guide="cold 2-4, rolling 1")
def check_upgrade_checks(
    current_upgrade_check: UpgradeCheck, target_upgrade_check: UpgradeCheck, gate: Judgement
) -> None:
    """Heat's own upgrade checks succeed."""
    gate.looked_at(f"{current_upgrade_check.extent}; {target_upgrade_check.extent}")
    if target_upgrade_check.exit_code is None:
        gate.cannot_tell("the target's heat-status was not run; add target.python to the plan")
    # The current release may have been replaced by the target by now.
    for facts in (current_upgrade_check, target_upgrade_check):
        _own_verdict(facts, gate)


def _own_verdict(facts: UpgradeCheck, gate: Judgement) -> None:
    if facts.exit_code in {_SUCCESS, None}:
        return
    if facts.exit_code not in {_WARNING, _FAILURE}:
        gate.cannot_tell(
            f"heat-status upgrade check by {facts.interpreter} broke with code "
            f"{facts.exit_code}; run it by hand to read why"
        )
        return
    say = gate.block if facts.exit_code == _FAILURE else gate.warn
    say(
        f"heat-status of {facts.interpreter}",
        "; ".join(facts.results) or f"ended with code {facts.exit_code}",
        hint="Do what it says; its text is kept with this finding.",
        data={"exit_code": facts.exit_code, "text": facts.text},
    )
