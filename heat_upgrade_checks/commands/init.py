"""Writes a plan from what is found on this machine."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml
from packaging.version import Version

from heat_upgrade_checks import plan as plans
from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.files import yaml_documents
from heat_upgrade_checks.heat import releases
from heat_upgrade_checks.heat.releases import HeatRelease

_METADATA = "lib/python3*/*-packages/openstack_heat-*-info"
_VERSION = re.compile(r"openstack_heat-(\d[\w.]*?)(?:\.dist-info|\.egg-info|-py3.*)")
# Where deployers put virtualenvs, and the system's own prefix last.
_PREFIXES = (
    "opt/*",
    "opt/*/*",
    "openstack/venvs/heat-*",
    "var/lib/kolla/venv",
    "usr/local",
    "usr",
)
_HERE = ("", "*", "*/*")
_CONFIGURATIONS = ("etc/heat*/heat.conf", "etc/kolla/heat-engine/heat.conf")
# In openstacksdk's order.
_CLOUDS = ("root/.config/openstack/clouds.yaml", "etc/openstack/clouds.yaml")


@dataclass(frozen=True)
class Installed:
    """A Heat release that was found, with its interpreter."""

    release: HeatRelease
    python: Path


def run(plan: Path | None) -> Iterator[str]:
    """Look on this machine and in this folder, write the plan, and say what was found.

    :raises UsageError: the file exists already, or cannot be written.
    """
    return write_plan(plans.chosen(plan), Path("/"), Path.cwd())


def write_plan(path: Path, root: Path, here: Path) -> Iterator[str]:
    """Look below `root` (usually /) and `here`, write the plan, and say what was found.

    :raises UsageError: the file exists already, or cannot be written.
    """
    found = sorted(_interpreters(root, here), key=lambda installed: installed.release.version)
    configurations = _existing(root, _CONFIGURATIONS, here, ("heat.conf", "*/heat.conf"))
    clouds = _clouds(_existing(root, _CLOUDS, here, ("clouds.yaml",)))
    text = _plan(found, configurations, clouds)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} exists already; name another file with --plan") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    for installed in found:
        yield f"found Heat {installed.release} at {installed.python}"
    for configuration in configurations:
        yield f"found configuration {configuration}"
    for cloud in clouds:
        yield f"found cloud {_quoted(cloud)}"
    yield f"wrote {path}; read it, complete what is marked EDIT, then run:"
    yield f"  heat-upgrade-check --phase pre --plan {path}"


def _interpreters(root: Path, here: Path) -> Iterator[Installed]:
    seen = set()
    patterns = [(here, pattern) for pattern in _HERE] + [(root, pattern) for pattern in _PREFIXES]
    for base, pattern in patterns:
        for metadata in sorted(base.glob(f"{pattern}/{_METADATA}".lstrip("/"))):
            prefix = metadata.parents[3]
            python = next((path for path in _pythons(prefix) if path.exists()), None)
            version = _VERSION.fullmatch(metadata.name)
            if python is None or version is None or prefix.resolve() in seen:
                continue
            seen.add(prefix.resolve())
            with suppress(UsageError):
                yield Installed(releases.parse(version[1]), python)


def _pythons(prefix: Path) -> tuple[Path, ...]:
    return prefix / "bin" / "python", prefix / "bin" / "python3"


def _existing(
    root: Path, patterns: tuple[str, ...], here: Path, local: tuple[str, ...]
) -> list[Path]:
    found = [path for pattern in local for path in sorted(here.glob(pattern))]
    return found + [path for pattern in patterns for path in sorted(root.glob(pattern))]


def _clouds(files: list[Path]) -> list[str]:
    """The names in the first file that names any."""
    for file in files:
        with suppress(OSError, UsageError, KeyError, TypeError):
            clouds = yaml_documents.parse(file.read_bytes(), str(file))["clouds"]
            if isinstance(clouds, dict) and clouds:
                return [str(name) for name in clouds]
    return []


def _plan(found: list[Installed], configurations: list[Path], clouds: list[str]) -> str:
    current = found[-2] if len(found) > 1 else found[-1] if found else None
    target = found[-1] if len(found) > 1 else None
    old = configurations[0] if configurations else None
    new = configurations[1] if len(configurations) > 1 else None
    return _TEMPLATE.format(
        name=f"heat-{_series(current)}-to-{_series(target)}",
        current_python=_value(current and current.python, "/opt/heat-current/bin/python"),
        current_config=_value(old, "/etc/heat/heat.conf"),
        target=_target(current, target),
        # A file that is named but not there leaves what is asked of it unknown.
        target_config=f"config: [{_quoted(str(new))}]"
        if new
        else "# config: [/etc/heat-target/heat.conf]  # EDIT: once the file is there",
        api=_api(clouds),
        current_notes=_notes(current, "current"),
        target_notes=_notes(target, "target"),
    )


def _api(clouds: list[str]) -> str:
    """The cloud that $OS_CLOUD names, or the only one; any other choice is the operator's."""
    wanted = os.environ.get("OS_CLOUD")
    if wanted in clouds or (not wanted and len(clouds) == 1):
        return f"api: {{cloud: {_quoted(wanted or clouds[0])}}}"
    if not clouds:
        return "# api: {cloud: mycloud}"
    return f"# api: {{cloud: mycloud}}  # EDIT: {', '.join(map(_quoted, clouds))}"


