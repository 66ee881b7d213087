"""What the names and constants of a migration's source stand for."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Expression = ast.expr

# How many names may stand for each other; more is taken for a circle.
_HOPS = 5


@dataclass(frozen=True)
class Names:
    """The names of one migration.

    `imports` tells where each imported name comes from, `values` every value that a name is given,
    None for one that is not simply assigned: a parameter, a loop's variable, one of several.
    """

    imports: Mapping[str, str]
    values: Mapping[str, list[Expression | None]]

    def path(self, expression: Expression | None) -> str | None:
        """Where a dotted name was imported from, or None where it was not."""
        parts: list[str] = []
        while isinstance(expression, ast.Attribute):
            parts.append(expression.attr)
            expression = expression.value
        if not isinstance(expression, ast.Name) or expression.id not in self.imports:
            return None
        return ".".join([self.imports[expression.id], *reversed(parts)])

    def value(self, expression: Expression | None) -> Expression | None:
        """What a name stands for where it is assigned once, else the expression itself."""
        for _ in range(_HOPS):
            if not isinstance(expression, ast.Name):
                break
            values = self.values.get(expression.id, [])
            if len(values) != 1 or values[0] is None:
                break
            expression = values[0]
        return expression

    def text(self, expression: Expression | None) -> str:
        """A string that stands in the source, else nothing."""
        expression = self.value(expression)
        if isinstance(expression, ast.Call) and self.path(expression.func) in {
            "alembic.op.f",
            "sqlalchemy.sql.quoted_name",
        }:
            expression = self.value(expression.args[0]) if expression.args else None
        if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
            return expression.value
        return ""

    def flag(self, expression: Expression | None, unset: bool) -> bool | None:
        """True or False as it stands in the source, `unset` where nothing does, None if unclear."""
        if expression is None:
            return unset
        value = self.value(expression)
        if isinstance(value, ast.Constant) and value.value in {True, False, None}:
            return unset if value.value is None else bool(value.value)
        return None

    def is_none(self, expression: Expression) -> bool:
        """Whether None stands in the source."""
        value = self.value(expression)
        return isinstance(value, ast.Constant) and value.value is None

    def is_set(self, expression: Expression | None) -> bool:
        """Whether anything else than None is given."""
        return expression is not None and not self.is_none(expression)


def root(expression: Expression) -> Expression:
    """What a dotted name begins with."""
    while isinstance(expression, ast.Attribute):
        expression = expression.value
    return expression


def names(tree: ast.Module, reached: Iterable[ast.AST]) -> Names:
    """The names that are imported anywhere in the file, and those that `reached` nodes bind."""
    nodes = tuple(reached)
    return Names(_imports(tree), _values(nodes))


def _imports(tree: ast.Module) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                first = each.name.partition(".")[0]
                found[each.asname or first] = each.name if each.asname else first
        elif isinstance(node, ast.ImportFrom):
            for each in node.names:
                found[each.asname or each.name] = (
                    f"{'.' * node.level}{node.module or ''}.{each.name}"
                )
    return found


def _values(nodes: tuple[ast.AST, ...]) -> dict[str, list[Expression | None]]:
    found: dict[str, list[Expression | None]] = {}
    simple: set[int] = set()
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name):
                simple.add(id(target))
                found.setdefault(target.id, []).append(node.value)
    for node in nodes:
        if isinstance(node, ast.arg):
            found.setdefault(node.arg, []).append(None)
        elif (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Store)
            and id(node) not in simple
        ):
            found.setdefault(node.id, []).append(None)
    return found
