"""Databases whose schema was made by a Heat release's own db_sync, with work in flight in them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.plan import Plan
from tests.lab import venvs
from tests.services import heat_schemas, processes

PASSWORD = "canary-of-the-heat-database-7c1d"


Make = Callable[..., "HeatDatabase"]


@dataclass(frozen=True)
class HeatDatabase:
    """A database as `[database] connection` names it, and a folder for its heat.conf."""

    url: str
    folder: Path

    def db_sync(self, release: int) -> None:
        """Bring it to the head of a release."""
        heat_schemas.make(sa.make_url(self.url), release, lambda: self._db_sync(release))

    def _db_sync(self, release: int) -> None:
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

    @contextmanager
    def _adding(self) -> Iterator[Callable[..., None]]:
        """What adds a row: the table's name, and its columns."""
        engine = self._engine()
        metadata = sa.MetaData()
        metadata.reflect(engine)
        with engine.begin() as connection:

            def add(table: str, **values: object) -> None:
                connection.execute(metadata.tables[table].insert().values(**values))

            yield add
        engine.dispose()

    def execute(self, statement: str) -> None:
        """Run one statement as Heat's account."""
        engine = self._engine()
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    def _engine(self) -> sa.Engine:
        drivers = {"postgresql+psycopg2": "postgresql+psycopg"}
        url = sa.make_url(self.url)
        return sa.create_engine(url.set(drivername=drivers.get(url.drivername, url.drivername)))

    def leave_behind(self) -> None:
        """What lost engines leave in a filled database: rows that look like work and are not."""
        now = datetime.now(UTC).replace(tzinfo=None)
        rest = {"raw_template_id": 1, "tenant": "p5", "created_at": now, "disable_rollback": True}
        with self._adding() as add:
            done = {"action": "UPDATE", "status": "COMPLETE", "convergence": True}
            add("stack", id="locked", name="locked", **done, **rest)
            add("stack_lock", stack_id="locked", engine_id="silent")
            add("stack_lock", stack_id="gone", engine_id="silent")
            backup = {"owner_id": "rest", "backup": True, "convergence": False}
            add(
                "stack",
                id="spare",
                name="rest*",
                action="UPDATE",
                status="IN_PROGRESS",
                **backup,
                **rest,
            )
            old = {"convergence": False, "backup": False}
            add("stack", id="old", name="old", action="CREATE", status="COMPLETE", **old, **rest)
            oldest = {"convergence": None, "backup": None}
            add("stack", id="older", name="o", action="CREATE", status="COMPLETE", **oldest, **rest)
            add(
                "resource",
                uuid="held-at-rest",
                name="held-at-rest",
                stack_id="rest",
                action="UPDATE",
                status="FAILED",
                current_template_id=1,
                engine_id="silent",
            )
            for stack, traversal in (("rest", "ended"), ("root", "goes-on")):
                point = {"entity_id": "e", "is_update": False, "atomic_key": 1}
                add("sync_point", traversal_id=traversal, stack_id=stack, **point)
            config = {"name": "c", "config": "{}", "group": "script", "tenant": "p5"}
            add("software_config", id="config", created_at=now, **config)
            deployment = {"server_id": "s", "tenant": "p5", "stack_user_project_id": "p5"}
            started = {"action": "CREATE", "status": "IN_PROGRESS"}
            add(
                "software_deployment",
                id="d",
                config_id="config",
                created_at=now,
                **deployment,
                **started,
            )
            add("snapshot", id="s", stack_id="rest", name="s", tenant="p5", status="IN_PROGRESS")

    def hold_unseen(self) -> None:
        """Work in a filled database that no status tells of.

        A stack at a hook, one that failed while an engine goes on with a resource, and two that
        engines left behind.
        """
        now = datetime.now(UTC).replace(tzinfo=None)
        common = {"raw_template_id": 1, "tenant": "p6", "action": "CREATE", "created_at": now}
        common |= {"disable_rollback": True, "convergence": True, "backup": False}
        with self._adding() as add:
            for number, id, status, engine, deleted in (
                (901, "paused", "IN_PROGRESS", None, None),
                (902, "failed", "FAILED", "live", None),
                (903, "failed-and-left", "FAILED", "no-row", None),
                (904, "failed-and-gone", "FAILED", "live", now),
            ):
                add("stack", id=id, name=id, status=status, deleted_at=deleted, **common)
                add(
                    "resource",
                    id=number,
                    uuid=f"of-{id}",
                    name="r",
                    stack_id=id,
                    action="CREATE" if engine else "INIT",
                    status="IN_PROGRESS" if engine else "COMPLETE",
                    engine_id=engine,
                    current_template_id=1,
                )
            for key in ("pre-create", "other"):
                add(
                    "resource_data",
                    resource_id=901,
                    key=key,
                    value="True",
                    redact=False,
                )
            add("snapshot", id="of-paused", stack_id="paused", name="s", tenant="p6")

    def fill(self) -> None:
        """Two engines, one silent; a root stack with a nested one at work, and stacks at rest."""
        now = datetime.now(UTC).replace(tzinfo=None)
        with self._adding() as add:

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
            stack("root", "IN_PROGRESS", tenant="p1", timeout=30, current_traversal="goes-on")
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
