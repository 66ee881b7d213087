"""Names of tables and databases as plain dumps write them."""

import re

# No server lets a name have more than 64 characters.
MARIADB_NAME = rb"`(?:[^`\n]|``){1,300}`"
_POSTGRESQL_PART = rb'(?:"(?:[^"\n]|""){1,300}"|[^\s".(;]{1,300})'
POSTGRESQL_NAME = _POSTGRESQL_PART + rb"(?:\." + _POSTGRESQL_PART + rb")?"


def text(name: bytes) -> str:
    """A name without quotes, its bytes escaped where they are no UTF-8."""
    return name.decode("utf-8", "backslashreplace")


def mariadb_name(name: bytes) -> str:
    """What `name`, in backticks or not, names."""
    return _unquoted(name, b"`")


def postgresql_table(name: bytes) -> str:
    """A table's name, without its schema where that is the default one."""
    parts = [_unquoted(part, b'"') for part in re.findall(_POSTGRESQL_PART, name)]
    return ".".join(parts[1:] if parts[0] == "public" and len(parts) > 1 else parts)


def postgresql_database(words: bytes) -> str:
    """The database in `\\connect name` or `\\connect -reuse-previous=on "dbname='na me'"`."""
    if named := re.search(rb"dbname='((?:[^'\\]|\\.)*)'", words):
        return text(re.sub(rb"\\(.)", rb"\1", named[1]).replace(b'""', b'"'))
    return _unquoted(words, b'"')


def _unquoted(name: bytes, quote: bytes) -> str:
    if name.startswith(quote):
        name = name[1:-1].replace(quote * 2, quote)
    return text(name)
