"""What of a database server's error may be told: never a value of the operator's rows."""

import ast
import re

# Errors of MariaDB and MySQL whose text names tables, columns, keys and accounts, and nothing else.
_NAMES_ONLY = {
    *(1005, 1025, 1044, 1050, 1051, 1054, 1059, 1060, 1061, 1068, 1069, 1070, 1071, 1072, 1075),
    *(1091, 1101, 1103, 1113, 1114, 1118, 1142, 1143, 1146, 1170, 1205, 1206, 1213, 1215, 1217),
    *(1235, 1267, 1273, 1364, 1451, 1553, 1822, 1825, 1826, 1828, 1829, 1832, 1833, 1834, 1845),
    *(1846, 2006, 2013, 3756, 3780, 3823, 4031),
}
# Classes of psycopg2 and sqlite3 of which the same is true of the first line.
_NAMING = re.compile(
    r"psycopg2\.errors\.(?:Undefined|Duplicate|Insufficient|Dependent|Datatype|Foreign|NotNull"
    r"|Unique|Lock|Deadlock|Feature)\w*|sqlite3\.\w+"
)
_MYSQL = re.compile(r"\((?:pymysql|MySQLdb)[\w.]*\) (\(.*\))")
_OTHER = re.compile(r"\(((?:psycopg2|sqlite3)[\w.]*)\) ?(.*)")
# alembic.util.exc.CommandError, of a database that a newer release has migrated.
_ALEMBIC = re.compile(r"ERROR: (Can't locate revision identified by '\w+')")


def server_words(line: str) -> str:
    """What a line of heat-manage's output tells of the server's error; "" for any other line."""
    if found := _MYSQL.search(line):
        return _mysql(found[1])
    if found := _OTHER.search(line):
        return f"{found[2]} ({found[1]})" if _NAMING.fullmatch(found[1]) else found[1]
    found = _ALEMBIC.search(line)
    return found[1] if found else ""


def server_error(line: str) -> str:
    """The number or name of the server's error in such a line; of SQLite's, its text with it."""
    if found := _MYSQL.search(line):
        number = re.match(r"\((\d+),", found[1])
        return number[1] if number else ""
    if found := _OTHER.search(line):
        return f"{found[1]}: {found[2]}" if found[1].startswith("sqlite3") else found[1]
    return ""


def _mysql(arguments: str) -> str:
    try:
        number, text = ast.literal_eval(arguments)
    except (ValueError, SyntaxError, TypeError):
        return "an error of the server's"
    return f"error {number}: {text}" if number in _NAMES_ONLY else f"error {number}"
