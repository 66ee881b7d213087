"""What is told of a table that is created, and which tables its parts refer to."""

import ast
from collections.abc import Iterator

from heat_upgrade_checks.schema.migrations import CREATES_TABLE, Operation
from heat_upgrade_checks.schema.source.names import Expression, Names
from heat_upgrade_checks.schema.source.operation_call import OperationCall


def creates_table(call: OperationCall) -> Operation:
    """create_table: an older release need not know it, except for what its foreign keys hold."""
    names = call.names
    refers: list[str] = []
    for each in map(names.value, call.rest):
        if not (
            isinstance(each, ast.Call) and (names.path(each.func) or "").startswith("sqlalchemy.")
        ):
            return call.unknown("creates a table with parts that only running it tells")
        refers += referred(each, names)
    return call.told("expand", CREATES_TABLE, refers=tuple(refers), parts=("create_table",))


def comments_table(call: OperationCall) -> Operation:
    """create_table_comment and drop_table_comment."""
    return call.told("expand", "changes the table's comment", parts=("comment",))


def referred(part: ast.Call, names: Names) -> Iterator[str]:
    """The tables that the foreign keys in a column or a constraint refer to."""
    for node in ast.walk(part):
        if isinstance(node, ast.Call):
            for target in _targets(node, names):
                table = names.text(target).rpartition(".")[0]
                if table:
                    yield table


def _targets(call: ast.Call, names: Names) -> list[Expression]:
    """The columns that a foreign key names, as `table.column`."""
    path = names.path(call.func) or ""
    if path.endswith(".ForeignKey"):
        return call.args[:1] or [each.value for each in call.keywords if each.arg == "column"]
    found: list[Expression] = []
    if path.endswith(".ForeignKeyConstraint"):
        given = call.args[1:2] or [each.value for each in call.keywords if each.arg == "refcolumns"]
        for each in map(names.value, given):
            found += each.elts if isinstance(each, ast.List | ast.Tuple) else []
    return found
