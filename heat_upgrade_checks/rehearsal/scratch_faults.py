"""Errors that are the scratch server's own: they say nothing of the backup or of the target."""

_RIGHTS = "the account may not do this; grant that of rehearsal.url all privileges on its database"
_SPACE = (
    "there is no space left; set TMPDIR to a folder with more room, or make some where "
    "rehearsal.url leads"
)
_FILES = "it cannot read or write its files; see the disk, or set TMPDIR to another folder"
_RESOURCES = "it has no memory, locks or connections left; give it more"
_READ_ONLY = "it accepts no change; name another one in rehearsal.url"
AWAY = "the scratch server or its client went away; see that memory and disk space are to spare"

# Error numbers of MariaDB and MySQL (mariadb.com/kb/en/mariadb-error-code-reference).
_NUMBERS = {
    **dict.fromkeys(("1044", "1045", "1142", "1227", "1698"), _RIGHTS),
    **dict.fromkeys(("1021", "1114"), _SPACE),
    **dict.fromkeys(("3", "1026", "1030"), _FILES),
    **dict.fromkeys(("1037", "1038", "1040", "1041", "1206"), _RESOURCES),
    **dict.fromkeys(("1290", "1836"), _READ_ONLY),
    **dict.fromkeys(("1053", "1317", "1927", "2002", "2003", "2006", "2013"), AWAY),
}
# PostgreSQL's SQLSTATE codes and, by their first two characters, classes of them
# (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_STATES = {"42501": _RIGHTS, "53100": _SPACE, "25006": _READ_ONLY}
_CLASSES = {"08": AWAY, "28": _RIGHTS, "53": _RESOURCES, "57": AWAY, "58": _FILES}
# The same errors as psycopg2 and sqlite3 name them; without a code psycopg2's is of the connection.
_NAMES = {
    "psycopg2.errors.InsufficientPrivilege": _RIGHTS,
    "psycopg2.errors.DiskFull": _SPACE,
    "psycopg2.errors.IoError": _FILES,
    **dict.fromkeys(
        (f"psycopg2.errors.{name}" for name in ("OutOfMemory", "TooManyConnections")), _RESOURCES
    ),
    "psycopg2.errors.ReadOnlySqlTransaction": _READ_ONLY,
    **dict.fromkeys(
        (f"psycopg2.errors.{name}" for name in ("AdminShutdown", "CrashShutdown")), AWAY
    ),
    **dict.fromkeys(("psycopg2.OperationalError", "psycopg2.InterfaceError"), AWAY),
    "sqlite3.OperationalError: database or disk is full": _SPACE,
    "sqlite3.OperationalError: disk I/O error": _FILES,
}

# What the live server, of which the backup is, must know or allow.
_UNLIKE = "this server is older or of another kind: rehearse on one like the live one"
_OF_A_DUMP = {
    "1115": f"a character set is unknown; {_UNLIKE}",
    "1153": "a row is larger than its max_allowed_packet; raise that",
    "1193": f"a setting is unknown; {_UNLIKE}",
    "1273": f"a collation is unknown; {_UNLIKE}",
    "42704": f"something that the dump refers to is unknown; {_UNLIKE}",
    "0A000": f"something is not supported; {_UNLIKE}",
}


def fault(error: str) -> str:
    """What is wrong with the server, and what to do; "" where the error is not the server's.

    :param error: a number, a SQLSTATE, or a name as `server_words.server_error` has it.
    """
    if found := _NUMBERS.get(error) or _NAMES.get(error):
        return found
    is_state = len(error) == len("57P01")
    return _STATES.get(error) or (_CLASSES.get(error[:2], "") if is_state else "")


def while_restoring(error: str) -> str:
    """The same of an error that met a statement of the dump's."""
    return _OF_A_DUMP.get(error) or fault(error)
