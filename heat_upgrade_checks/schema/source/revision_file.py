"""One file of a release's schema changes, and all that its source tells."""

import ast
import re
from typing import Any

from heat_upgrade_checks.schema.migrations import Migration, Operation
from heat_upgrade_checks.schema.source.batches import batches
from heat_upgrade_checks.schema.source.calls import done_by_calls
from heat_upgrade_checks.schema.source.names import names
from heat_upgrade_checks.schema.source.operation_call import unknown
from heat_upgrade_checks.schema.source.reached import reached
from heat_upgrade_checks.schema.source.unread import handed_on, untrusted_names

_NUMBERED = re.compile(r"(\d+)_\w+\.py")


def read(file: str, source: str) -> Migration:
    """One file of alembic's or of sqlalchemy-migrate's.

    :raises ValueError: it is not one.
    """
    tree = ast.parse(source)
    if numbered := _NUMBERED.fullmatch(file):
        number = int(numbered[1])
        return Migration(str(number), (str(number - 1),), file, _operations(tree))
    return Migration(*_place(tree), file, _operations(tree))


def _place(tree: ast.Module) -> tuple[str, tuple[str, ...]]:
    """Its revision, and those that it follows or depends on."""
    given: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named = {each.id for each in targets if isinstance(each, ast.Name)}
            for name in named & {"revision", "down_revision", "depends_on"}:
                given[name] = ast.literal_eval(node.value)
    if not isinstance(given.get("revision"), str) or "down_revision" not in given:
        raise ValueError("no revision")
    previous: list[str] = []
    for value in (given["down_revision"], given.get("depends_on")):
        previous += [value] if isinstance(value, str) else value or ()
    return given["revision"], tuple(previous)


def _operations(tree: ast.Module) -> tuple[Operation, ...]:
    """What it does, in the order of its lines."""
    runs = reached(tree)
    if "upgrade" not in runs.definitions:
        return (unknown(1, "has no upgrade() of its own"),)
    known = names(tree, runs.nodes)
    on_tables = batches(runs, known)
    found = [
        *untrusted_names(runs, known),
        *done_by_calls(runs, known, on_tables),
        *handed_on(runs, known, on_tables),
    ]
    return tuple(sorted(found, key=lambda each: each.line))
