"""Operations on a variable that stands for one table."""

import ast
from dataclasses import dataclass

from heat_upgrade_checks.schema.source.names import Expression, Names
from heat_upgrade_checks.schema.source.reached import Reached

_BATCH = "alembic.op.batch_alter_table"


@dataclass(frozen=True)
class Batches:
    """Batches, their calls by the id() of the call's node.

    `entered` open a batch; `tables` are those that each call inside of one works on, `recreated`
    the calls in batches that may make the table anew whatever they do.
    """

    entered: frozenset[int]
    tables: dict[int, Expression]
    recreated: frozenset[int]


def batches(reached: Reached, names: Names) -> Batches:
    """`with op.batch_alter_table("t") as batch:` makes calls on `batch` ones on table t."""
    entered: set[int] = set()
    tables: dict[int, Expression] = {}
    recreated: set[int] = set()
    for node in reached.nodes:
        if not isinstance(node, ast.With):
            continue
        for item in node.items:
            call = item.context_expr
            if (
                isinstance(call, ast.Call)
                and names.path(call.func) == _BATCH
                and isinstance(item.optional_vars, ast.Name)
                and call.args
            ):
                entered.add(id(call))
                inner = _calls_on(item.optional_vars.id, node)
                tables |= dict.fromkeys(inner, call.args[0])
                recreate = {each.arg: each.value for each in call.keywords}.get("recreate")
                if recreate is not None and names.text(recreate) not in {"auto", "never"}:
                    recreated |= inner
    return Batches(frozenset(entered), tables, frozenset(recreated))


def _calls_on(name: str, inside: ast.With) -> set[int]:
    return {
        id(node)
        for node in ast.walk(inside)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == name
    }
