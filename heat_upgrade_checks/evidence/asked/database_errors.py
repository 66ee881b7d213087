"""Part of a script that runs inside a Heat release's own interpreter (3.8 and later).

What a database and its driver say of a statement that failed, on any server that Heat works on.
"""

import re

# What the server answers when a foreign key refuses: MySQL's numbers and PostgreSQL's SQLSTATE.
REFUSED_BY_FOREIGN_KEY = ("1451", "1452", "23503")

# Names in the words of MariaDB, MySQL, PostgreSQL and SQLite; `db`.`table` on some of them.
NAMED_TABLE = re.compile(
    r"(?:\(`[^`]+`\.`|for (?:table|relation) (?:[`'\"]?[^`'\".\s]+[`'\"]?\.)?[`'\"]?"
    r"|Table '[^'.]+\.|no such table: )(\w+)"
)
NAMED_CONSTRAINT = re.compile(
    r"(?:CONSTRAINT `|for key ['`](?:\w+\.)?|Check constraint '|constraint \")(\w+)"
)
NAMED_COLUMN = re.compile(
    r"(?:[Cc]olumn(?: named|:)?|Field|NULL constraint failed:|UNIQUE constraint failed:) "
    r"[`'\"]?(?:[^`'\".\s]+[`'\"]?\.[`'\"]?)*(\w+)"
)


class Ended(Exception):
    """What is no fault of a table or of the release, in words for the operator."""


def innermost(error):
    """The exception that SQLAlchemy and oslo.db have wrapped: the driver's, where it is one."""
    while True:
        inner = getattr(error, "inner_exception", None) or getattr(error, "orig", None)
        if inner is None:
            return error
        error = inner


def code(error):
    """The driver's number, SQLSTATE or name, else the class of the exception."""
    if type(error).__module__.startswith(("pymysql", "MySQLdb")) and error.args:
        return str(error.args[0])
    known = getattr(error, "pgcode", None) or getattr(error, "sqlite_errorname", None)
    return known or type(error).__name__


def names(error):
    """The table, constraint and column that the server's message names."""
    diagnosis = getattr(error, "diag", None)
    words = str(error.args[-1]) if error.args else ""
    named = {}
    for what, pattern in (
        ("table", NAMED_TABLE),
        ("constraint", NAMED_CONSTRAINT),
        ("column", NAMED_COLUMN),
    ):
        found = pattern.search(words)
        named[what] = getattr(diagnosis, what + "_name", None) or (found.group(1) if found else "")
    return named


def unreachable(error):
    return Ended(
        "the database does not let it in, or lost it (error %s); "
        "look into the log of the database server" % code(innermost(error))
    )
