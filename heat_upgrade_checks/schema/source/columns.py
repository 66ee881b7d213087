"""What is told of a column that is added or altered."""

import ast
from collections.abc import Mapping
from dataclasses import replace

from heat_upgrade_checks.schema.migrations import ADDS_COLUMN, Operation, Part
from heat_upgrade_checks.schema.source.column_sizes import grows, new_type
from heat_upgrade_checks.schema.source.names import Expression, Names
from heat_upgrade_checks.schema.source.operation_call import OperationCall
from heat_upgrade_checks.schema.source.statements import TEXT, is_literal
from heat_upgrade_checks.schema.source.tables import referred


def adds_column(call: OperationCall) -> Operation:
    """add_column: an older release leaves the column empty, if it may."""
    names = call.names
    column = names.value(call.arguments.get("column"))
    if not (
        isinstance(column, ast.Call)
        and names.path(column.func) in {"sqlalchemy.Column", "sqlalchemy.schema.Column"}
        and not any(isinstance(each, ast.Starred) for each in column.args)
        and all(each.arg for each in column.keywords)
    ):
        return call.unknown("adds a column that only running it tells")
    given = {each.arg: each.value for each in column.keywords}
    name = names.text(column.args[0] if column.args else given.get("name"))
    flags = {
        flag: names.flag(given.get(flag), unset)
        for flag, unset in (("primary_key", False), ("unique", False), ("nullable", True))
    }
    if None in flags.values() or not name:
        return call.unknown("adds a column that only running it tells")
    computed = any(
        isinstance(each, ast.Call)
        and (names.path(each.func) or "").endswith((".Computed", ".Identity"))
        for each in column.args
    )
    filled = computed or names.is_set(given.get("server_default"))
    does = f"{ADDS_COLUMN} {name}"
    refers = tuple(referred(column, names))
    parts = () if flags["primary_key"] else _parts(column, given, computed, names)
    if flags["primary_key"] or flags["unique"]:
        breaks = "its rows may be refused as duplicates"
        return call.told("contract", f"{does}, unique", breaks, (name,), refers, parts)
    if not flags["nullable"] and not filled:
        breaks = "its inserts fail, for it does not fill the column in"
        does = f"{does}, NOT NULL without a server default"
        return call.told("contract", does, breaks, (name,), refers, parts)
    return call.told("expand", does, "", (name,), refers, parts)


def _parts(
    column: ast.Call, given: Mapping[str | None, Expression], computed: bool, names: Names
) -> tuple[Part, ...]:
    """What else alembic makes with a column: each constraint and index is a statement."""
    default = given.get("server_default")
    numbered = names.flag(given.get("autoincrement"), False) is not False
    parts: list[Part] = [
        "add_expression_column"
        if computed or numbered
        else "add_column"
        if default is None or names.is_none(default)
        else "add_constant_column"
        if _is_constant(default, names)
        else "add_expression_column"
    ]
    values = map(names.value, column.args)
    paths = [names.path(each.func) or "" for each in values if isinstance(each, ast.Call)]
    if names.flag(given.get("unique"), False):
        parts.append("add_unique")
    if names.flag(given.get("index"), False) is not False:
        parts.append("create_index")
    if any(path.endswith(".ForeignKey") for path in paths):
        parts.append("add_foreign_key")
    if any(path.endswith(".CheckConstraint") for path in paths):
        parts.append("add_check")
    return tuple(parts)


def _is_constant(default: Expression, names: Names) -> bool:
    """Whether a server's default is the same for every row, as far as its source shows."""
    value = names.value(default)
    if isinstance(value, ast.Call):
        path = names.path(value.func) or ""
        if path in {"sqlalchemy.true", "sqlalchemy.false"}:
            return True
        if path not in TEXT or not value.args:
            return False
        return is_literal(names.text(value.args[0]))
    return bool(names.text(value))


def alters_column(call: OperationCall) -> Operation:
    """alter_column: one call may ask for several things; the one that breaks most is told."""
    names = call.names
    name = call.text("column") or "a column"
    given = {
        key: value
        for key, value in call.arguments.items()
        if key not in {"table", "column", "schema"} and not key.startswith("existing_")
    }
    renamed = given.pop("new_column_name", None) or given.pop("name", None)
    type_ = given.pop("type_", None)
    nullable = given.pop("nullable", None)
    default = given.pop("server_default", None)
    comment = given.pop("comment", None)
    flag = names.flag(nullable, True)
    if given or flag is None:
        return call.unknown(f"alters column {name} in a way that is not known here")
    parts: list[Part] = []
    if type_ is not None:
        parts.append("alter_type")
    if names.is_set(nullable):
        parts.append("drop_not_null" if flag else "set_not_null")
    if default is not None:
        parts.append("set_default")
    if comment is not None:
        parts.append("comment")
    if names.is_set(renamed):
        parts.append("rename_column")
    told = _altered(call, name, renamed, type_, default, flag)
    return replace(told, parts=tuple(parts), new_type=new_type(type_, names))


def _altered(
    call: OperationCall,
    name: str,
    renamed: Expression | None,
    type_: Expression | None,
    default: Expression | None,
    nullable: bool,
) -> Operation:
    names = call.names
    if names.is_set(renamed):
        to = names.text(renamed) or "another name"
        breaks = "its queries name the column as it was"
        return call.told("contract", f"renames column {name} to {to}", breaks, (name,))
    if not nullable:
        breaks = "its rows that leave the column empty are refused"
        return call.told("contract", f"makes column {name} NOT NULL", breaks, (name,))
    if type_ is not None and not grows(call.arguments.get("existing_type"), type_, names):
        does = f"changes the type of column {name} to {ast.unparse(type_)}"
        breaks = "what it writes may not fit, unless the type only grows"
        return call.told("contract", does, breaks, (name,))
    if default is not None and names.is_none(default):
        breaks = "its inserts may rely on it"
        return call.told("contract", f"drops column {name}'s default", breaks, (name,))
    return call.told("expand", f"widens column {name}", "", (name,))
