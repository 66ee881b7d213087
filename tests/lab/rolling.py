"""A rolling upgrade about to begin: release N in service, release N+1 installed and configured."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from tests.lab import venvs
from tests.lab.deployment import Lab
from tests.lab.heat import Api, Engine

CURRENT_VHOST = "heat-n"
TARGET_VHOST = "heat-n1"


@dataclass
class Rolling:
    """A lab in which one engine and one API of the current release run."""

    lab: Lab
    current: int
    target: int
    engine: Engine
    api: Api
    plan: Path

    @classmethod
    def prepare(cls, lab: Lab, current: int, target: int, notes: bool = True) -> Self:
        """Bring the current release up, make a stack and a backup, and write the plan."""
        venvs.interpreter(target)
        lab.db_sync(current)
        engine = lab.engine(current, CURRENT_VHOST)
        api = lab.api(current, CURRENT_VHOST)
        engine.wait_up()
        lab.create_stack("settled")
        lab.wait_stack("settled", "CREATE_COMPLETE")
        backup = lab.dump(lab.folder / "backup" / "heat.sql")
        plan = _plan(lab, engine, current, target, backup)
        if notes:
            sides = {"current": current, "target": target}
            plan["notes"] = {side: str(venvs.sdist(release)) for side, release in sides.items()}
        # The cloud of the plan is looked up in the clouds.yaml beside it.
        clouds = lab.folder / "clouds.yaml"
        clouds.write_bytes(lab.keystone.clouds_yaml.read_bytes())
        clouds.chmod(0o600)
        path = lab.folder / "heat-upgrade.yaml"
        path.write_text(yaml.safe_dump(plan, sort_keys=False), encoding="utf-8")
        return cls(lab, current, target, engine, api, path)

    @property
    def clouds_yaml(self) -> Path:
        """What OS_CLIENT_CONFIG_FILE must name for the plan's cloud to be found."""
        return self.plan.parent / "clouds.yaml"


def _plan(lab: Lab, engine: Engine, current: int, target: int, backup: Path) -> dict[str, Any]:
    following = lab.configuration(target, TARGET_VHOST)
    configurations = {current: engine.configuration, target: following}
    sides = {
        release: {"python": str(venvs.interpreter(release)), "config": [str(path)]}
        for release, path in configurations.items()
    }
    return {
        "name": f"lab-{current}-to-{target}",
        "mode": "rolling",
        "current": sides[current],
        "target": sides[target],
        "broker": {"management": [lab.rabbitmq.management_url]},
        "api": {"cloud": "lab"},
        "backup": {"path": str(backup)},
    }
