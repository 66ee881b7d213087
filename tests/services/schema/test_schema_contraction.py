"""A target that takes away what the running release uses, on schemas of real servers."""

import venv
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from heat_upgrade_checks.evidence.code import models
from heat_upgrade_checks.evidence.database import live_schema
from tests.judging import check_at, judge
from tests.lab.venvs import interpreter
from tests.services.heat_databases import HeatDatabase
from tests.services.schema.compatibilities import SERVERS, Make, expand_only, site_of


@dataclass(frozen=True)
class MadeUp:
    """A migration as nobody should write it, and what the releases then meet."""

    body: str
    says: str
    meets: tuple[str, str] | None
    level: str = "blocker"
    servers: tuple[str, ...] = SERVERS


CONTRACT = {
    "drop_column": MadeUp(
        "op.drop_column('stack', 'parent_resource_name')",
        "drops column parent_resource_name",
        ("missing-column", "stack.parent_resource_name"),
    ),
    "rename_column": MadeUp(
        "op.alter_column('resource', 'nova_instance', new_column_name='physical_id',\n"
        "                existing_type=sa.String(255))",
        "renames column nova_instance to physical_id",
        ("missing-column", "resource.nova_instance"),
    ),
    "drop_table": MadeUp(
        "op.drop_table('stack_tag')", "drops the table", ("missing-table", "stack_tag")
    ),
    "rename_table": MadeUp(
        "op.rename_table('software_deployment', 'deployment')",
        "renames the table",
        ("missing-table", "software_deployment"),
    ),
    "not_null_column": MadeUp(
        "op.add_column('event', sa.Column('severity', sa.Integer, nullable=False))",
        "adds column severity, NOT NULL without a server default",
        ("unwritten-column", "event.severity"),
    ),
    "not_null": MadeUp(
        "op.alter_column('stack', 'username', existing_type=sa.String(256), nullable=False)",
        "makes column username NOT NULL",
        ("not-null", "stack.username"),
    ),
    "narrower": MadeUp(
        "with op.batch_alter_table('snapshot') as batch:\n"
        "    batch.alter_column('name', type_=sa.String(100), existing_type=sa.String(255))",
        "changes the type of column name to sa.String(100)",
        ("narrower-type", "snapshot.name"),
    ),
    "smaller": MadeUp(
        "op.alter_column('service', 'report_interval', type_=sa.SmallInteger())",
        "changes the type of column report_interval",
        ("narrower-type", "service.report_interval"),
    ),
    "shorter_text": MadeUp(
        "op.alter_column('sync_point', 'input_data', type_=sa.Text())",
        "changes the type of column input_data",
        ("narrower-type", "sync_point.input_data"),
        servers=("mariadb",),
    ),
    "another_kind": MadeUp(
        "op.alter_column('user_creds', 'tenant_id', type_=sa.Integer())",
        "changes the type of column tenant_id",
        ("other-type", "user_creds.tenant_id"),
        servers=("mariadb",),
    ),
    "unique_index": MadeUp(
        "op.create_index('one_name', 'stack', ['name'], unique=True)",
        "creates a unique index on name",
        ("unique", "stack.name"),
    ),
    "unique_prefix": MadeUp(
        "op.create_index('one_start', 'stack', ['tenant'], unique=True, mysql_length=10)",
        "creates a unique index on tenant",
        ("unique", "stack.tenant(10)"),
        servers=("mariadb",),
    ),
    "unique_constraint": MadeUp(
        "op.create_unique_constraint('one_engine', 'service', ['host'])",
        "adds a unique constraint on host",
        ("unique", "service.host"),
    ),
    "no_longer_unique": MadeUp(
        "op.drop_constraint('uuid', 'event', type_='unique')",
        "drops a unique constraint",
        ("not-unique", "event.uuid"),
        servers=("mariadb",),
    ),
    "foreign_key": MadeUp(
        "op.create_foreign_key('fk', 'resource', 'software_config', ['engine_id'], ['id'])",
        "adds a foreign key to software_config",
        ("constrained", "resource.engine_id"),
    ),
    "helper": MadeUp(
        "def contract(table):\n    op.drop_column(table, 'region_name')\ncontract('user_creds')",
        "drops column region_name",
        ("missing-column", "user_creds.region_name"),
    ),
    "raw_sql": MadeUp(
        "op.execute('ALTER TABLE event DROP COLUMN resource_properties')",
        "executes 'ALTER TABLE event DROP COLUMN resource_properties'",
        ("missing-column", "event.resource_properties"),
    ),
    "no_more_numbers": MadeUp(
        "op.get_bind().exec_driver_sql('ALTER TABLE resource_data MODIFY id INTEGER NOT NULL')",
        "executes",
        ("not-generated", "resource_data.id"),
        servers=("mariadb",),
    ),
    "data": MadeUp(
        "t = sa.table('stack', sa.column('status'))\nop.execute(t.update().values(status='DONE'))",
        "updates status",
        None,
        "warning",
    ),
    "raw_data": MadeUp(
        "op.get_bind().execute(sa.text('DELETE FROM event WHERE id > 0'))",
        "deletes rows",
        None,
        "warning",
    ),
}

