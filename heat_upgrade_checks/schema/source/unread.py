"""What keeps a migration's source from being read call by call."""

import ast
from collections.abc import Iterator

from heat_upgrade_checks.schema.migrations import Operation
from heat_upgrade_checks.schema.source.batches import Batches
from heat_upgrade_checks.schema.source.calls import ALEMBIC
from heat_upgrade_checks.schema.source.names import Names, root
from heat_upgrade_checks.schema.source.operation_call import unknown
from heat_upgrade_checks.schema.source.reached import Reached


def untrusted_names(reached: Reached, names: Names) -> Iterator[Operation]:
    """Functions and imports that may be others than they seem, and values that change later."""
    bound = names.values.keys() & {*reached.definitions, *names.imports}
    for name in sorted(bound):
        yield unknown(1, f"binds {name} a second time")
    for node in reached.defined:
        if node.decorator_list:
            yield unknown(node.lineno, f"decorates {node.name}")
    for each in reached.nodes:
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store):
            yield unknown(each.lineno, f"sets {ast.unparse(each)}")


def handed_on(reached: Reached, names: Names, batches: Batches) -> Iterator[Operation]:
    """Alembic's operations where they are not called: whoever is given them may do anything."""
    on_batches = batches.tables.keys() - batches.entered
    followed = {
        id(root(node.func))
        for node in reached.calls
        if id(node) not in on_batches and (names.path(node.func) or "").startswith(ALEMBIC)
    }
    for node in reached.nodes:
        if (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Load)
            and id(node) not in followed
            and names.imports.get(node.id, "").partition(".")[0] == "alembic"
        ):
            yield unknown(node.lineno, f"hands on {node.id}")
