"""Which kind of plain SQL dump a file is, by its first bytes."""

import re

from heat_upgrade_checks.evidence.backup.dump import Dump
from heat_upgrade_checks.evidence.backup.mariadb_dump import MariaDBDump
from heat_upgrade_checks.evidence.backup.postgresql_dump import PostgreSQLDump

# How many bytes must be known to recognise a dump.
HEAD = 4096

_HEADERS: tuple[tuple[type[Dump], re.Pattern[bytes]], ...] = (
    (MariaDBDump, MariaDBDump.header),
    (PostgreSQLDump, PostgreSQLDump.header),
)

# What the heads of dumps without comments have in common.
_TRACES: tuple[tuple[type[Dump], re.Pattern[bytes]], ...] = (
    (
        MariaDBDump,
        re.compile(
            rb"^(?:/\*M?!\d{5,6}|(?:CREATE TABLE|INSERT INTO|DROP TABLE IF EXISTS) `)", re.M
        ),
    ),
    (
        PostgreSQLDump,
        re.compile(rb"^(?:\\restrict |SET statement_timeout = 0;|CREATE TABLE public\.)", re.M),
    ),
)


def recognise(head: bytes) -> type[Dump] | None:
    """Which kind of dump begins so, None if it is no plain SQL dump."""
    for signs in (_HEADERS, _TRACES):
        found = [(match.start(), kind) for kind, sign in signs if (match := sign.search(head))]
        if found:
            return min(found, key=lambda sign: sign[0])[1]  # Rows may imitate the other kind.
    return None
