"""Reads from a migration's source what it does, without running it.

Both ways of every condition count. Whatever cannot be followed is "unknown", never harmless: a call
must be one of alembic's operations, or stand in a list of what changes nothing.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from heat_upgrade_checks.schema.migrations import (
    ADDS_COLUMN,
    CREATES_TABLE,
    Kind,
    Migration,
    Operation,
    Part,
)

_NUMBERED = re.compile(r"(\d+)_\w+\.py")

# What alembic calls the arguments of its operations (alembic/op.pyi); inside a
# batch_alter_table, the one that names the table is left out.
_OPERATIONS: dict[str, tuple[str, ...]] = {
    "add_column": ("table", "column"),
    "alter_column": ("table", "column"),
    "bulk_insert": ("rows_of", "rows"),
    "create_check_constraint": ("name", "table", "condition"),
    "create_exclude_constraint": ("name", "table"),
    "create_foreign_key": ("name", "table", "referent_table", "columns", "remote_cols"),
    "create_index": ("name", "table", "columns"),
    "create_primary_key": ("name", "table", "columns"),
    "create_table": ("table",),
    "create_table_comment": ("table", "comment"),
    "create_unique_constraint": ("name", "table", "columns"),
    "drop_column": ("table", "column"),
    "drop_constraint": ("name", "table", "type_"),
    "drop_index": ("name", "table"),
    "drop_table": ("table",),
    "drop_table_comment": ("table",),
    "execute": ("statement",),
    "rename_table": ("table", "new_table_name"),
}
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
_NO_OPERATION = {"f", "get_bind", "get_context", "inline_literal"}
_EXECUTE = {"execute", "exec_driver_sql", "executemany", "scalar", "scalars"}
# Methods of statements, results, inspectors, connections and Python's own containers.
_HARMLESS_METHODS = """
    where values is_ is_not isnot in_ not_in notin_ like update insert delete select label order_by
    limit offset join outerjoin distinct select_from scalar_subquery as_scalar exists bindparams
    cast asc desc correlate fetchall fetchone first one all mappings has_table get_table_names
    get_columns get_indexes get_foreign_keys get_unique_constraints get_pk_constraint
    get_check_constraints begin begin_nested autocommit_block info debug warning
    get keys items append add extend format lower upper split strip startswith endswith
"""
_HARMLESS_FUNCTIONS = """
    len list dict set frozenset tuple str int bool float range isinstance print enumerate zip
    sorted reversed any all min max sum
"""
_HARMLESS_MODULES = (
    "sqlalchemy.",
    "heat.db.types.",
    "heat.db.sqlalchemy.types.",
    "uuid.",
    "datetime.",
)
# They do more than to describe.
_NOT_HARMLESS = re.compile(r"sqlalchemy\.(.*\.)?(event|orm|create_engine|DDL|ddl)\b")
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

# SQL that is the same for every row: a number, a string, TRUE, FALSE or NULL.
_LITERAL = re.compile(r"\s*(-?\d+(\.\d+)?|'[^']*'|true|false|null)\s*", re.I)

Expression = ast.expr


def read(file: str, source: str) -> Migration:
    """One file of alembic's or of sqlalchemy-migrate's.

    :raises ValueError: it is not one.
    """
    tree = ast.parse(source)
    place: tuple[str, tuple[str, ...]]
    if numbered := _NUMBERED.fullmatch(file):
        place = str(int(numbered[1])), (str(int(numbered[1]) - 1),)
    else:
        place = _place(tree)
    return Migration(*place, file, tuple(_Source(tree).operations()))


def _place(tree: ast.Module) -> tuple[str, tuple[str, ...]]:
    """Its revision, and those that it follows or depends on."""
    given: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {each.id for each in targets if isinstance(each, ast.Name)}
            for name in names & {"revision", "down_revision", "depends_on"}:
                given[name] = ast.literal_eval(node.value)
    if not isinstance(given.get("revision"), str) or "down_revision" not in given:
        raise ValueError("no revision")
    previous: list[str] = []
    for value in (given["down_revision"], given.get("depends_on")):
        previous += [value] if isinstance(value, str) else value or ()
    return given["revision"], tuple(previous)


@dataclass(frozen=True)
class _Call:
    """One operation with its arguments by name; `columns` are create_table's."""

    name: str
    arguments: Mapping[str, Expression]
    rest: tuple[Expression, ...]
    line: int


