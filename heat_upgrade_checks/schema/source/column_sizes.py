"""Which types of columns hold what others held, as they stand in a migration's source."""

import ast

from heat_upgrade_checks.schema.source.names import Expression, Names

# Sizes by which a type grows; text in characters, numbers in bytes.
_GROWS = {
    "SmallInteger": ("integer", 2),
    "Integer": ("integer", 4),
    "BigInteger": ("integer", 8),
    "Text": ("text", 2**16 // 4),
    "UnicodeText": ("text", 2**16 // 4),
    "String": ("text", None),
    "Unicode": ("text", None),
}


def grows(existing: Expression | None, new: Expression, names: Names) -> bool:
    """Whether the new type holds every value of the existing one."""
    before, after = _size(existing, names), _size(new, names)
    return bool(before and after and before[0] == after[0] and before[1] <= after[1])


def new_type(type_: Expression | None, names: Names) -> str:
    """`VARCHAR(n)` or `TEXT`, empty where it is none of these."""
    value = names.value(type_)
    path = names.path(value.func if isinstance(value, ast.Call) else value) or ""
    size = _size(type_, names)
    if size is None or size[0] != "text":
        return ""
    return "TEXT" if path.endswith("Text") else f"VARCHAR({size[1]})"


def _size(type_: Expression | None, names: Names) -> tuple[str, int] | None:
    type_ = names.value(type_)
    call = type_ if isinstance(type_, ast.Call) else None
    path = names.path(call.func if call else type_) or ""
    known = _GROWS.get(path.rpartition(".")[2]) if path.startswith("sqlalchemy.") else None
    if known is None or "dialects" in path:
        return None
    kind, size = known
    arguments = [*call.args, *(each.value for each in call.keywords)] if call else []
    if size is not None:
        return None if arguments else (kind, size)
    length = names.value(arguments[0]) if len(arguments) == 1 else None
    if isinstance(length, ast.Constant) and isinstance(length.value, int):
        return kind, length.value
    return None
