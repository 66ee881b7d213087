"""Heat's database with stacks written row by row, and gates that were judged on it."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from heat_upgrade_checks.evidence.stacks import (
    baseline,
    failed_by_upgrade,
    preserved,
)
from heat_upgrade_checks.evidence.stacks.baseline import Baseline
from heat_upgrade_checks.evidence.stacks.failed_by_upgrade import FailedByUpgrade
from heat_upgrade_checks.evidence.stacks.preserved import Preserved
from heat_upgrade_checks.records import gate as document
from heat_upgrade_checks.records.findings import Verdict
from heat_upgrade_checks.records.gate import NOTHING, Gate, ReleaseName, Tool, Upgrade
from tests.services.heat_databases import HeatDatabase

SECRET = "canary-of-a-template-91c2"

TEMPLATE = json.dumps(
    {
        "parameters": {"key": {"default": SECRET}},
        "outputs": {"address": {"value": SECRET}, "port": {"value": 80}},
    }
)


@dataclass
class Cloud:
    """Heat's tables, filled and changed by hand, and the gates of an upgrade beside them."""

    heat: HeatDatabase
    tables: dict[str, sa.Table] = field(default_factory=dict)

    def __post_init__(self) -> None:
        url = sa.make_url(self.heat.url)
        drivers = {"postgresql+psycopg2": "postgresql+psycopg"}
        self.engine = sa.create_engine(
            url.set(drivername=drivers.get(url.drivername, url.drivername)), poolclass=sa.NullPool
        )

    def sync(self, release: int) -> None:
        self.heat.db_sync(release)
        metadata = sa.MetaData()
        metadata.reflect(self.engine)
        self.tables = dict(metadata.tables)

    def add(self, table: str, *rows: dict[str, Any]) -> None:
        with self.engine.begin() as connection:
            connection.execute(self.tables[table].insert(), list(rows))

    def run(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            assert connection.execute(sa.text(statement), values).rowcount > 0

    def template(self, id: int, text: str) -> None:
        self.add("raw_template", {"id": id, "template": text})

    def stacks(self, *ids: str, template: int = 1, **values: Any) -> None:
        self.add(
            "stack",
            *(
                {
                    "id": id,
                    "name": f"name-of-{id}",
                    "tenant": "p1",
                    "raw_template_id": template,
                    "action": "CREATE",
                    "status": "COMPLETE",
                    "created_at": ago(3600),
                    "convergence": True,
                    "backup": False,
                    "disable_rollback": True,
                    **values,
                }
                for id in ids
            ),
        )

    def resources(self, stack: str, *names: str, **values: Any) -> None:
        self.add(
            "resource",
            *(
                {
                    "uuid": str(uuid4()),
                    "name": name,
                    "nova_instance": f"{name}-of-{stack}",
                    "stack_id": stack,
                    "action": "CREATE",
                    "status": "COMPLETE",
                    "current_template_id": 1,
                    **values,
                }
                for name in names
            ),
        )

    def event(self, stack: str, name: str, status: str = "COMPLETE", **values: Any) -> None:
        row = {
            "uuid": str(uuid4()),
            "stack_id": stack,
            "resource_name": name,
            "resource_action": "UPDATE",
            "resource_status": status,
            "created_at": ago(0),
            **values,
        }
        self.add("event", row)

    def pre(
        self, number: int = 1, verdict: Verdict = Verdict.GO, partial: bool = False
    ) -> Baseline:
        """What the gate of phase pre leaves."""
        folder = self.heat.folder / f"{number:02}-pre"
        folder.mkdir()
        site = self.heat.site()
        site.gate_folder = folder
        stored = baseline.observe(site)
        evidence = {"observations": {"baseline": {"facts": {"sha256": stored.sha256}}}}
        (folder / "evidence.json").write_text(json.dumps(evidence), "utf-8")
        (folder / "gate.json").write_bytes(document.dump(_gate(verdict, partial)))
        return stored

    def failed(self) -> FailedByUpgrade:
        return failed_by_upgrade.observe(self.heat.site())

    def compare(self) -> Preserved:
        return preserved.observe(self.heat.site())


def _gate(verdict: Verdict, partial: bool) -> Gate:
    """A gate document with this verdict."""
    release = ReleaseName("25.0.2", "2025.2")
    now = datetime.now(UTC)
    return Gate(
        schema="1",
        tool=Tool("test", "0"),
        upgrade=Upgrade("services", "rolling", release, release),
        phase="pre",
        host="",
        partial=partial,
        verdict=verdict,
        exit_code=verdict.exit_code,
        started_at=now,
        finished_at=now,
        seconds=0.0,
        checks=(),
        evidence=(),
        drain=(),
        previous=None,
        digests=NOTHING,
    )


def ago(seconds: float) -> datetime:
    """A time as Heat stores it."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).replace(tzinfo=None, microsecond=0)


def told(found: Preserved) -> set[tuple[str, str, str, bool]]:
    """What differs, and whether an operation of a user's accounts for it."""
    return {(d.kind, d.stack_id, d.part, d.by_operation) for d in found.differences}
