"""One call of an operation of alembic's, and how what it does is told."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from heat_upgrade_checks.schema.migrations import Kind, Operation, Part
from heat_upgrade_checks.schema.source.names import Expression, Names

# What the same argument is called when it is given by name.
_SPELLINGS = {
    "table_name": "table",
    "source_table": "table",
    "old_table_name": "table",
    "column_name": "column",
    "local_cols": "columns",
    "sqltext": "statement",
    "constraint_name": "name",
    "index_name": "name",
}


@dataclass(frozen=True)
class OperationCall:
    """An operation with its arguments by name; `rest` are those beyond its signature."""

    arguments: Mapping[str, Expression]
    rest: tuple[Expression, ...]
    line: int
    names: Names

    def text(self, argument: str) -> str:
        """The string that an argument is, empty where only running it tells."""
        return self.names.text(self.arguments.get(argument))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names."""
        given = self.names.value(self.arguments.get("columns") or self.arguments.get("column"))
        several = given.elts if isinstance(given, ast.List | ast.Tuple) else [given]
        return tuple(name for name in map(self.names.text, several) if name)

    def told(
        self,
        kind: Kind,
        does: str,
        breaks: str = "",
        columns: tuple[str, ...] | None = None,
        refers: tuple[str, ...] = (),
        parts: tuple[Part, ...] = (),
    ) -> Operation:
        """What it does to its table, and to the columns that it names unless others are given."""
        if columns is None:
            columns = self.columns
        return Operation(kind, self.text("table"), columns, refers, does, breaks, self.line, parts)

    def unknown(self, does: str) -> Operation:
        """It does what only a human can tell."""
        return unknown(self.line, does)


def unknown(line: int, does: str) -> Operation:
    """What only a human can tell."""
    return Operation("unknown", "", (), (), does, "", line)


def operation_call(
    node: ast.Call, signature: tuple[str, ...], batch: Expression | None, names: Names
) -> OperationCall:
    """A call with its arguments by the names of the signature.

    :param batch: the table that a batch is on, which its operations leave out.
    """
    if batch is not None:
        signature = tuple(each for each in signature if each != "table")
    arguments = dict(zip(signature, node.args, strict=False))
    for each in node.keywords:
        arguments[_SPELLINGS.get(each.arg or "", each.arg or "")] = each.value
    if batch is not None:
        arguments["table"] = batch
    return OperationCall(arguments, tuple(node.args[len(signature) :]), node.lineno, names)
