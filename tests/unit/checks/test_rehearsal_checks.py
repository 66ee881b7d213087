"""A record that does not say what a rehearsal showed opens no gate."""

from datetime import timedelta
from typing import Any

import pytest

from heat_upgrade_checks.evidence.backup.newest import Backup, Backups
from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.gates.last_rehearsal import LastRehearsal
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.records.rehearsal import (
    Exercise,
    Failure,
    Migrated,
    Restored,
    SideDifference,
    Writer,
)
from heat_upgrade_checks.schema.comparison import Difference
from tests.facts import a_database, a_rehearsal
from tests.judging import NOW, check_at, judge, plan

BACKUP = Backup(
    path="/var/backups/heat.sql",
    bytes=1,
    decoded_bytes=1,
    sha256="digest",
    modified_at=NOW - timedelta(hours=1),
    finished_at=None,
    format="mariadb-dump",
    databases=("heat",),
    tables=(),
    revision="c6214ca60943",
    damage="",
)
SIDES: tuple[SideName, SideName] = ("current", "target")
WRITTEN_BEFORE: Writer = "restored"
RELEASES: dict[str, Any] = {
    f"{side}_release": Release(version, series, "", "", (), None, "", "")
    for side, version, series in (("current", "25.0.2", "2025.2"), ("target", "26.0.2", "2026.1"))
}
RESTORED = Restored(1.0, {"stack": 1}, "c6214ca60943")


@pytest.mark.parametrize(
    ("check", "parts"),
    [
        ("backup.restores", {}),
        ("schema.rehearsed", {"restored": RESTORED}),
        (
            "schema.rehearsed",
            {"restored": RESTORED, "migrated": Migrated(1.0, ())},
        ),
    ],
)
def test_a_record_without_its_end_is_no_pass(check: str, parts: dict[str, Any]) -> None:
    facts: dict[str, Any] = {
        "rehearsal": LastRehearsal("reports/x", a_rehearsal(**parts)),
        "backups": Backups("/var/backups/*", "heat", (), BACKUP),
    }
    if check == "schema.rehearsed":
        facts |= {"database": a_database(), **RELEASES}
    gate = judge(check_at(check, "pre"), "pre", **facts)
    assert len(gate.unknowns) == 1
    assert "rehearse again" in gate.unknowns[0]


@pytest.mark.parametrize(("mode", "blockers"), [("rolling", 8), ("cold", 4)])
def test_in_a_cold_upgrade_only_what_the_target_does_counts(mode: str, blockers: int) -> None:
    column = Difference("missing-column", "snapshot", "action", "")
    failures = tuple(
        Failure(release, "update", "snapshot", wrote, "1")
        for release in SIDES
        for wrote in (*SIDES, WRITTEN_BEFORE)
    )
    record = a_rehearsal(
        restored=RESTORED,
        migrated=Migrated(1.0, ()),
        differences=tuple(SideDifference(side, column) for side in SIDES),
        exercise=Exercise(dict.fromkeys(SIDES, 15), dict.fromkeys(SIDES, 0), 99, failures, ()),
    )
    gate = judge(
        check_at("schema.rehearsed", "pre"),
        "pre",
        of=plan(mode=mode),
        rehearsal=LastRehearsal("reports/x", record),
        backups=Backups("/var/backups/*", "heat", (), BACKUP),
        database=a_database(),
        **RELEASES,
    )
    assert [f.level for f in gate.findings] == ["blocker"] * blockers
    sides = {f.data.get("side") or f.data["release"] for f in gate.findings}
    assert sides == ({"target"} if mode == "cold" else {*SIDES})


@pytest.mark.parametrize(
    ("changes", "server", "said"),
    [
        ({}, "MariaDB 10.11.14", ""),
        ({"current_version": "20.0.1"}, "MariaDB 10.11", "was migrated from 20.0.1 in the"),
        ({"target_version": "27.0.0"}, "MariaDB 10.11", "was migrated to 27.0.0 in the"),
        ({}, "MySQL 8.0.46", "is on MySQL 8.0.46 and was rehearsed on MariaDB 10.11"),
        ({}, "MariaDB 11.8.2", "is on MariaDB 11.8.2 and was rehearsed on MariaDB 10.11"),
        ({"server": "PostgreSQL 15.14"}, "PostgreSQL 15.4", ""),
        ({"server": "PostgreSQL 15.14"}, "PostgreSQL 17.1", "was rehearsed on PostgreSQL 15.14"),
        (
            {"unlike": ("the database's charset is latin1, the live one's utf8mb4",)},
            "MariaDB 10.11",
            "another kind of database: the database's charset is latin1, the live one's utf8mb4",
        ),
        ({"exercised": {"current": 15, "target": 0}}, "MariaDB 10.11", "with 0 tables of the tar"),
        ({"exercised": {"current": 3, "target": 16}}, "MariaDB 10.11", "with 3 tables of the cur"),
        ({"exercised": {"target": 16}}, "MariaDB 10.11", "without the current release"),
    ],
)
@pytest.mark.parametrize("required", [False, True])
def test_a_rehearsal_of_something_else_does_not_count(
    changes: dict[str, Any], server: str, said: str, required: bool
) -> None:
    exercised = changes.get("exercised") or dict.fromkeys(SIDES, 15)
    record = a_rehearsal(
        restored=RESTORED,
        migrated=Migrated(1.0, ()),
        exercise=Exercise(exercised, dict.fromkeys(SIDES, 0), 99, (), ()),
        **{name: value for name, value in changes.items() if name != "exercised"},
    )
    gate = judge(
        check_at("schema.rehearsed", "pre"),
        "pre",
        of=plan(require=["schema.rehearsed"] if required else []),
        rehearsal=LastRehearsal("reports/x", record),
        backups=Backups("/var/backups/*", "heat", (), BACKUP),
        database=a_database(server=server),
        **RELEASES,
    )
    assert [f.level for f in gate.findings] == ["warning"] * (bool(said) and not required)
    assert len(gate.unknowns) == (bool(said) and required)
    for sentence in (*gate.unknowns, *(f.summary for f in gate.findings)):
        assert said in sentence
