"""Runs inside a Heat release's own interpreter (3.8 and later) and answers one JSON object.

It is sent on standard input, with the name of an SQLAlchemy dialect, and loads Heat's models and
nothing else of it: what they say is what the release's queries name.
"""

import importlib
import importlib.util
import json
import sys


def models():
    """Heat's models; they moved with 2023.2."""
    new = importlib.util.find_spec("heat.db.models")
    return importlib.import_module("heat.db.models" if new else "heat.db.sqlalchemy.models")


def automatic(table):
    """The column that the server numbers; SQLAlchemy 1.4 has no public name for it."""
    if hasattr(table, "autoincrement_column"):
        return table.autoincrement_column
    return table._autoincrement_column


def column(each, table, dialect):
    return {
        "name": each.name,
        "type": each.type.compile(dialect),
        "nullable": each.nullable,
        "default": each.default is not None,
        "server_default": each.server_default is not None or each is automatic(table),
    }


def keys(table):
    """The columns of whatever is unique."""
    from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint

    unique = [
        c for c in table.constraints if isinstance(c, (PrimaryKeyConstraint, UniqueConstraint))
    ]
    unique += [index for index in table.indexes if index.unique]
    return sorted({tuple(c.name for c in each.columns) for each in unique if len(each.columns)})


def foreign_key(constraint):
    return {
        "columns": [each.parent.name for each in constraint.elements],
        "table": constraint.elements[0].column.table.name,
        "referred": [each.column.name for each in constraint.elements],
        "on_delete": (constraint.ondelete or "").upper(),
    }


def answer():
    if importlib.util.find_spec("heat") is None:
        return {"error": "Heat is not installed there"}
    dialect = importlib.import_module("sqlalchemy.dialects." + sys.argv[1]).dialect()
    return {
        "tables": [
            {
                "name": table.name,
                "columns": [column(each, table, dialect) for each in table.columns],
                "keys": keys(table),
                "foreign_keys": [foreign_key(each) for each in table.foreign_key_constraints],
            }
            for table in models().BASE.metadata.sorted_tables
        ]
    }


try:
    reply = answer()
except Exception as error:
    reply = {"error": "%s while it was asked for its models" % type(error).__name__}
print(json.dumps(reply))
