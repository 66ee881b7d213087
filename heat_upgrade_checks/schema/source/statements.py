"""What is told of statements that are executed, as text or as SQLAlchemy puts them together."""

import ast
import re

from heat_upgrade_checks.schema.migrations import Operation, Part
from heat_upgrade_checks.schema.source.names import Expression, Names
from heat_upgrade_checks.schema.source.operation_call import OperationCall

TEXT = frozenset({"sqlalchemy.text", "sqlalchemy.sql.text"})
_TABLE = frozenset(
    {"sqlalchemy.Table", "sqlalchemy.table", "sqlalchemy.schema.Table", "sqlalchemy.sql.table"}
)
_REWRITTEN = "it may read rows that it did not write so"
# SQL that is the same for every row: a number, a string, TRUE, FALSE or NULL.
_LITERAL = re.compile(r"\s*(-?\d+(\.\d+)?|'[^']*'|true|false|null)\s*", re.I)
_PLAIN = re.compile(
    r"(?P<verb>SELECT|UPDATE|INSERT INTO|DELETE FROM)\s+[`\"]?(?P<table>\w+)[`\"]?", re.I
)


def is_literal(sql: str) -> bool:
    """Whether SQL is the same for every row."""
    return bool(_LITERAL.fullmatch(sql))


def inserts_rows(call: OperationCall) -> Operation:
    """bulk_insert."""
    return _writes(call, "inserts rows", call.arguments.get("rows_of"), "insert_rows")


def executes(call: OperationCall) -> Operation:
    """execute, of alembic's or of a connection's."""
    names = call.names
    statement = names.value(call.arguments.get("statement"))
    if isinstance(statement, ast.Call) and names.path(statement.func) in TEXT:
        statement = names.value(statement.args[0]) if statement.args else None
    sql = names.text(statement)
    if sql:
        return _sql(call, sql)
    verb, of, written = _innermost(statement, names)
    if verb in {"select", "exists"}:
        return _reads(call)
    if verb == "update":
        return _writes(call, f"updates {', '.join(written) or 'rows'}", of, "update_rows", written)
    if verb in {"insert", "delete"}:
        part: Part = "insert_rows" if verb == "insert" else "update_rows"
        return _writes(call, f"{verb}s rows", of, part)
    return call.unknown("executes a statement that only running it tells")


def _sql(call: OperationCall, sql: str) -> Operation:
    """A statement as text: what is no plain SELECT, INSERT, UPDATE or DELETE is unknown."""
    shown = " ".join(sql.split()).rstrip("; ")
    match = _PLAIN.match(shown)
    if match is None or ";" in shown:
        return call.unknown(f"executes {shown[:80]!r}")
    verb = match["verb"].upper()
    if verb == "SELECT":
        return _reads(call)
    does = {"UPDATE": "updates rows", "INSERT INTO": "inserts rows"}.get(verb, "deletes rows")
    part: Part = "insert_rows" if verb == "INSERT INTO" else "update_rows"
    return Operation("data", match["table"], (), (), does, _REWRITTEN, call.line, (part,))


def _reads(call: OperationCall) -> Operation:
    return call.told("expand", "reads rows", parts=("read_rows",))


def _writes(
    call: OperationCall,
    does: str,
    of: Expression | None,
    part: Part,
    columns: tuple[str, ...] = (),
) -> Operation:
    table = call.names.value(of)
    name = ""
    if isinstance(table, ast.Call) and _is_table(table, call.names):
        name = call.names.text(table.args[0] if table.args else None)
    return Operation("data", name, columns, (), does, _REWRITTEN, call.line, (part,))


def _innermost(
    statement: Expression | None, names: Names
) -> tuple[str, Expression | None, tuple[str, ...]]:
    """Of `table.update().where(...).values(...)`: update, the table, and what is written."""
    written: tuple[str, ...] = ()
    seen: list[Expression] = []
    # A statement may be made of itself, by a name that it is given again.
    while isinstance(statement, ast.Call) and statement not in seen:
        seen.append(statement)
        function = statement.func
        if (names.path(function) or "").startswith("sqlalchemy."):
            verb = ast.unparse(function).rpartition(".")[2]
            return verb, statement.args[0] if statement.args else None, written
        if not isinstance(function, ast.Attribute):
            break
        if function.attr == "values":
            written += _written(statement, names)
        inner = names.value(function.value)
        if not isinstance(inner, ast.Call) or _is_table(inner, names):
            return function.attr, inner, written
        statement = inner
    return "", None, ()


def _is_table(call: ast.Call, names: Names) -> bool:
    return names.path(call.func) in _TABLE


def _written(values: ast.Call, names: Names) -> tuple[str, ...]:
    found = [each.arg or "" for each in values.keywords]
    for each in values.args:
        keys = each.keys if isinstance(each, ast.Dict) else [None]
        found += [names.text(key) for key in keys]
    # A name that cannot be told stands for any column.
    return tuple(name or "?" for name in found)
