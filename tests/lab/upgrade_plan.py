"""The plan of a whole upgrade, as an operator writes it before anything changes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from heat_upgrade_checks.phases import Mode
from tests.lab import venvs
from tests.lab.deployment import Lab
from tests.lab.heat import Api, Engine


def write(
    lab: Lab,
    sides: tuple[int, int],
    mode: Mode,
    engines: Mapping[str, Engine],
    apis: Mapping[str, Api],
    backup: Path,
) -> Path:
    """Write it into the lab's folder, beside the clouds.yaml in which its cloud is looked up.

    `sides` are the current and the target release; `engines`, by host, and `apis` are the
    current one's.
    """
    current, target = sides
    configuration = next(iter(engines.values())).configuration
    plan = {
        "name": f"lab-{current}-to-{target}-{mode}",
        "mode": mode,
        "current": {
            "python": str(venvs.interpreter(current)),
            "config": [str(configuration)],
            "engines": list(engines),
        },
        "target": {"python": str(venvs.interpreter(target)), "engines": list(engines)},
        "broker": {"management": [lab.rabbitmq.management_url]},
        "api": {"cloud": "lab", "backends": [api.root for api in apis.values()]},
        "backup": {"path": str(backup)},
        "notes": {
            "current": str(venvs.sdist(current)),
            "target": str(venvs.sdist(target)),
        },
    }
    if len(apis) == 1:
        plan["waivers"] = str(_without_an_api_meanwhile(lab.folder, *apis.values()))
    clouds = lab.folder / "clouds.yaml"
    clouds.write_bytes(lab.keystone.clouds_yaml.read_bytes())
    clouds.chmod(0o600)
    path = lab.folder / "heat-upgrade.yaml"
    path.write_text(yaml.safe_dump(plan, sort_keys=False), encoding="utf-8")
    return path


def _without_an_api_meanwhile(folder: Path, api: Api) -> Path:
    """Whoever has one API answers for it that users have none while it moves."""
    waiver = {
        "id": "api.answers",
        "object": f"{api.root}/*",
        "owner": "Lab Operator",
        "ticket": "LAB-1",
        "reason": "users were told that the API moves",
        "expires": (datetime.now(UTC) + timedelta(days=1)).date(),
    }
    path = folder / "waivers.yaml"
    path.write_text(yaml.safe_dump([waiver]), encoding="utf-8")
    return path
