"""Heat's tables, with the columns that are read (heat/db/models.py).

Only what exists from Zed (19) to 2026.2 (27) stands here, so one reading serves both releases.
"""

import sqlalchemy as sa

_SCHEMA = sa.MetaData()
STACK = sa.Table(
    "stack",
    _SCHEMA,
    sa.Column("id", sa.String(36)),
    sa.Column("name", sa.String(255)),
    sa.Column("tenant", sa.String(256)),
    sa.Column("owner_id", sa.String(36)),
    sa.Column("raw_template_id", sa.Integer),
    sa.Column("prev_raw_template_id", sa.Integer),
    sa.Column("action", sa.String(255)),
    sa.Column("status", sa.String(255)),
    sa.Column("status_reason", sa.Text),
    sa.Column("timeout", sa.Integer),
    sa.Column("convergence", sa.Boolean),
    sa.Column("backup", sa.Boolean),
    sa.Column("current_traversal", sa.String(36)),
    sa.Column("created_at", sa.DateTime),
    sa.Column("updated_at", sa.DateTime),
    sa.Column("deleted_at", sa.DateTime),
)
RAW_TEMPLATE = sa.Table(
    "raw_template",
    _SCHEMA,
    sa.Column("id", sa.Integer),
    # JSON; not sa.JSON, which would parse a damaged row where nothing tells whose it is.
    sa.Column("template", sa.Text),
    sa.Column("environment", sa.Text),
    sa.Column("files", sa.Text),
    sa.Column("files_id", sa.Integer),
)
RAW_TEMPLATE_FILES = sa.Table(
    "raw_template_files", _SCHEMA, sa.Column("id", sa.Integer), sa.Column("files", sa.Text)
)
RESOURCE = sa.Table(
    "resource",
    _SCHEMA,
    sa.Column("id", sa.Integer),
    sa.Column("name", sa.String(255)),
    # The physical resource's id, of whatever type it is.
    sa.Column("nova_instance", sa.String(255)),
    sa.Column("stack_id", sa.String(36)),
    sa.Column("root_stack_id", sa.String(36)),
    sa.Column("action", sa.String(255)),
    sa.Column("status", sa.String(255)),
    sa.Column("status_reason", sa.Text),
    sa.Column("engine_id", sa.String(36)),
    sa.Column("current_template_id", sa.Integer),
)
RESOURCE_DATA = sa.Table(
    "resource_data",
    _SCHEMA,
    sa.Column("id", sa.Integer),
    sa.Column("resource_id", sa.Integer),
    sa.Column("key", sa.String(255)),
    sa.Column("value", sa.Text),
    sa.Column("redact", sa.Boolean),
    sa.Column("decrypt_method", sa.String(64)),
)
EVENT = sa.Table(
    "event",
    _SCHEMA,
    sa.Column("stack_id", sa.String(36)),
    sa.Column("resource_name", sa.String(255)),
    sa.Column("physical_resource_id", sa.String(255)),
    sa.Column("resource_status", sa.String(255)),
    sa.Column("resource_status_reason", sa.String(255)),
    sa.Column("created_at", sa.DateTime),
)
SYNC_POINT = sa.Table(
    "sync_point",
    _SCHEMA,
    sa.Column("entity_id", sa.String(36)),
    sa.Column("traversal_id", sa.String(36)),
    sa.Column("stack_id", sa.String(36)),
    sa.Column("created_at", sa.DateTime),
    sa.Column("updated_at", sa.DateTime),
)
STACK_LOCK = sa.Table(
    "stack_lock",
    _SCHEMA,
    sa.Column("stack_id", sa.String(36)),
    sa.Column("engine_id", sa.String(36)),
)
SOFTWARE_DEPLOYMENT = sa.Table("software_deployment", _SCHEMA, sa.Column("status", sa.String(255)))
SNAPSHOT = sa.Table(
    "snapshot",
    _SCHEMA,
    sa.Column("id", sa.String(36)),
    sa.Column("stack_id", sa.String(36)),
    sa.Column("name", sa.String(255)),
    sa.Column("data", sa.Text),
    sa.Column("status", sa.String(255)),
    sa.Column("created_at", sa.DateTime),
    sa.Column("updated_at", sa.DateTime),
)
SERVICE = sa.Table(
    "service",
    _SCHEMA,
    sa.Column("engine_id", sa.String(36)),
    sa.Column("host", sa.String(255)),
    sa.Column("hostname", sa.String(255)),
    sa.Column("binary", sa.String(255)),
    sa.Column("report_interval", sa.Integer),
    sa.Column("created_at", sa.DateTime),
    sa.Column("updated_at", sa.DateTime),
    sa.Column("deleted_at", sa.DateTime),
)
ALEMBIC = sa.Table("alembic_version", _SCHEMA, sa.Column("version_num", sa.String(32)))
MIGRATE = sa.Table(
    "migrate_version",
    _SCHEMA,
    sa.Column("repository_id", sa.String(250)),
    sa.Column("version", sa.Integer),
)

# Of all releases; which table tells the revision depends on the release.
REQUIRED = frozenset(_SCHEMA.tables) - {ALEMBIC.name, MIGRATE.name}
