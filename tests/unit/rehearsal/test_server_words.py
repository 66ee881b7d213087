"""Of a server's error names are told, and never a value of a row."""

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.rehearsal.errors import StepFailed
from heat_upgrade_checks.rehearsal.migrate import _Log
from heat_upgrade_checks.rehearsal.scratch_faults import fault, while_restoring
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


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("ERROR: (pymysql.err.OperationalError) (1114, \"The table 'r' is full\")", 1, "TMPDIR"),
        ("(pymysql.err.OperationalError) (2013, 'Lost connection')", 1, "went away"),
        ('(pymysql.err.OperationalError) (1142, "ALTER command denied")', 1, "rehearsal.url"),
        ("ERROR: (psycopg2.errors.DiskFull) could not extend file", 1, "TMPDIR"),
        ("(psycopg2.errors.AdminShutdown) terminating connection", 1, "went away"),
        ("(psycopg2.OperationalError) server closed the connection", 1, "went away"),
        ("(sqlite3.OperationalError) database or disk is full", 1, "TMPDIR"),
        ("Killed", -9, "went away"),
        # The target's own.
        ("ERROR: (pymysql.err.OperationalError) (1005, 'errno: 150')", 1, None),
        ("(pymysql.err.OperationalError) (1060, \"Duplicate column name 'action'\")", 1, None),
        ("(psycopg2.errors.DuplicateColumn) column exists", 1, None),
        ("(sqlite3.OperationalError) duplicate column name: action", 1, None),
        ("Traceback", 1, None),
    ],
)
def test_a_fault_of_the_scratch_server_is_no_failed_migration(
    line: str, code: int, told: str | None
) -> None:
    log = _Log()
    log.read("INFO alembic.runtime.migration [-] Running upgrade a -> b, words", 1.0)
    log.read(line, 2.0)
    found = log.failure(code)
    assert isinstance(found, StepFailed if told is None else Unobserved)
    assert str(found).startswith("db_sync failed in revision b: ")
    assert (told or "") in str(found)


@pytest.mark.parametrize(
    ("error", "of_the_server", "of_a_dump"),
    [
        ("1021", True, True),
        ("1227", True, True),
        ("2006", True, True),
        ("53100", True, True),
        ("53200", True, True),
        ("57P02", True, True),
        ("42501", True, True),
        ("1273", False, True),
        ("42704", False, True),
        ("1062", False, False),
        ("1064", False, False),
        ("4161", False, False),
        ("23505", False, False),
        ("42601", False, False),
    ],
)
def test_whose_fault_it_is(error: str, of_the_server: bool, of_a_dump: bool) -> None:
    assert bool(fault(error)) is of_the_server
    assert bool(while_restoring(error)) is of_a_dump