def _notes(installed: Installed | None, side: str) -> str:
    if installed:
        return f"heat-upgrade-notes/openstack_heat-{installed.release.version}.tar.gz"
    return f"heat-upgrade-notes/openstack_heat-{side}.tar.gz  # EDIT: its version"


def _series(installed: Installed | None) -> str:
    return installed.release.series if installed else "next"


def _value(found: object, example: str) -> str:
    return _quoted(str(found)) if found else f"{example}  # EDIT: none was found"


def _target(current: Installed | None, target: Installed | None) -> str:
    if target:
        return f"python: {_quoted(str(target.python))}"
    version = Version(f"{current.release.major + 1}.0.0") if current else "26.0.0"
    return (
        f"version: {version}  # EDIT: the release you will install; enough for phase pre\n"
        "  # python: /opt/heat-target/bin/python"
    )


def _quoted(text: str) -> str:
    """The text as YAML, on one line and within brackets too; `1` and `no` stay text."""
    if re.fullmatch(r"[\w./-]+", text) and yaml.safe_dump(text).startswith(text):
        return text
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**6).strip()


_TEMPLATE = """\
# The plan of one Heat upgrade; `heat-upgrade-check --phase pre` reads it.
# Relative paths start at this file's folder. Passwords never stand here: name an environment
# variable (password_env) or a file (password_file).

name: {name}
mode: rolling  # or cold: everything is stopped first

# The release that runs now ("N").
current:
  python: {current_python}
  config:
    - {current_config}
  # The [DEFAULT] host names of its engines; they tell which release an engine should run.
  # engines: [controller1, controller2]

# The release you go to ("N+1"). Its configuration names a RabbitMQ vhost of its own.
target:
  {target}
  {target_config}
  # engines: [controller1-new, controller2-new]

# Heat's own account is used unless another is named, such as one with SELECT only.
# database: {{url: "mysql+pymysql://reader@controller/heat", password_env: HEAT_DB_PASSWORD}}

# RabbitMQ's management API; its account needs the tag `monitoring`.
# broker:
#   management: ["http://controller:15672"]
#   username: monitor
#   password_env: RABBITMQ_PASSWORD

# A cloud of clouds.yaml; backends are asked past the load balancer.
{api}

# The newest file that matches is judged.
backup:
  path: /var/backups/heat*.sql.gz  # EDIT
  max_age: 24h

# Release notes of both releases: sdists, folders, or `git: CHECKOUT`. This downloads the sdists to
# heat-upgrade-notes/ and writes heat-upgrade-notes.yaml, in which you sign each note (by, at):
#   heat-upgrade-check notes --fetch
notes:
  current: {current_notes}
  target: {target_notes}
"""
