"""Writes a plan from what is found on this machine."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml
from packaging.version import Version

from heat_upgrade_checks import releases
from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.releases import HeatRelease

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
_CLOUDS = ("etc/openstack/clouds.yaml", "root/.config/openstack/clouds.yaml")


@dataclass(frozen=True)
class Installed:
    """A Heat release that was found, with its interpreter."""

    release: HeatRelease
    python: Path


def write_plan(path: Path, root: Path, here: Path) -> Iterator[str]:
    """Look below `root` (usually /) and `here`, write the plan, and say what was found.

    :raises UsageError: the file exists already, or cannot be written.
    """
    found = sorted(_interpreters(root, here), key=lambda installed: installed.release.version)
    configurations = _existing(root, _CONFIGURATIONS, here, ("heat.conf", "*/heat.conf"))
    cloud = _cloud(_existing(root, _CLOUDS, here, ("clouds.yaml",)))
    text = _plan(found, configurations, cloud)
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
    if cloud:
        yield f"found cloud {cloud}"
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


def _cloud(files: list[Path]) -> str | None:
    for file in files:
        try:
            clouds = yaml.safe_load(file.read_bytes())["clouds"]
            return str(next(iter(clouds)))
        except (OSError, yaml.YAMLError, KeyError, TypeError, StopIteration):
            continue
    return None


def _plan(found: list[Installed], configurations: list[Path], cloud: str | None) -> str:
    current = found[-2] if len(found) > 1 else found[-1] if found else None
    target = found[-1] if len(found) > 1 else None
    old = configurations[0] if configurations else None
    new = configurations[1] if len(configurations) > 1 else None
    return _TEMPLATE.format(
        name=f"heat-{_series(current)}-to-{_series(target)}",
        current_python=_value(current and current.python, "/opt/heat-current/bin/python"),
        current_config=_value(old, "/etc/heat/heat.conf"),
        target=_target(current, target),
        target_config=_value(new, "/etc/heat-target/heat.conf"),
        api=f"api: {{cloud: {cloud}}}" if cloud else "# api: {cloud: mycloud}",
    )


def _series(installed: Installed | None) -> str:
    return installed.release.series if installed else "next"


def _value(found: object, example: str) -> str:
    return _quoted(str(found)) if found else f"{example}  # EDIT: none was found"


def _target(current: Installed | None, target: Installed | None) -> str:
    if target:
        return f"python: {_quoted(str(target.python))}"
    version = Version(f"{current.release.version.major + 1}.0.0") if current else "26.0.0"
    return (
        f"version: {version}  # EDIT: the release you will install; enough for phase pre\n"
        "  # python: /opt/heat-target/bin/python"
    )


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w./-]+", text) else yaml.safe_dump(text).strip()


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
  config:
    - {target_config}
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

# Release notes of both releases: sdists, folders, or `git: CHECKOUT`. Then run:
#   heat-upgrade-check notes
# and fill in the file that it writes.
notes:
  current: openstack_heat-current.tar.gz  # EDIT
  target: openstack_heat-target.tar.gz  # EDIT
"""
