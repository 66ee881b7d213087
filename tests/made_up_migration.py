"""A migration of alembic's, made up of what its upgrade() does."""

from textwrap import indent

from heat_upgrade_checks.schema.migrations import Migration
from heat_upgrade_checks.schema.source.revision_file import read

HEAD = """
from alembic import op
import sqlalchemy as sa
from heat.db import types

revision = 'bbb'
down_revision = 'c6214ca60943'
branch_labels = None
depends_on = None

"""


def migration(body: str, before: str = "") -> Migration:
    """A migration whose upgrade() does this."""
    source = f"{HEAD}{before}\ndef upgrade():\n{indent(body, '    ')}\n"
    source += "\ndef downgrade():\n    op.drop_table('stack')\n"
    return read("bbb_made_up.py", source)
