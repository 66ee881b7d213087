"""What a migration may call that changes nothing; what is in no list here is unknown."""

import re

_OPERATIONS = "f get_bind get_context inline_literal"
# Methods of statements, results, inspectors, connections and Python's own containers.
_METHODS = """
    where values is_ is_not isnot in_ not_in notin_ like update insert delete select label order_by
    limit offset join outerjoin distinct select_from scalar_subquery as_scalar exists bindparams
    cast asc desc correlate fetchall fetchone first one all mappings has_table get_table_names
    get_columns get_indexes get_foreign_keys get_unique_constraints get_pk_constraint
    get_check_constraints begin begin_nested autocommit_block info debug warning
    get keys items append add extend format lower upper split strip startswith endswith
"""
_FUNCTIONS = """
    len list dict set frozenset tuple str int bool float range isinstance print enumerate zip
    sorted reversed any all min max sum
"""
_MODULES = (
    "sqlalchemy.",
    "heat.db.types.",
    "heat.db.sqlalchemy.types.",
    "uuid.",
    "datetime.",
)
# They do more than to describe.
_NOT_HARMLESS = re.compile(r"sqlalchemy\.(.*\.)?(event|orm|create_engine|DDL|ddl)\b")


def is_harmless_operation(name: str) -> bool:
    """Whether something of alembic.op tells the server nothing."""
    return name in _OPERATIONS.split()


def is_harmless_method(name: str) -> bool:
    """Whether a method of this name changes nothing, whatever it is a method of."""
    return name in _METHODS.split()


def is_harmless_function(name: str) -> bool:
    """Whether a function of Python's own changes nothing."""
    return name in _FUNCTIONS.split()


def only_describes(path: str) -> bool:
    """Whether what is imported from there only describes: a column, a type, a statement."""
    return path.startswith(_MODULES) and not _NOT_HARMLESS.match(path)