_FILE = """from alembic import op
import sqlalchemy as sa

revision = "{revision}"
down_revision = "{previous}"


def upgrade():
{body}
"""


@pytest.fixture
def contracting(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """The interpreter of a release whose migrations contract, and their sources by name.

    Some of them are for one kind of server only, but all of them can be read.
    """
    venv.EnvBuilder(symlinks=True, with_pip=False).create(tmp_path / "target")
    (packages,) = (tmp_path / "target").glob("lib/python*/site-packages")
    versions = packages / "heat" / "db" / "migrations" / "versions"
    versions.mkdir(parents=True)
    (packages / "heat" / "__init__.py").touch()
    (real,) = interpreter(26).parents[1].glob("lib/python*/site-packages/heat/db/migrations")
    for file in real.glob("versions/*.py"):
        (versions / file.name).write_bytes(file.read_bytes())
    sources: dict[str, str] = {}
    previous = "97b2a986f922"
    for name, made_up in CONTRACT.items():
        body = indent(made_up.body, "    ")
        sources[name] = _FILE.format(revision=name, previous=previous, body=body)
        (versions / f"{name}.py").write_text(sources[name], "utf-8")
        previous = name
    return tmp_path / "target" / "bin" / "python", sources


@pytest.mark.parametrize("kind", SERVERS)
def test_every_contraction_is_found_before_and_after(
    make: Make, kind: str, contracting: tuple[Path, dict[str, str]]
) -> None:
    python, sources = contracting
    heat = make(kind)
    heat.db_sync(26)
    gate = expand_only(heat, python)
    assert gate.unknowns == []
    said = {each.summary.partition(" ")[0]: each for each in gate.findings}
    assert said.keys() == CONTRACT.keys()
    for name, made_up in CONTRACT.items():
        assert said[name].level == made_up.level
        assert said[name].summary.startswith(f"{name} {made_up.says}")

    known = {
        release: models.observe_current(site_of(heat, current=interpreter(release)))
        for release in (25, 26)
    }
    before = {release: _blockers(heat, facts) for release, facts in known.items()}
    assert before == {25: set(), 26: set()}
    engine = sa.create_engine(heat.url.replace("psycopg2", "psycopg"))
    for name, made_up in CONTRACT.items():
        if kind not in made_up.servers:
            continue
        with engine.begin() as connection:
            _apply(connection, sources[name])
        for release, facts in known.items():
            now = _blockers(heat, facts)
            met = {made_up.meets} if made_up.meets else set()
            assert now - before[release] == met, (name, release)
            before[release] = now
    engine.dispose()


def _blockers(heat: HeatDatabase, facts: models.Models) -> set[tuple[str, str]]:
    gate = judge(
        check_at("schema.serves-current", "synced"),
        "synced",
        current_models=facts,
        live_schema=live_schema.observe(site_of(heat)),
    )
    return {(each.data["kind"], each.object) for each in gate.findings if each.level == "blocker"}


def _apply(connection: sa.Connection, source: str) -> None:
    """Run a migration as alembic does."""
    names: dict[str, Any] = {}
    with Operations.context(MigrationContext.configure(connection)):
        exec(compile(source, "migration", "exec"), names)  # noqa: S102 - the test's own source
        names["upgrade"]()
