"""Which part of a migration's source db_sync runs."""

import ast
from dataclasses import dataclass

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Reached:
    """What runs: the module itself, upgrade(), and every definition that these name.

    `definitions` are all of the module's own by name, reached or not; `nodes` is every node that
    is reached.
    """

    definitions: dict[str, Definition]
    nodes: tuple[ast.AST, ...]

    @property
    def defined(self) -> tuple[ast.FunctionDef | ast.ClassDef, ...]:
        """The functions and classes that are reached, those inside of others included."""
        return tuple(
            node for node in self.nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)
        )

    @property
    def calls(self) -> tuple[ast.Call, ...]:
        """Every call that is reached."""
        return tuple(node for node in self.nodes if isinstance(node, ast.Call))


def reached(tree: ast.Module) -> Reached:
    """What runs of a module when alembic loads it and calls its upgrade()."""
    definitions = {node.name: node for node in tree.body if isinstance(node, Definition)}
    waiting: list[ast.AST] = [node for node in tree.body if node not in definitions.values()]
    if "upgrade" in definitions:
        waiting.append(definitions["upgrade"])
    seen: list[ast.AST] = []
    while waiting:
        node = waiting.pop(0)
        if node in seen:
            continue
        seen.append(node)
        named = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        waiting += [definitions[name] for name in sorted(named & definitions.keys())]
    return Reached(definitions, tuple(each for node in seen for each in ast.walk(node)))
