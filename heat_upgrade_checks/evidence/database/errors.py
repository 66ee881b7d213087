"""What a database driver's error means for the operator."""

import re

from sqlalchemy.exc import DBAPIError

_START = "start it or correct [database] connection (database.url in the plan)"
_ACCOUNT = (
    "correct the account in [database] connection (database.url and password_env in the plan)"
)
_SELECT = "grant the account SELECT on all of Heat's tables"
_SLOW = "find what blocks it, or raise database.statement_timeout in the plan"

# MariaDB and MySQL error numbers.
_MYSQL = {
    1044: ("its account may not use this database", _SELECT),
    1045: ("the server refuses this account or its password", _ACCOUNT),
    1049: ("the server has no database of this name", "correct the name in [database] connection"),
    1142: ("its account may not read one of Heat's tables", _SELECT),
    1143: ("its account may not read one of the columns", _SELECT),
    1698: ("the server refuses this account or its password", _ACCOUNT),
    1969: ("a statement took longer than database.statement_timeout", _SLOW),
    2002: ("the server cannot be reached", _START),
    2003: ("the server cannot be reached", _START),
    2006: ("the server ended the connection", _START),
    2013: ("the connection was lost while it was read", _START),
    3024: ("a statement took longer than database.statement_timeout", _SLOW),
    1053: ("the server is shutting down", _START),
    1927: ("the server ended the connection", _START),
}
# ER_SPECIFIC_ACCESS_DENIED_ERROR: a privilege of the whole server is lacking.
_SPECIFIC_ACCESS_DENIED = 1227
# ER_DBACCESS_DENIED, ER_TABLEACCESS_DENIED, ER_NO_SUCH_TABLE, ER_SPECIFIC_ACCESS_DENIED.
_DENIED = {1044, 1142, 1146, 1227}
# ER_STATEMENT_TIMEOUT of MariaDB, ER_QUERY_TIMEOUT of MySQL, query_canceled of PostgreSQL.
_TOO_LONG = {1969, 3024, "57014"}
_PASSES_BY = {1040, 1053, 1205, 1213, 1927, 2002, 2003, 2006, 2013}

# PostgreSQL SQLSTATE codes; a connection that fails has none, and is told by libpq's words.
_PARAMETER = "parameter"
_POSTGRESQL = {
    _PARAMETER: (
        "its driver cannot use a parameter of the URL",
        "correct what stands after `?` in [database] connection (database.url in the plan)",
    ),
    "28P01": ("the server refuses this account or its password", _ACCOUNT),
    "28000": ("the server refuses this account or its password", _ACCOUNT),
    "3D000": ("the server has no database of this name", "correct the name in the URL"),
    "42501": ("its account may not read one of Heat's tables", _SELECT),
    "57014": ("a statement took longer than database.statement_timeout", _SLOW),
    "57P01": ("the server is shutting down", _START),
    "57P03": ("the server does not accept connections yet", _START),
}
_LIBPQ_WORDS = {
    "invalid connection option": _PARAMETER,
    "password authentication failed": "28P01",
    "no password supplied": "28P01",
    "does not exist": "3D000",
    "starting up": "57P03",
    "shutting down": "57P01",
}


# Of the driver's own words only the table's name is used, and only where it looks like one.
_DENIED_TABLE = re.compile(
    r"for (?:table|relation) [`\"']?(?:\w+[`\"']?\.[`\"']?)?(?P<name>[a-z_]+)\b"
)


def _number(error: DBAPIError) -> int | None:
    arguments = getattr(error.orig, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None


def _sqlstate(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    if state:
        return str(state)
    words = str(error.orig)
    return next((code for text, code in _LIBPQ_WORDS.items() if text in words), None)


def passes_by(error: BaseException) -> bool:
    """Whether asking again may help: the server was away or busy, not a refusal."""
    if not isinstance(error, DBAPIError):
        return False
    if (number := _number(error)) is not None:
        return number in _PASSES_BY
    return _sqlstate(error) in {None, "57P01", "57P03"} and _is_postgresql(error)


def took_too_long(error: DBAPIError) -> bool:
    """Whether the server ended the statement at `database.statement_timeout`."""
    return _number(error) in _TOO_LONG or getattr(error.orig, "sqlstate", None) in _TOO_LONG


def is_denied(error: DBAPIError) -> bool:
    """Whether MariaDB or MySQL refuses to show this table to the account, or has none of it."""
    return _number(error) in _DENIED


def lacks_process(error: DBAPIError) -> bool:
    """Whether MariaDB or MySQL refuses a table that only the privilege PROCESS shows."""
    return _number(error) == _SPECIFIC_ACCESS_DENIED


def sentence(error: DBAPIError, shown: str) -> str:
    """One sentence on the error; `shown` is the database's address as `secrets.shown` gives it.

    The driver's own words are not repeated: they may quote what they were given.
    """
    number, state = _number(error), _sqlstate(error)
    if number is not None:
        reason, remedy = _MYSQL.get(
            number, (f"the server answered with error {number}", "look it up in the server's log")
        )
    elif _is_postgresql(error):
        reason, remedy = _POSTGRESQL.get(
            state or "",
            (f"the server answered with error {state}", "look it up in the server's log")
            if state
            else ("the server cannot be reached", _START),
        )
    else:
        reason = f"it cannot be read ({type(error.orig).__name__})"
        remedy = "check that the file exists, is whole and may be read"
    denied = _DENIED_TABLE.search(str(error.orig))
    if remedy == _SELECT and denied:
        reason = f"its account may not read table {denied['name']}"
    return f"database {shown}: {reason}; {remedy}"


def _is_postgresql(error: DBAPIError) -> bool:
    return type(error.orig).__module__.startswith("psycopg")
