"""What the calls of a migration's source do, each for itself."""

import ast
from collections.abc import Iterator
from dataclasses import replace

from heat_upgrade_checks.schema.migrations import Operation
from heat_upgrade_checks.schema.source.batches import Batches
from heat_upgrade_checks.schema.source.harmless import (
    is_harmless_function,
    is_harmless_method,
    is_harmless_operation,
    only_describes,
)
from heat_upgrade_checks.schema.source.names import Names
from heat_upgrade_checks.schema.source.operation_call import OperationCall, unknown
from heat_upgrade_checks.schema.source.operations import operation
from heat_upgrade_checks.schema.source.reached import Reached
from heat_upgrade_checks.schema.source.statements import executes

ALEMBIC = "alembic.op."
# Methods of connections and sessions.
_EXECUTE = {"execute", "exec_driver_sql", "executemany", "scalar", "scalars"}


def done_by_calls(reached: Reached, names: Names, batches: Batches) -> Iterator[Operation]:
    """What each call does, if it does not stand in a list of what changes nothing."""
    own = {node.name for node in reached.defined}
    for node in reached.calls:
        function = node.func
        path = names.path(function)
        if id(node) in batches.tables and isinstance(function, ast.Attribute):
            if not is_harmless_operation(function.attr):
                yield _in_batch(function.attr, node, names, batches)
        elif path is not None and path.startswith(ALEMBIC):
            name = path.removeprefix(ALEMBIC)
            if not is_harmless_operation(name) and id(node) not in batches.entered:
                yield operation(name, node, None, names)
        elif isinstance(function, ast.Attribute) and path is None and function.attr in _EXECUTE:
            yield from _executed(node, function, names)
        elif not _changes_nothing(function, path, own, names):
            yield unknown(node.lineno, f"calls {ast.unparse(function)}")


def _in_batch(name: str, node: ast.Call, names: Names, batches: Batches) -> Operation:
    told = operation(name, node, batches.tables[id(node)], names)
    if id(node) in batches.recreated and told.parts:
        return replace(told, parts=(*told.parts, "recreate_table"))
    return told


def _executed(node: ast.Call, function: ast.Attribute, names: Names) -> Iterator[Operation]:
    if node.args or node.keywords:
        yield operation("execute", node, None, names)
    elif function.attr == "execute":
        # SQLAlchemy 1's statements execute themselves; scalar() of a result only reads.
        yield executes(OperationCall({"statement": function.value}, (), node.lineno, names))


def _changes_nothing(function: ast.expr, path: str | None, own: set[str], names: Names) -> bool:
    """Whether a function is only described, defined in the file itself, or known as harmless."""
    if path is not None:
        return only_describes(path)
    if isinstance(function, ast.Name):
        known = is_harmless_function(function.id) and function.id not in names.values
        return known or function.id in own
    return isinstance(function, ast.Attribute) and is_harmless_method(function.attr)
