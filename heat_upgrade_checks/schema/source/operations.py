"""The operations of alembic's that are known here, and what one call of them does."""

import ast
from collections.abc import Callable
from dataclasses import dataclass

from heat_upgrade_checks.schema.migrations import Operation
from heat_upgrade_checks.schema.source.columns import adds_column, alters_column
from heat_upgrade_checks.schema.source.constraints import (
    REFUSED,
    creates_foreign_key,
    creates_index,
    drops_constraint,
    takes_away,
)
from heat_upgrade_checks.schema.source.names import Expression, Names
from heat_upgrade_checks.schema.source.operation_call import (
    OperationCall,
    operation_call,
    unknown,
)
from heat_upgrade_checks.schema.source.statements import executes, inserts_rows
from heat_upgrade_checks.schema.source.tables import comments_table, creates_table


@dataclass(frozen=True)
class _Known:
    """What alembic calls an operation's arguments (alembic/op.pyi), and what tells what it does.

    Inside of a batch, the argument that names the table is left out.
    """

    signature: tuple[str, ...]
    tells: Callable[[OperationCall], Operation]


_KNOWN = {
    "add_column": _Known(("table", "column"), adds_column),
    "alter_column": _Known(("table", "column"), alters_column),
    "bulk_insert": _Known(("rows_of", "rows"), inserts_rows),
    "create_check_constraint": _Known(
        ("name", "table", "condition"),
        takes_away("adds a check constraint", "its rows may be refused", "add_check"),
    ),
    "create_exclude_constraint": _Known(
        ("name", "table"),
        takes_away("adds an exclusion constraint", "its rows may be refused", "add_exclusion"),
    ),
    "create_foreign_key": _Known(
        ("name", "table", "referent_table", "columns", "remote_cols"), creates_foreign_key
    ),
    "create_index": _Known(("name", "table", "columns"), creates_index),
    "create_primary_key": _Known(
        ("name", "table", "columns"),
        takes_away("adds a primary key on {}", REFUSED, "add_primary_key"),
    ),
    "create_table": _Known(("table",), creates_table),
    "create_table_comment": _Known(("table", "comment"), comments_table),
    "create_unique_constraint": _Known(
        ("name", "table", "columns"),
        takes_away("adds a unique constraint on {}", REFUSED, "add_unique"),
    ),
    "drop_column": _Known(
        ("table", "column"),
        takes_away("drops column {}", "its queries name the column", "drop_column"),
    ),
    "drop_constraint": _Known(("name", "table", "type_"), drops_constraint),
    "drop_index": _Known(
        ("name", "table"),
        takes_away(
            "drops an index",
            "it relies on duplicates being refused, if that was unique",
            "drop_index",
        ),
    ),
    "drop_table": _Known(
        ("table",), takes_away("drops the table", "its queries name the table", "drop_table")
    ),
    "drop_table_comment": _Known(("table",), comments_table),
    "execute": _Known(("statement",), executes),
    "rename_table": _Known(
        ("table", "new_table_name"),
        takes_away("renames the table", "its queries name the table as it was", "rename_table"),
    ),
}


def operation(name: str, node: ast.Call, batch: Expression | None, names: Names) -> Operation:
    """What a call of alembic's operation of this name does.

    :param batch: the table that its batch is on, if it is in one.
    """
    known = _KNOWN.get(name)
    starred = any(isinstance(each, ast.Starred) for each in node.args)
    if known is None or starred or any(each.arg is None for each in node.keywords):
        return unknown(node.lineno, f"runs op.{name} in a way that is not known here")
    return known.tells(operation_call(node, known.signature, batch, names))
