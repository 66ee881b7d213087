"""Databases whose schema was made by a Heat release's own db_sync, with work in flight in them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.plan import Plan
from tests.lab import venvs
from tests.services import processes

PASSWORD = "canary-of-the-heat-database-7c1d"


@dataclass(frozen=True)
class HeatDatabase:
    """A database as `[database] connection` names it, and a folder for its heat.conf."""

    url: str
    folder: Path

    def db_sync(self, release: int) -> None:
        """Bring it to the head of a release."""
        conf = self.configuration()
        program = venvs.interpreter(release).parent / "heat-manage"
        log = self.folder / f"db_sync-{release}.log"
        processes.run("heat-manage", [program, "--config-file", conf, "db_sync"], log)

    def configuration(self) -> Path:
        """A heat.conf that names it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        conf = self.folder / "heat.conf"
        conf.write_text(f"[database]\nconnection = {self.url}\n", encoding="utf-8")
        return conf

    def site(self, **database: object) -> Site:
        """What the evidence needs to read it."""
        plan = {
            "name": "services",
            "mode": "rolling",
            "current": {"version": "25.0.2", "config": [str(self.configuration())]},
            "target": {"version": "26.0.2"},
            "database": database,
        }
        return Site(Plan.model_validate(plan), self.folder)

    def fill(self) -> None:
        """Two engines, one silent; a root stack with a nested one at work, and stacks at rest."""
        drivers = {"postgresql+psycopg2": "postgresql+psycopg"}
        url = sa.make_url(self.url)
        engine = sa.create_engine(url.set(drivername=drivers.get(url.drivername, url.drivername)))
        metadata = sa.MetaData()
        metadata.reflect(engine)
        now = datetime.now(UTC).replace(tzinfo=None)
        with engine.begin() as connection:

            def add(table: str, **values: object) -> None:
                connection.execute(metadata.tables[table].insert().values(**values))

            def service(id: str, host: str, silent: int) -> None:
                reported = now - timedelta(seconds=silent)
                add(
                    "service",
                    id=id,
                    engine_id=id,
                    host=host,
                    hostname=host,
                    binary="heat-engine",
                    topic="engine",
                    report_interval=60,
                    created_at=now - timedelta(hours=1),
                    updated_at=reported,
                )

            def stack(id: str, status: str, **values: object) -> None:
                add(
                    "stack",
                    id=id,
                    name=f"stack-{id}",
                    raw_template_id=1,
                    action="CREATE",
                    status=status,
                    created_at=now - timedelta(seconds=90),
                    **{"convergence": True, "backup": False, "disable_rollback": True, **values},
                )

            def resource(stack_id: str, name: str, **values: object) -> None:
                add(
                    "resource",
                    uuid=f"{stack_id}-{name}",
                    name=name,
                    stack_id=stack_id,
                    action="CREATE",
                    current_template_id=1,
                    **values,
                )

            add("raw_template", id=1, template="{}")
            service("live", "control1", silent=30)
            service("silent", "control2", silent=300)
            add("service", **_ended(now))
            stack("root", "IN_PROGRESS", tenant="p1", timeout=30)
            stack("nested", "IN_PROGRESS", tenant="p2", owner_id="root")
            stack("legacy", "IN_PROGRESS", tenant="p1", convergence=False, backup=True)
            stack("rest", "COMPLETE", tenant="p3")
            stack("gone", "IN_PROGRESS", tenant="p4", deleted_at=now)
            resource("root", "held", status="IN_PROGRESS", engine_id="live")
            resource("root", "done", status="COMPLETE")
            resource("nested", "orphan", status="IN_PROGRESS", engine_id="silent")
            for id, age in (("old-event", 70), ("new-event", 40)):
                moved = now - timedelta(seconds=age)
                add("event", uuid=id, stack_id="root", created_at=moved, resource_action="CREATE")
            add("stack_lock", stack_id="legacy", engine_id="live")
        engine.dispose()


def _ended(now: datetime) -> dict[str, object]:
    return {
        "id": "ended",
        "engine_id": "ended",
        "host": "control3",
        "hostname": "control3",
        "binary": "heat-engine",
        "topic": "engine",
        "report_interval": 60,
        "created_at": now,
        "updated_at": now,
        "deleted_at": now,
    }
