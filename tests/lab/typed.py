"""Stacks that use resource types, and gates judged on them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml

from tests.driver import Outcome, call
from tests.lab import venvs
from tests.services.heat_databases import PASSWORD, HeatDatabase

ID = "stacks.resource-types"
CANARY = "canary-of-a-template-5f02"
NOTIFICATION, ALARM = "OS::Monasca::Notification", "OS::Monasca::AlarmDefinition"


def insert(heat: HeatDatabase, name: str, template: Any, environment: Any, **stack: Any) -> None:
    """A stack with its templates, as rows."""
    drivers = {"postgresql+psycopg2": "postgresql+psycopg"}
    url = sa.make_url(heat.url)
    engine = sa.create_engine(url.set(drivername=drivers.get(url.drivername, url.drivername)))
    tables = sa.MetaData()
    tables.reflect(engine, only=["stack", "raw_template"])
    with engine.begin() as connection:
        # As heat/db/types.py stores them.
        stored = connection.execute(
            tables.tables["raw_template"]
            .insert()
            .values(template=json.dumps(template), environment=json.dumps(environment))
        )
        assert stored.inserted_primary_key is not None
        values = {
            "id": f"id-of-{name}",
            "name": name,
            "tenant": "p1",
            "raw_template_id": stored.inserted_primary_key[0],
            "action": "CREATE",
            "status": "COMPLETE",
            "convergence": True,
            "backup": False,
            "disable_rollback": True,
            "created_at": datetime.now(UTC).replace(tzinfo=None),
        }
        connection.execute(tables.tables["stack"].insert().values({**values, **stack}))
    engine.dispose()


def judged(
    folder: Path, current: int, target: int, url: str, sides: dict[str, str] | None = None
) -> Outcome:
    """The gate of phase pre with this check alone; `sides` are more lines of [DEFAULT]."""
    plan: dict[str, Any] = {"name": "types", "mode": "rolling"}
    for side, release in (("current", current), ("target", target)):
        conf = folder / f"{side}.conf"
        more = (sides or {}).get(side, "")
        conf.write_text(f"[DEFAULT]\n{more}\n[database]\nconnection = {url}\n", "utf-8")
        plan[side] = {"python": str(venvs.interpreter(release)), "config": [str(conf)]}
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(plan), "utf-8")
    reports = folder / "reports"
    outcome = call("--phase", "pre", "--only", ID, "--plan", path, "--reports", reports, cwd=folder)
    assert not outcome.err
    assert PASSWORD not in outcome.written
    assert CANARY not in outcome.written
    return outcome
