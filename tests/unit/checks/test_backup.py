"""The judgement on a backup: its age, and whether all tables are in it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from heat_upgrade_checks.evidence.backup.newest import Backup, BackupFile, Backups
from heat_upgrade_checks.heat.tables import ALWAYS as HEAT_TABLES
from tests.facts import (
    a_database,
)
from tests.judging import NOW, check_at, judge
from tests.unit.checks.judged import sentences


def _backups(**changes: Any) -> Backups:
    newest = Backup(
        path="/b/heat.sql",
        bytes=1,
        decoded_bytes=1,
        sha256="0",
        modified_at=NOW - timedelta(hours=1),
        finished_at=NOW - timedelta(hours=1),
        format="mariadb-dump",
        databases=("heat",),
        tables=tuple(HEAT_TABLES),
        revision="c6214ca60943",
        damage="",
    )
    newest = replace(newest, **changes)
    return Backups("/b/*.sql", "heat", (BackupFile(newest.path, 1, NOW),), newest)


@pytest.mark.parametrize(
    ("changes", "database", "expected"),
    [
        ({}, {}, []),
        # Copied an hour ago, but made last week, as its end marker says.
        (
            {"finished_at": NOW - timedelta(days=7)},
            {},
            ["was taken at 2026-11-15 12:00 UTC, 168 h 0 min ago; the plan allows 24 h 0 min"],
        ),
        # Another time zone is no age; more than any zone explains is one.
        ({"finished_at": NOW - timedelta(hours=13)}, {}, []),
        ({"finished_at": NOW + timedelta(hours=13)}, {}, []),
        (
            {"finished_at": NOW - timedelta(hours=25)},
            {},
            ["was taken at 2026-11-21 11:00 UTC, 25 h 0 min ago; the plan allows 24 h 0 min"],
        ),
        (
            {},
            {"changed_at": NOW - timedelta(minutes=5)},
            ["is older than the last schema change, 2026-11-22 11:55:00 UTC"],
        ),
    ],
)
def test_backup_fresh(
    changes: dict[str, Any], database: dict[str, Any], expected: list[str]
) -> None:
    facts: dict[str, Any] = {"backups": _backups(**changes), "database": a_database(**database)}
    gate = judge(check_at("backup.fresh", "pre"), "pre", **facts)
    assert [finding.summary for finding in gate.findings] == expected


def test_a_backup_from_the_future_is_unknown() -> None:
    facts: dict[str, Any] = {
        "backups": _backups(modified_at=NOW + timedelta(hours=1)),
        "database": a_database(),
    }
    gate = judge(check_at("backup.fresh", "pre"), "pre", **facts)
    assert "last modified in the future" in gate.unknowns[0]


def test_a_backup_without_a_table() -> None:
    tables = tuple(HEAT_TABLES - {"resource", "event"})
    facts: dict[str, Any] = {"backups": _backups(tables=tables), "database": a_database()}
    gate = judge(check_at("backup.complete", "pre"), "pre", **facts)
    assert sentences(gate) == ["blocker /b/heat.sql: lacks 2 of Heat's tables: event, resource"]


def test_a_backup_needs_the_later_tables_that_the_database_has() -> None:
    later = ("alembic_version", "resource_snapshot")
    for live, backed_up, lacking in (
        ((*later, "notes_of_the_site"), (), later),
        (later, later[:1], later[1:]),
        (later, later, ()),
        ((), (), ()),
    ):
        facts: dict[str, Any] = {
            "backups": _backups(tables=(*HEAT_TABLES, *backed_up)),
            "database": a_database(tables=live),
        }
        gate = judge(check_at("backup.complete", "pre"), "pre", **facts)
        expected = f"blocker /b/heat.sql: lacks {len(lacking)} of Heat's tables: "
        assert sentences(gate) == ([expected + ", ".join(lacking)] if lacking else [])


@pytest.mark.parametrize(("form", "hint"), [("encrypted with age", False), ("mariadb-dump", True)])
def test_another_backup_is_no_remedy_for_an_encrypted_one(form: str, hint: bool) -> None:
    facts: dict[str, Any] = {
        "backups": _backups(format=form, damage="is not whole"),
        "database": a_database(),
    }
    (finding,) = judge(check_at("backup.complete", "pre"), "pre", **facts).findings
    assert ("Make one now" in finding.hint) is hint
