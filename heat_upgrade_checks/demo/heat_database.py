"""A Heat database in SQLite, with the tables of 2025.2 and the columns that matter in them."""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

CURRENT_HEAD = "c6214ca60943"
TARGET_HEAD = "97b2a986f922"
REPORT_INTERVAL = 60

_TABLES = {
    "raw_template": "id INTEGER PRIMARY KEY, template TEXT, environment TEXT, files TEXT, "
    "files_id INTEGER, created_at TIMESTAMP",
    "raw_template_files": "id INTEGER PRIMARY KEY, files TEXT, created_at TIMESTAMP",
    "user_creds": "id INTEGER PRIMARY KEY, username TEXT, password TEXT, trust_id TEXT, "
    "decrypt_method TEXT, created_at TIMESTAMP",
    "stack": "id TEXT PRIMARY KEY, name TEXT, tenant TEXT, owner_id TEXT, "
    "raw_template_id INTEGER, prev_raw_template_id INTEGER, action TEXT, status TEXT, "
    "status_reason TEXT, timeout INTEGER, convergence BOOLEAN, backup BOOLEAN, "
    "current_traversal TEXT, created_at TIMESTAMP, updated_at TIMESTAMP, deleted_at TIMESTAMP",
    "stack_lock": "stack_id TEXT PRIMARY KEY, engine_id TEXT, created_at TIMESTAMP",
    "stack_tag": "id INTEGER PRIMARY KEY, stack_id TEXT, tag TEXT, created_at TIMESTAMP",
    "resource": "id INTEGER PRIMARY KEY, uuid TEXT, name TEXT, nova_instance TEXT, "
    "stack_id TEXT, root_stack_id TEXT, action TEXT, status TEXT, status_reason TEXT, "
    "engine_id TEXT, "
    "atomic_key INTEGER, current_template_id INTEGER, created_at TIMESTAMP",
    "resource_data": "id INTEGER PRIMARY KEY, key TEXT, value TEXT, redact BOOLEAN, "
    "resource_id INTEGER, decrypt_method TEXT, created_at TIMESTAMP",
    "resource_properties_data": "id INTEGER PRIMARY KEY, data TEXT, encrypted BOOLEAN, "
    "created_at TIMESTAMP",
    "event": "id INTEGER PRIMARY KEY, stack_id TEXT, uuid TEXT, resource_name TEXT, "
    "physical_resource_id TEXT, resource_status TEXT, resource_status_reason TEXT, "
    "created_at TIMESTAMP",
    "service": 'id TEXT PRIMARY KEY, engine_id TEXT, host TEXT, hostname TEXT, "binary" TEXT, '
    "topic TEXT, report_interval INTEGER, created_at TIMESTAMP, updated_at TIMESTAMP, "
    "deleted_at TIMESTAMP",
    "snapshot": "id TEXT PRIMARY KEY, stack_id TEXT, name TEXT, status TEXT, data TEXT, "
    "created_at TIMESTAMP, updated_at TIMESTAMP",
    "software_config": "id TEXT PRIMARY KEY, name TEXT, config TEXT, created_at TIMESTAMP",
    "software_deployment": "id TEXT PRIMARY KEY, config_id TEXT, status TEXT, created_at TIMESTAMP",
    "sync_point": "entity_id TEXT, traversal_id TEXT, is_update BOOLEAN, stack_id TEXT, "
    "created_at TIMESTAMP, updated_at TIMESTAMP, "
    "PRIMARY KEY (entity_id, traversal_id, is_update)",
    "alembic_version": "version_num TEXT PRIMARY KEY",
}
_TEMPLATE = json.dumps(
    {
        "resources": {"server": {"type": "OS::Nova::Server"}},
        "outputs": {"address": {"value": {"get_attr": ["server", "first_address"]}}},
    }
)
# What the migrations d2db381e3324, 88be64598c0f and 97b2a986f922 of 2026.1 do.
_MIGRATION = (
    "ALTER TABLE sync_point ADD COLUMN extra_data TEXT",
    "CREATE TABLE resource_snapshot (id TEXT PRIMARY KEY, snapshot_id TEXT, data TEXT, "
    "created_at TIMESTAMP)",
    "ALTER TABLE snapshot ADD COLUMN action TEXT",
)


