"""Servers and tables on which migrations cost something."""

from dataclasses import replace
from textwrap import indent

from heat_upgrade_checks.schema.change_cost.server import Server, StoredTable
from heat_upgrade_checks.schema.description import Column, Table
from heat_upgrade_checks.schema.migrations import Migration
from heat_upgrade_checks.schema.source.revision_file import read

GIB = 2**30
STACK = Table(
    "stack",
    (
        Column("id", "VARCHAR(36)", False, False, False),
        Column("name", "VARCHAR(60)", True, False, False),
        Column("text", "LONGTEXT", True, False, False),
    ),
    (("id",),),
    (),
)
LIVE = (STACK, replace(STACK, name="snapshot"))
MARIADB = Server("MariaDB", (10, 11, 19), {}, None)
MYSQL = Server("MySQL", (8, 4, 3), {}, None)
POSTGRESQL = Server("PostgreSQL", (15, 18), {}, None)
STORED = StoredTable(
    "stack",
    rows=1000,
    data_bytes=GIB,
    index_bytes=GIB // 2,
    engine="InnoDB",
    row_format="Dynamic",
    indexed=("id", "name"),
    octets={"id": 108, "name": 180},
    row_versions=3,
)


def migration(body: str) -> Migration:
    """A migration with this body, after 2025.2's head."""
    source = (
        "from alembic import op\nimport sqlalchemy as sa\nrevision = 'bbb'\n"
        f"down_revision = 'c6214ca60943'\ndef upgrade():\n{indent(body, '    ')}\n"
    )
    return read("bbb_made_up.py", source)


ADD = "op.add_column('stack', sa.Column('x', sa.String(255)))"
INDEX = "op.create_index('ix', 'stack', ['name'])"
