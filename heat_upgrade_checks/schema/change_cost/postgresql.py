"""What PostgreSQL does when it is told to alter a table."""

from heat_upgrade_checks.schema.change_cost.rules import Case, Rule


def _grows(case: Case) -> bool:
    """PostgreSQL rewrites nothing where a limit on text is raised or lifted (since 9.2)."""
    old, new = case.lengths
    if old is None:
        return False
    return case.operation.new_type == "TEXT" or (new is not None and new >= old)


def _keeps_constants(case: Case) -> bool:
    return case.server.version >= (11,)


# Every lock is held until db_sync ends: alembic runs all revisions in one transaction where the
# server takes DDL back (heat/db/migrations/env.py). So even what touches no row keeps others out.
POSTGRESQL = (
    Rule("add_constant_column", "catalog", "reads and writes", _keeps_constants),
    Rule("alter_type", "catalog", "reads and writes", _grows),
    Rule(
        "add_constant_column add_expression_column alter_type recreate_table",
        "copy",
        "reads and writes",
    ),
    Rule(
        "add_column drop_column rename_column rename_table drop_table set_default drop_not_null "
        "drop_check drop_foreign_key drop_index drop_primary_key",
        "catalog",
        "reads and writes",
    ),
    Rule("comment", "catalog", "nothing"),
    Rule("set_not_null add_check", "scan", "reads and writes"),
    Rule("add_foreign_key", "scan", "writes"),
    Rule("create_index", "index", "writes"),
    Rule("add_unique add_primary_key add_exclusion", "index", "reads and writes"),
    Rule("update_rows", "rows", "writes"),
    Rule("insert_rows", "rows", "nothing"),
)