class _Source:
    """One migration's syntax tree."""

    def __init__(self, tree: ast.Module) -> None:
        self._definitions = {
            node.name: node
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        self._imports = _imports(tree)
        self._roots = self._reachable(tree)
        self._nodes = [node for root in self._roots for node in ast.walk(root)]
        self._inner = {
            node.name for node in self._nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
        self._values: dict[str, list[Expression | None]] = {}
        self._collect_values()
        self._tables: dict[int, Expression] = {}
        self._recreated: set[int] = set()
        self._followed: set[int] = set()

    def operations(self) -> Iterator[Operation]:
        """What it does, in the order of its lines."""
        if "upgrade" not in self._definitions:
            yield _unknown(1, "has no upgrade() of its own")
            return
        bound = self._values.keys() & {*self._definitions, *self._imports}
        found = [_unknown(1, f"binds {name} a second time") for name in sorted(bound)]
        found += [
            _unknown(node.lineno, f"decorates {node.name}")
            for node in self._nodes
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.decorator_list
        ]
        found += [
            _unknown(node.lineno, f"sets {ast.unparse(node)}")
            for node in self._nodes
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        ]
        self._enter_batches()
        found += [
            each for node in self._nodes if isinstance(node, ast.Call) for each in self._call(node)
        ]
        found += [
            _unknown(node.lineno, f"hands on {node.id}")
            for node in self._nodes
            if isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Load)
            and id(node) not in self._followed
            and (self._imports.get(node.id) or "").partition(".")[0] == "alembic"
        ]
        yield from sorted(found, key=lambda each: each.line)

    # --- what is looked at

    def _reachable(self, tree: ast.Module) -> list[ast.AST]:
        """What runs: the module itself, upgrade(), and every definition that these name."""
        roots: list[ast.AST] = [
            node for node in tree.body if node not in self._definitions.values()
        ]
        waiting = [*roots, *(self._definitions[n] for n in ("upgrade",) if n in self._definitions)]
        seen: list[ast.AST] = []
        while waiting:
            node = waiting.pop(0)
            if node in seen:
                continue
            seen.append(node)
            names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            waiting += [self._definitions[name] for name in names if name in self._definitions]
        return seen

    def _collect_values(self) -> None:
        """What each name stands for; None where it is not simply assigned."""
        simple: set[int] = set()
        for node in self._nodes:
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
                if isinstance(target, ast.Name):
                    simple.add(id(target))
                    self._values.setdefault(target.id, []).append(node.value)
        for node in self._nodes:
            if isinstance(node, ast.arg):
                self._values.setdefault(node.arg, []).append(None)
            elif (
                isinstance(node, ast.Name)
                and isinstance(node.ctx, ast.Store)
                and id(node) not in simple
            ):
                self._values.setdefault(node.id, []).append(None)

    def _enter_batches(self) -> None:
        """`with op.batch_alter_table("t") as batch:` makes calls on `batch` ones on table t."""
        for node in self._nodes:
            if not isinstance(node, ast.With):
                continue
            for item in node.items:
                call = item.context_expr
                if (
                    isinstance(call, ast.Call)
                    and self._path(call.func) == "alembic.op.batch_alter_table"
                    and isinstance(item.optional_vars, ast.Name)
                    and call.args
                ):
                    self._follow(call.func)
                    name = item.optional_vars.id
                    recreate = {each.arg: each.value for each in call.keywords}.get("recreate")
                    kept = recreate is None or self._text(recreate) in {"auto", "never"}
                    for inner in ast.walk(node):
                        if (
                            isinstance(inner, ast.Call)
                            and isinstance(inner.func, ast.Attribute)
                            and isinstance(inner.func.value, ast.Name)
                            and inner.func.value.id == name
                        ):
                            self._tables[id(inner)] = call.args[0]
                            if not kept:
                                self._recreated.add(id(inner))

    # --- what a call does

    def _call(self, node: ast.Call) -> Iterator[Operation]:
        function, line = node.func, node.lineno
        path = self._path(function)
        shown = ast.unparse(function)
        if id(node) in self._tables and isinstance(function, ast.Attribute):
            yield from self._operation(function.attr, node, self._tables[id(node)])
        elif path is not None and path.startswith("alembic.op."):
            name = path.removeprefix("alembic.op.")
            batch = name == "batch_alter_table" and id(_root(function)) in self._followed
            self._follow(function)
            if not batch:
                yield from self._operation(name, node, None)
        elif path is not None:
            known = path.startswith(_HARMLESS_MODULES) and not _NOT_HARMLESS.match(path)
            if not known:
                yield _unknown(line, f"calls {shown}")
        elif isinstance(function, ast.Name):
            if function.id not in self._inner and (
                function.id not in _HARMLESS_FUNCTIONS.split() or function.id in self._values
            ):
                yield _unknown(line, f"calls {shown}")
        elif isinstance(function, ast.Attribute) and function.attr in _EXECUTE:
            if node.args or node.keywords:
                yield from self._operation("execute", node, None)
            elif function.attr == "execute":
                # SQLAlchemy 1's statements execute themselves; scalar() of a result only reads.
                yield self._execute(_Call("execute", {"statement": function.value}, (), line))
        elif not (
            isinstance(function, ast.Attribute) and function.attr in _HARMLESS_METHODS.split()
        ):
            yield _unknown(line, f"calls {shown}")

    def _operation(
        self, name: str, node: ast.Call, batch: Expression | None
    ) -> Iterator[Operation]:
        if name in _NO_OPERATION:
            return
        signature = _OPERATIONS.get(name)
        starred = any(isinstance(each, ast.Starred) for each in node.args)
        if signature is None or starred or any(each.arg is None for each in node.keywords):
            yield _unknown(node.lineno, f"runs op.{name} in a way that is not known here")
            return
        if batch is not None:
            signature = tuple(each for each in signature if each != "table")
        arguments = dict(zip(signature, node.args, strict=False))
        for each in node.keywords:
            arguments[_SPELLINGS.get(each.arg or "", each.arg or "")] = each.value
        if batch is not None:
            arguments["table"] = batch
        call = _Call(name, arguments, tuple(node.args[len(signature) :]), node.lineno)
        told = self._told(call)
        if id(node) in self._recreated and told.parts:
            told = replace(told, parts=(*told.parts, "recreate_table"))
        yield told

    def _told(self, call: _Call) -> Operation:
        match call.name:
            case "create_table":
                return self._create_table(call)
            case "add_column":
                return self._add_column(call)
            case "alter_column":
                return self._alter_column(call)
            case "create_index":
                return self._create_index(call)
            case "create_foreign_key":
                refers = (self._text(call.arguments.get("referent_table")),)
                return self._say(
                    "contract",
                    call,
                    f"adds a foreign key to {refers[0] or 'a table'}",
                    "its rows may be refused, and its deletes of what they refer to",
                    refers=refers,
                    parts=("add_foreign_key",),
                )
            case "drop_constraint":
                return self._drop_constraint(call)
            case "execute":
                return self._execute(call)
            case "bulk_insert":
                return self._data(
                    call, "inserts rows", call.arguments.get("rows_of"), (), inserts=True
                )
            case "create_table_comment" | "drop_table_comment":
                return self._say("expand", call, "changes the table's comment", parts=("comment",))
        does, breaks, part = _TAKES_AWAY[call.name]
        columns = ", ".join(self._columns(call)) or "that only running it tells"
        return self._say("contract", call, does.format(columns), breaks, parts=(part,))

    def _create_table(self, call: _Call) -> Operation:
        refers: list[str] = []
        for each in map(self._value, call.rest):
            if not (
                isinstance(each, ast.Call)
                and (self._path(each.func) or "").startswith("sqlalchemy.")
            ):
                return _unknown(call.line, "creates a table with parts that only running it tells")
            refers += self._referred(each)
        return self._say(
            "expand", call, CREATES_TABLE, refers=tuple(refers), parts=("create_table",)
        )

    def _add_column(self, call: _Call) -> Operation:
        column = self._value(call.arguments.get("column"))
        if not (
            isinstance(column, ast.Call)
            and self._path(column.func) in {"sqlalchemy.Column", "sqlalchemy.schema.Column"}
            and not any(isinstance(each, ast.Starred) for each in column.args)
            and all(each.arg for each in column.keywords)
        ):
            return _unknown(call.line, "adds a column that only running it tells")
        given = {each.arg: each.value for each in column.keywords}
        name = self._text(column.args[0] if column.args else given.get("name"))
        flags = {
            flag: self._flag(given.get(flag), unset)
            for flag, unset in (("primary_key", False), ("unique", False), ("nullable", True))
        }
        if None in flags.values() or not name:
            return _unknown(call.line, "adds a column that only running it tells")
        computed = any(
            isinstance(each, ast.Call)
            and (self._path(each.func) or "").endswith((".Computed", ".Identity"))
            for each in column.args
        )
        default = given.get("server_default")
        filled = computed or not (default is None or self._is_none(default))
        does = f"{ADDS_COLUMN} {name}"
        refers = tuple(self._referred(column))
        parts = () if flags["primary_key"] else self._parts_of_column(column, given, computed)
        if flags["primary_key"] or flags["unique"]:
            breaks = "its rows may be refused as duplicates"
            return self._say("contract", call, f"{does}, unique", breaks, (name,), refers, parts)
        if not flags["nullable"] and not filled:
            breaks = "its inserts fail, for it does not fill the column in"
            does = f"{does}, NOT NULL without a server default"
            return self._say("contract", call, does, breaks, (name,), refers, parts)
        return self._say("expand", call, does, "", (name,), refers, parts)

    def _parts_of_column(
        self, column: ast.Call, given: Mapping[str | None, Expression], computed: bool
    ) -> tuple[Part, ...]:
        """What else alembic makes with a column: each constraint and index is a statement."""
        default = given.get("server_default")
        numbered = self._flag(given.get("autoincrement"), False) is not False
        parts: list[Part] = [
            "add_expression_column"
            if computed or numbered
            else "add_column"
            if default is None or self._is_none(default)
            else "add_constant_column"
            if self._is_constant(default)
            else "add_expression_column"
        ]
        values = map(self._value, column.args)
        paths = [self._path(each.func) or "" for each in values if isinstance(each, ast.Call)]
        if self._flag(given.get("unique"), False):
            parts.append("add_unique")
        if self._flag(given.get("index"), False) is not False:
            parts.append("create_index")
        if any(path.endswith(".ForeignKey") for path in paths):
            parts.append("add_foreign_key")
        if any(path.endswith(".CheckConstraint") for path in paths):
            parts.append("add_check")
        return tuple(parts)

    def _is_constant(self, default: Expression) -> bool:
        """Whether a server's default is the same for every row, as far as its source shows."""
        value = self._value(default)
        if isinstance(value, ast.Call):
            path = self._path(value.func) or ""
            if path in {"sqlalchemy.true", "sqlalchemy.false"}:
                return True
            if path not in {"sqlalchemy.text", "sqlalchemy.sql.text"} or not value.args:
                return False
            return bool(_LITERAL.fullmatch(self._text(value.args[0])))
        return bool(self._text(value))

    def _alter_column(self, call: _Call) -> Operation:
        name = self._text(call.arguments.get("column")) or "a column"
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
        flag = self._flag(nullable, True)
        if given or flag is None:
            return _unknown(call.line, f"alters column {name} in a way that is not known here")
        parts: list[Part] = []
        if type_ is not None:
            parts.append("alter_type")
        if nullable is not None and not self._is_none(nullable):
            parts.append("drop_not_null" if flag else "set_not_null")
        if default is not None:
            parts.append("set_default")
        if comment is not None:
            parts.append("comment")
        if renamed is not None and not self._is_none(renamed):
            parts.append("rename_column")
        told = self._told_of_column(call, name, renamed, type_, default, flag)
        return replace(told, parts=tuple(parts), new_type=self._new_type(type_))

    def _told_of_column(
        self,
        call: _Call,
        name: str,
        renamed: Expression | None,
        type_: Expression | None,
        default: Expression | None,
        nullable: bool,
    ) -> Operation:
        if renamed is not None and not self._is_none(renamed):
            to = self._text(renamed) or "another name"
            breaks = "its queries name the column as it was"
            return self._say("contract", call, f"renames column {name} to {to}", breaks, (name,))
        if not nullable:
            breaks = "its rows that leave the column empty are refused"
            return self._say("contract", call, f"makes column {name} NOT NULL", breaks, (name,))
        if type_ is not None and not self._grows(call.arguments.get("existing_type"), type_):
            does = f"changes the type of column {name} to {ast.unparse(type_)}"
            breaks = "what it writes may not fit, unless the type only grows"
            return self._say("contract", call, does, breaks, (name,))
        if default is not None and self._is_none(default):
            breaks = "its inserts may rely on it"
            return self._say("contract", call, f"drops column {name}'s default", breaks, (name,))
        return self._say("expand", call, f"widens column {name}", "", (name,))

    def _create_index(self, call: _Call) -> Operation:
        unique = self._flag(call.arguments.get("unique"), False)
        if unique is None:
            return _unknown(call.line, "creates an index that only running it tells to be unique")
        if unique:
            columns = ", ".join(self._columns(call)) or "what only running it tells"
            does = f"creates a unique index on {columns}"
            return self._say("contract", call, does, _REFUSED, parts=("create_index",))
        return self._say("expand", call, "creates an index", parts=("create_index",))

    def _drop_constraint(self, call: _Call) -> Operation:
        type_ = self._text(call.arguments.get("type_"))
        if type_ == "check":
            return self._say("expand", call, "drops a check constraint", parts=("drop_check",))
        part = _DROPS.get(type_)
        if part is None:
            return _unknown(call.line, "drops a constraint of a type that it does not name")
        breaks = (
            "its deletes may rely on what follows them"
            if type_ == "foreignkey"
            else "it relies on duplicates being refused"
        )
        return self._say("contract", call, f"drops a {type_} constraint", breaks, parts=(part,))

    # --- statements

    def _execute(self, call: _Call) -> Operation:
        statement = self._value(call.arguments.get("statement"))
        if isinstance(statement, ast.Call) and self._path(statement.func) in {
            "sqlalchemy.text",
            "sqlalchemy.sql.text",
        }:
            statement = self._value(statement.args[0]) if statement.args else None
        sql = self._text(statement)
        if sql:
            return self._sql(call, sql)
        verb, of, values = self._innermost(statement)
        if verb in {"select", "exists"}:
            return self._say("expand", call, "reads rows", parts=("read_rows",))
        if verb == "update":
            return self._data(call, f"updates {', '.join(values) or 'rows'}", of, values)
        if verb in {"insert", "delete"}:
            return self._data(call, f"{verb}s rows", of, (), inserts=verb == "insert")
        return _unknown(call.line, "executes a statement that only running it tells")

    def _innermost(
        self, statement: Expression | None
    ) -> tuple[str, Expression | None, tuple[str, ...]]:
        """Of `table.update().where(...).values(...)`: update, the table, and what is written."""
        written: tuple[str, ...] = ()
        while isinstance(statement, ast.Call):
            function = statement.func
            if (self._path(function) or "").startswith("sqlalchemy."):
                verb = ast.unparse(function).rpartition(".")[2]
                return verb, statement.args[0] if statement.args else None, written
            if not isinstance(function, ast.Attribute):
                break
            if function.attr == "values":
                written += self._written(statement)
            inner = self._value(function.value)
            if not isinstance(inner, ast.Call) or self._is_table(inner):
                return function.attr, inner, written
            statement = inner
        return "", None, ()

    def _is_table(self, call: ast.Call) -> bool:
        return self._path(call.func) in {
            f"sqlalchemy.{name}" for name in ("Table", "table", "schema.Table", "sql.table")
        }

    def _sql(self, call: _Call, sql: str) -> Operation:
        """A statement as text: what is no plain SELECT, INSERT, UPDATE or DELETE is unknown."""
        shown = " ".join(sql.split()).rstrip("; ")
        match = re.match(
            r"(?P<verb>SELECT|UPDATE|INSERT INTO|DELETE FROM)\s+[`\"]?(?P<table>\w+)[`\"]?",
            shown,
            re.I,
        )
        if match is None or ";" in shown:
            return _unknown(call.line, f"executes {shown[:80]!r}")
        verb = match["verb"].upper()
        if verb == "SELECT":
            return self._say("expand", call, "reads rows", parts=("read_rows",))
        does = {"UPDATE": "updates rows", "INSERT INTO": "inserts rows"}.get(verb, "deletes rows")
        part: Part = "insert_rows" if verb == "INSERT INTO" else "update_rows"
        return Operation("data", match["table"], (), (), does, _REWRITTEN, call.line, (part,))

    def _written(self, call: ast.Call) -> tuple[str, ...]:
        names = [each.arg or "" for each in call.keywords]
        for each in call.args:
            keys = each.keys if isinstance(each, ast.Dict) else [None]
            names += [self._text(key) for key in keys]
        # A name that cannot be told stands for any column.
        return tuple(name or "?" for name in names)

    def _data(
        self,
        call: _Call,
        does: str,
        of: Expression | None,
        columns: tuple[str, ...],
        *,
        inserts: bool = False,
    ) -> Operation:
        table = self._value(of)
        name = ""
        if isinstance(table, ast.Call) and self._is_table(table):
            name = self._text(table.args[0] if table.args else None)
        part: Part = "insert_rows" if inserts else "update_rows"
        return Operation("data", name, columns, (), does, _REWRITTEN, call.line, (part,))

    # --- expressions

    def _say(
        self,
        kind: Kind,
        call: _Call,
        does: str,
        breaks: str = "",
        columns: tuple[str, ...] | None = None,
        refers: tuple[str, ...] = (),
        parts: tuple[Part, ...] = (),
    ) -> Operation:
        if columns is None:
            columns = self._columns(call)
        table = self._text(call.arguments.get("table"))
        return Operation(kind, table, columns, refers, does, breaks, call.line, parts)

    def _columns(self, call: _Call) -> tuple[str, ...]:
        given = self._value(call.arguments.get("columns") or call.arguments.get("column"))
        several = given.elts if isinstance(given, ast.List | ast.Tuple) else [given]
        return tuple(name for name in map(self._text, several) if name)

    def _referred(self, call: ast.Call) -> Iterator[str]:
        """The tables that the foreign keys in a column or a constraint refer to."""
        for node in ast.walk(call):
            if isinstance(node, ast.Call):
                path = self._path(node.func) or ""
                targets: list[Expression] = []
                if path.endswith(".ForeignKey"):
                    targets = node.args[:1] or [
                        each.value for each in node.keywords if each.arg == "column"
                    ]
                elif path.endswith(".ForeignKeyConstraint"):
                    given = node.args[1:2] or [
                        each.value for each in node.keywords if each.arg == "refcolumns"
                    ]
                    for each in map(self._value, given):
                        targets += each.elts if isinstance(each, ast.List | ast.Tuple) else []
                for target in targets:
                    table = self._text(target).rpartition(".")[0]
                    if table:
                        yield table

    def _grows(self, existing: Expression | None, new: Expression) -> bool:
        before, after = self._size(existing), self._size(new)
        return bool(before and after and before[0] == after[0] and before[1] <= after[1])

    def _new_type(self, type_: Expression | None) -> str:
        value = self._value(type_)
        path = self._path(value.func if isinstance(value, ast.Call) else value) or ""
        size = self._size(type_)
        if size is None or size[0] != "text":
            return ""
        return "TEXT" if path.endswith("Text") else f"VARCHAR({size[1]})"

    def _size(self, type_: Expression | None) -> tuple[str, int] | None:
        type_ = self._value(type_)
        call = type_ if isinstance(type_, ast.Call) else None
        path = self._path(call.func if call else type_) or ""
        known = _GROWS.get(path.rpartition(".")[2]) if path.startswith("sqlalchemy.") else None
        if known is None or "dialects" in path:
            return None
        kind, size = known
        arguments = [*call.args, *(each.value for each in call.keywords)] if call else []
        if size is not None:
            return None if arguments else (kind, size)
        length = self._value(arguments[0]) if len(arguments) == 1 else None
        if isinstance(length, ast.Constant) and isinstance(length.value, int):
            return kind, length.value
        return None

    def _path(self, expression: Expression | None) -> str | None:
        """Where a dotted name was imported from, or None where it was not."""
        parts: list[str] = []
        while isinstance(expression, ast.Attribute):
            parts.append(expression.attr)
            expression = expression.value
        if not isinstance(expression, ast.Name) or expression.id not in self._imports:
            return None
        return ".".join([self._imports[expression.id], *reversed(parts)])

    def _follow(self, function: Expression) -> None:
        self._followed.add(id(_root(function)))

    def _value(self, expression: Expression | None) -> Expression | None:
        """What a name stands for where it is assigned once, else the expression itself."""
        for _ in range(5):
            if not isinstance(expression, ast.Name):
                break
            values = self._values.get(expression.id, [])
            if len(values) != 1 or values[0] is None:
                break
            expression = values[0]
        return expression

    def _text(self, expression: Expression | None) -> str:
        """A string that stands in the source, else nothing."""
        expression = self._value(expression)
        if isinstance(expression, ast.Call) and self._path(expression.func) in {
            "alembic.op.f",
            "sqlalchemy.sql.quoted_name",
        }:
            expression = self._value(expression.args[0]) if expression.args else None
        if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
            return expression.value
        return ""

    def _flag(self, expression: Expression | None, unset: bool) -> bool | None:
        """True or False as it stands in the source, `unset` where nothing does, None if unclear."""
        if expression is None:
            return unset
        value = self._value(expression)
        if isinstance(value, ast.Constant) and value.value in {True, False, None}:
            return unset if value.value is None else bool(value.value)
        return None

    def _is_none(self, expression: Expression) -> bool:
        value = self._value(expression)
        return isinstance(value, ast.Constant) and value.value is None


_REFUSED = "its rows may be refused as duplicates"
_REWRITTEN = "it may read rows that it did not write so"
# Of operations that never only add: what they do, and what that means for an older release.
_TAKES_AWAY: dict[str, tuple[str, str, Part]] = {
    "create_check_constraint": ("adds a check constraint", "its rows may be refused", "add_check"),
    "create_exclude_constraint": (
        "adds an exclusion constraint",
        "its rows may be refused",
        "add_exclusion",
    ),
    "create_primary_key": ("adds a primary key on {}", _REFUSED, "add_primary_key"),
    "create_unique_constraint": ("adds a unique constraint on {}", _REFUSED, "add_unique"),
    "drop_column": ("drops column {}", "its queries name the column", "drop_column"),
    "drop_index": (
        "drops an index",
        "it relies on duplicates being refused, if that was unique",
        "drop_index",
    ),
    "drop_table": ("drops the table", "its queries name the table", "drop_table"),
    "rename_table": (
        "renames the table",
        "its queries name the table as it was",
        "rename_table",
    ),
}
_DROPS: dict[str, Part] = {
    "foreignkey": "drop_foreign_key",
    "primary": "drop_primary_key",
    "unique": "drop_index",
}


def _imports(tree: ast.Module) -> dict[str, str]:
    """The names that are imported anywhere in the file, with where from."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                root = each.name.partition(".")[0]
                found[each.asname or root] = each.name if each.asname else root
        elif isinstance(node, ast.ImportFrom):
            for each in node.names:
                found[each.asname or each.name] = (
                    f"{'.' * node.level}{node.module or ''}.{each.name}"
                )
    return found


def _root(expression: Expression) -> Expression:
    while isinstance(expression, ast.Attribute):
        expression = expression.value
    return expression


def _unknown(line: int, does: str) -> Operation:
    return Operation("unknown", "", (), (), does, "", line)
