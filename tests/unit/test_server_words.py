"""Of a server's error names are told, and never a value of a row."""

import pytest

from heat_upgrade_checks.rehearsal.server_words import server_words

CANARY = "canary-of-a-row"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "ERROR: (pymysql.err.OperationalError) (1005, 'Can\\'t create table `heat`.`r` "
            '(errno: 150 "Foreign key constraint is incorrectly formed")\')\n',
            "error 1005: Can't create table `heat`.`r` "
            '(errno: 150 "Foreign key constraint is incorrectly formed")',
        ),
        (
            f"ERROR: (pymysql.err.IntegrityError) (1062, \"Duplicate entry '{CANARY}' for key\")",
            "error 1062",
        ),
        (f"(pymysql.err.DataError) (1366, {CANARY})", "an error of the server's"),
        (
            'ERROR: (psycopg2.errors.DuplicateColumn) column "action" of relation "snapshot" '
            "already exists",
            'column "action" of relation "snapshot" already exists '
            "(psycopg2.errors.DuplicateColumn)",
        ),
        (
            f"(psycopg2.errors.InvalidTextRepresentation) invalid input syntax: {CANARY}",
            "psycopg2.errors.InvalidTextRepresentation",
        ),
        (
            "ERROR: (sqlite3.OperationalError) duplicate column name: action",
            "duplicate column name: action (sqlite3.OperationalError)",
        ),
        (
            "ERROR: Can't locate revision identified by '97b2a986f922'",
            "Can't locate revision identified by '97b2a986f922'",
        ),
        (f"[parameters: {{'name': '{CANARY}'}}]", ""),
        (f"ERROR: {CANARY}", ""),
    ],
)
def test_names_and_numbers_alone_are_told(line: str, told: str) -> None:
    assert server_words(line) == told
    assert CANARY not in server_words(line)
