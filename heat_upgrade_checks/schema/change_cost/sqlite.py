"""What SQLite does when it is told to alter a table."""

from typing import get_args

from heat_upgrade_checks.schema.change_cost.rules import Rule
from heat_upgrade_checks.schema.migrations import Part

# "ALTER TABLE" in SQLite's manual; a writer has the whole file to itself.
SQLITE = (
    Rule("add_column add_constant_column rename_column rename_table", "catalog", "writes"),
    Rule("create_index add_unique", "index", "writes"),
    Rule("update_rows insert_rows drop_table", "rows", "writes"),
    Rule(" ".join(get_args(Part)), "copy", "writes"),
)
