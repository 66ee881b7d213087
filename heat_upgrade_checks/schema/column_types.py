"""Which values a column type holds, so that two spellings of it can be compared."""

import re
from typing import Literal

Relation = Literal["holds", "narrower", "other"]

# Its name, its size, and what follows: WITH TIME ZONE, UNSIGNED, CHARACTER SET.
_SPELLING = re.compile(r"(?P<name>\w+(?: PRECISION)?)(?:\((?P<size>\d+)\))?(?P<rest>.*)", re.DOTALL)

_UNLIMITED = 2**63
# A character of utf8mb4 takes up to four bytes, and the TEXT types of MySQL count bytes.
_MYSQL = {
    "VARCHAR": ("text", None),
    "TINYTEXT": ("text", 2**8 // 4),
    "TEXT": ("text", 2**16 // 4),
    "MEDIUMTEXT": ("text", 2**24 // 4),
    "LONGTEXT": ("text", 2**32 // 4),
    "VARBINARY": ("binary", None),
    "TINYBLOB": ("binary", 2**8),
    "BLOB": ("binary", 2**16),
    "MEDIUMBLOB": ("binary", 2**24),
    "LONGBLOB": ("binary", 2**32),
    # MySQL and MariaDB keep a truth value as TINYINT(1); a size is only how wide it is shown.
    "BOOL": ("integer", 1),
    "BOOLEAN": ("integer", 1),
    "TINYINT": ("integer", 1),
    "SMALLINT": ("integer", 2),
    "MEDIUMINT": ("integer", 3),
    "INT": ("integer", 4),
    "INTEGER": ("integer", 4),
    "BIGINT": ("integer", 8),
    # The size of a time is its number of decimal places.
    "DATETIME": ("datetime", None),
}
_POSTGRESQL = {
    "VARCHAR": ("text", None),
    "TEXT": ("text", _UNLIMITED),
    "BYTEA": ("binary", _UNLIMITED),
    "BOOLEAN": ("boolean", 1),
    "SMALLINT": ("integer", 2),
    "INTEGER": ("integer", 4),
    "BIGINT": ("integer", 8),
    "TIMESTAMP": ("datetime", None),
}
_KNOWN = {"mysql": _MYSQL, "postgresql": _POSTGRESQL, "sqlite": {}}
# What a size that is not written stands for.
_UNWRITTEN = {
    "mysql": {"datetime": 0},
    "postgresql": {"text": _UNLIMITED, "datetime": 6},
    "sqlite": {},
}


def relation(needed: str, found: str, dialect: str) -> Relation:
    """Whether a column of type `found` holds every value of type `needed`.

    A type that is not known here holds the values of no other.
    """
    if _normal(needed) == _normal(found):
        return "holds"
    if dialect == "sqlite":
        # Whatever type a column of SQLite declares, it stores what it is given.
        return "holds"
    kind, size = _kind(needed, dialect)
    found_kind, found_size = _kind(found, dialect)
    if kind != found_kind:
        return "other"
    return "holds" if found_size >= size else "narrower"


def _normal(spelling: str) -> str:
    match = _SPELLING.match(spelling.upper())
    if match is None:
        return spelling
    rest = re.sub(r" (CHARACTER SET|COLLATE) \S+", "", match["rest"]).strip()
    size = f"({match['size']})" if match["size"] else ""
    return f"{match['name']}{size} {rest}".strip()


def _kind(spelling: str, dialect: str) -> tuple[str, int]:
    normal = _normal(spelling)
    match = _SPELLING.match(normal)
    known = _KNOWN[dialect].get(match["name"]) if match else None
    if match is None or known is None:
        return normal, 0
    kind, size = known
    if size is None:
        size = int(match["size"]) if match["size"] else _UNWRITTEN[dialect].get(kind, 0)
    # UNSIGNED and WITH TIME ZONE make another kind of it.
    rest = match["rest"].replace("WITHOUT TIME ZONE", "").strip()
    return f"{kind} {rest}".strip(), size