def statements(*, migrated: bool) -> list[str]:
    """What makes the schema of 2025.2, or that of 2026.1."""
    tables = [f"CREATE TABLE {name} ({columns})" for name, columns in _TABLES.items()]
    return [*tables, *_MIGRATION] if migrated else tables


@dataclass(frozen=True)
class DemoEngine:
    """An engine process of the demo: its id, its `[DEFAULT] host` and the vhost it listens on."""

    engine_id: str
    host: str
    vhost: str


class HeatDatabase:
    """Does to the database what Heat's services would do."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, stacks: int) -> None:
        """The schema of 2025.2, with stacks at rest in three projects, some of them nested."""
        self._run(statements(migrated=False))
        roots = [str(uuid4()) for _ in range(stacks)]
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("INSERT INTO alembic_version VALUES (?)", [CURRENT_HEAD])
            connection.execute("INSERT INTO raw_template (template) VALUES (?)", [_TEMPLATE])
            connection.executemany(
                "INSERT INTO stack (id, name, tenant, owner_id, raw_template_id, action, status, "
                "convergence, backup, created_at) "
                "VALUES (?, ?, ?, ?, 1, 'CREATE', 'COMPLETE', 1, 0, ?)",
                [
                    (
                        stack,
                        f"shop-{number:02}",
                        f"{number % 3:032x}",
                        roots[number - 1] if number % 4 == 3 else None,
                        _ago(86400 * (stacks - number)),
                    )
                    for number, stack in enumerate(roots)
                ],
            )
            connection.executemany(
                "INSERT INTO resource (uuid, name, nova_instance, stack_id, action, status) "
                "VALUES (?, 'server', ?, ?, 'CREATE', 'COMPLETE')",
                [(str(uuid4()), str(uuid4()), stack) for stack in roots],
            )

    def back_up(self, copy: Path) -> None:
        """A consistent copy, as `.backup` of the sqlite3 shell makes it."""
        with (
            closing(sqlite3.connect(self.path)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)

    def migrate(self) -> None:
        """What db_sync of 2026.1 does."""
        self._run(_MIGRATION)
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", [TARGET_HEAD])

    def engines_run(self, engines: Iterable[DemoEngine]) -> None:
        """These engines report now; every other one has ended and its row is soft-deleted."""
        now = _ago(0)
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("UPDATE service SET deleted_at = ? WHERE deleted_at IS NULL", [now])
            connection.executemany(
                "INSERT INTO service VALUES (?, ?, ?, ?, 'heat-engine', 'engine', ?, ?, ?, NULL) "
                "ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, "
                "deleted_at = NULL",
                [
                    (
                        engine.engine_id,
                        engine.engine_id,
                        engine.host,
                        engine.host,
                        REPORT_INTERVAL,
                        now,
                        now,
                    )
                    for engine in engines
                ],
            )

    def begin_create(self, name: str, engine: DemoEngine) -> None:
        """A stack that this engine is creating: one resource is held by it."""
        stack = str(uuid4())
        with closing(sqlite3.connect(self.path)) as connection, connection:
            stored = connection.execute(
                "INSERT INTO raw_template (template) VALUES (?)", [_TEMPLATE]
            ).lastrowid
            connection.execute(
                "INSERT INTO stack (id, name, tenant, raw_template_id, action, status, timeout, "
                "convergence, backup, created_at) "
                "VALUES (?, ?, ?, ?, 'CREATE', 'IN_PROGRESS', 60, 1, 0, ?)",
                [stack, name, f"{1:032x}", stored, _ago(95)],
            )
            connection.execute(
                "INSERT INTO resource (uuid, name, stack_id, action, status, engine_id, "
                "atomic_key) VALUES (?, 'server', ?, 'CREATE', 'IN_PROGRESS', ?, 1)",
                [str(uuid4()), stack, engine.engine_id],
            )

    def end_create(self) -> None:
        """Every stack in flight is complete."""
        self._run(
            [
                "UPDATE resource SET status = 'COMPLETE', engine_id = NULL",
                "UPDATE stack SET status = 'COMPLETE' WHERE status = 'IN_PROGRESS'",
            ]
        )

    def _run(self, statements: Iterable[str]) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)


def _ago(seconds: float) -> str:
    """A time as Heat stores it: UTC without a zone."""
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds")
