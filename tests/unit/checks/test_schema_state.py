"""What the state of the schema means for a migration that is to come, or was."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

from heat_upgrade_checks.errors import NotConfigured
from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.database.open_transactions import Transaction, Transactions
from heat_upgrade_checks.evidence.database.schema_state import Charsets, Deleted, SchemaState, Text
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from tests.facts import a_database
from tests.judging import check_at, judge, plan
from tests.unit.checks.judged import sentences
from tests.unit.checks.schema_states import NEW, OLD, STATE

INITIAL, EXTRA, TABLE, HEAD = "c6214ca60943", "d2db381e3324", "88be64598c0f", "97b2a986f922"


def _target(*heads: str, version: str = "26.0.2", migrate: int | None = None) -> Release:
    return Release(version, "x", "/bin/python", "3.11.7", heads, migrate, "1.36", "1.9")


def test_the_facts_survive_a_recording() -> None:
    facts = replace(
        STATE,
        transactions=Transactions((Transaction(7, "root", "", 61.5),), hidden=True),
        deleted_stacks=Deleted(3, datetime(2026, 1, 1, tzinfo=UTC)),
    )
    adapter = TypeAdapter(SchemaState)
    assert adapter.validate_python(adapter.dump_python(facts, mode="json"), strict=False) == facts


# --- schema.legacy-version

LEGACY = Release("20.0.0", "2023.1", "/opt/n/bin/python", "3.11.7", (), 86, "1.36", "1.6")
INSTALLED = plan(current={"python": "/opt/n/bin/python", "config": ["/etc/heat/heat.conf"]})
MANAGE = ("/opt/n/bin/heat-manage", "--config-file", "/etc/heat/heat.conf")


def _legacy(database: Database, current: Release = LEGACY) -> Judgement:
    return judge(
        check_at("schema.legacy-version", "pre"),
        "pre",
        of=INSTALLED,
        database=database,
        current_release=current,
    )


@pytest.mark.parametrize(
    ("revisions", "number", "expected"),
    [
        ((), 86, []),
        ((INITIAL,), None, []),
        ((INITIAL,), 86, []),
        ((INITIAL,), 79, ["note heat: was at migration 79 when alembic took over;"]),
        ((), 79, ["blocker heat: is at migration 79, not 86;"]),
        ((), 87, ["blocker heat: is at migration 87, not 86;"]),
    ],
)
def test_legacy_version(
    revisions: tuple[str, ...], number: int | None, expected: list[str]
) -> None:
    database = a_database(revisions=revisions, migrate_version=number)
    gate = _legacy(database)
    assert len(sentences(gate)) == len(expected)
    assert all(
        said.startswith(start) for said, start in zip(sentences(gate), expected, strict=True)
    )
    assert gate.unknowns == []


@pytest.mark.parametrize(
    ("current", "commands"),
    [
        (LEGACY, ((*MANAGE, "db_sync"),)),
        # One that skips the missing migrations, and one of which only the version is known.
        (_target(INITIAL, version="21.0.0"), ()),
        (_target(version="20.0.0"), ()),
    ],
)
def test_only_a_db_sync_that_runs_the_numbered_migrations_is_offered(
    current: Release, commands: tuple[tuple[str, ...], ...]
) -> None:
    (finding,) = _legacy(a_database(revisions=(), migrate_version=79), current).findings
    assert finding.commands == commands


def test_a_database_without_any_version_cannot_be_judged() -> None:
    database = a_database(revisions=())
    gate = _legacy(database)
    assert "sees no row in alembic_version or migrate_version" in gate.unknowns[0]


# --- schema.charset


def _charset(ids: dict[str, Text], at: tuple[str, ...], target: Release) -> Judgement:
    return judge(
        check_at("schema.charset", "pre"),
        "pre",
        database=a_database(revisions=at),
        schema_state=replace(STATE, charsets=Charsets(NEW, ids)),
        target_release=target,
    )


BOTH = {"snapshot": OLD, "stack": OLD}


@pytest.mark.parametrize(
    ("ids", "at", "target", "level"),
    [
        ({"snapshot": NEW, "stack": NEW}, (INITIAL,), _target(HEAD), None),
        (BOTH, (INITIAL,), _target(HEAD), "blocker"),
        (BOTH, (EXTRA,), _target(HEAD), "blocker"),
        # Still under sqlalchemy-migrate.
        (BOTH, (), _target(HEAD), "blocker"),
        # The revision that refers to snapshot is done, or not among the target's.
        (BOTH, (TABLE,), _target(HEAD), "warning"),
        (BOTH, (HEAD,), _target(HEAD, version="27.0.0"), "warning"),
        (BOTH, (INITIAL,), _target(INITIAL, version="25.0.2"), "warning"),
        (BOTH, (), _target(version="20.0.0", migrate=86), "warning"),
        # What refers to no other table than snapshot.
        ({"snapshot": NEW, "stack": OLD}, (INITIAL,), _target(HEAD), "warning"),
        # The target is not installed yet.
        (BOTH, (INITIAL,), _target(), "blocker"),
        (BOTH, (INITIAL,), _target(version="25.0.2"), "warning"),
        (BOTH, (HEAD,), _target(version="27.0.0"), "warning"),
        (BOTH, (HEAD,), _target(version="28.0.0"), "blocker"),
        # Revisions that are not known here.
        (BOTH, (HEAD,), _target("f00d"), "blocker"),
        (BOTH, ("f00d",), _target("f00d"), "warning"),
        (BOTH, ("f00d",), _target("beef"), "blocker"),
    ],
)
def test_charset(
    ids: dict[str, Text], at: tuple[str, ...], target: Release, level: str | None
) -> None:
    gate = _charset(ids, at, target)
    assert [str(finding.level) for finding in gate.findings] == ([level] if level else [])
    assert gate.unknowns == []


def test_the_remedy_for_a_charset_names_that_of_the_tables() -> None:
    (finding,) = _charset(BOTH, (INITIAL,), _target(HEAD)).findings
    assert finding.object == "database heat"
    assert finding.summary == (
        "gives new tables utf8mb4_general_ci, but snapshot.id, stack.id have utf8mb3_general_ci; "
        "revision 88be64598c0f refers to snapshot.id and will fail"
    )
    sql = "ALTER DATABASE `heat` CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci"
    assert finding.commands == (("mariadb", "--execute", sql),)


def test_a_database_without_a_snapshot_id_cannot_be_judged() -> None:
    gate = _charset({"stack": NEW}, (INITIAL,), _target(HEAD))
    assert "has no text column id" in gate.unknowns[0]


# --- schema.not-half-migrated

ADDED = {
    EXTRA: "sync_point.extra_data",
    TABLE: "resource_snapshot.id",
    HEAD: "snapshot.action",
}


def _half(at: tuple[str, ...], *present: str, target: Release | None = None) -> Judgement:
    columns = (*STATE.columns, *(ADDED[revision] for revision in present))
    return judge(
        check_at("schema.not-half-migrated", "pre"),
        "synced",
        database=a_database(revisions=at),
        schema_state=replace(STATE, columns=columns),
        target_release=target or _target(HEAD),
    )


@pytest.mark.parametrize(
    ("at", "present", "expected"),
    [
        ((), (), []),
        ((INITIAL,), (), []),
        ((HEAD,), (EXTRA, TABLE, HEAD), []),
        ((), (EXTRA,), ["column sync_point.extra_data: is there already, but revision d2db"]),
        ((INITIAL,), (TABLE,), ["table resource_snapshot: is there already, but revision 88be"]),
        ((HEAD,), (EXTRA, TABLE), ["column snapshot.action: is missing, though revision 97b2"]),
        ((HEAD,), (EXTRA, HEAD), ["table resource_snapshot: is missing, though revision 88be"]),
        (
            (EXTRA,),
            (EXTRA,),
            [
                "database heat: stopped at d2db381e3324, amid a release's migrations; "
                "88be64598c0f, 97b2a986f922 did not run"
            ],
        ),
        (
            (TABLE,),
            (EXTRA, TABLE, HEAD),
            ["column snapshot.action: is there already", "database heat: stopped at 88be64598c0f"],
        ),
        # What comes after those that are known here has them all behind it.
        (("f00d",), (EXTRA, TABLE), ["column snapshot.action: is missing"]),
    ],
)
def test_half_migrated(at: tuple[str, ...], present: tuple[str, ...], expected: list[str]) -> None:
    target = _target(*at) if at == ("f00d",) else None
    gate = _half(at, *present, target=target)
    said = [f"{finding.object}: {finding.summary}" for finding in gate.findings]
    assert len(said) == len(expected)
    assert all(one.startswith(start) for one, start in zip(said, expected, strict=True))
    assert {str(finding.level) for finding in gate.findings} <= {"blocker"}
    assert gate.unknowns == []


def test_what_an_unknown_revision_adds_cannot_be_judged() -> None:
    gate = _half((HEAD,), EXTRA, TABLE, HEAD, target=_target("f00d", version="28.0.0"))
    assert gate.findings == []
    assert "what the migrations of Heat 28.0.0 add is not known here" in gate.unknowns[0]
    assert _half((HEAD,), EXTRA, TABLE, HEAD, target=_target(version="28.0.0")).unknowns


def test_a_revision_that_neither_this_tool_nor_the_target_knows_is_left_to_at_head() -> None:
    with pytest.raises(NotConfigured, match=r"at f00d, which neither .* see schema\.at-head"):
        _half(("f00d",), HEAD)
    # Where more is to come that is not known here, it is not left to anybody.
    assert _half(("f00d",), HEAD, target=_target("beef", version="28.0.0")).unknowns


# --- schema.no-long-transactions


def _transactions(phase: str, *ages: float, hidden: bool = False) -> Judgement:
    oldest = tuple(Transaction(7, "root", "10.0.0.9:4711", age) for age in ages)
    return judge(
        check_at("schema.no-long-transactions", "pre"),
        phase,
        database=a_database(),
        schema_state=replace(STATE, transactions=Transactions(oldest, hidden)),
    )


@pytest.mark.parametrize(("phase", "level"), [("pre", "warning"), ("stopped", "blocker")])
def test_a_long_transaction(phase: str, level: str) -> None:
    assert _transactions(phase, 60.0, 0.1).findings == []
    gate = _transactions(phase, 3700.0, 60.0)
    assert sentences(gate) == [
        f"{level} session 7 of root at 10.0.0.9:4711: has a transaction open for 1 h 1 min; "
        "db_sync would wait for its end"
    ]
    assert gate.findings[0].commands == (("mariadb", "--execute", "KILL 7"),)
    # One that is seen counts, whatever else is hidden.
    assert len(_transactions(phase, 3700.0, hidden=True).findings) == 1


def test_hidden_transactions_are_no_pass() -> None:
    (sentence,) = _transactions("pre", 1.0, hidden=True).unknowns
    assert "GRANT PROCESS ON *.* TO 'heat'@'%'" in sentence


# --- schema.purge-backlog


def test_purge_backlog() -> None:
    check = check_at("schema.purge-backlog", "pre")
    oldest = datetime(2024, 5, 6, tzinfo=UTC)
    at_limit = replace(
        STATE, deleted_stacks=Deleted(100_000, oldest), deleted_services=Deleted(10_000, oldest)
    )
    assert judge(check, "pre", schema_state=at_limit).findings == []
    above = replace(
        STATE, deleted_stacks=Deleted(100_001, oldest), deleted_services=Deleted(10_001, oldest)
    )
    gate = judge(check, "pre", of=INSTALLED, schema_state=above)
    assert sentences(gate) == [
        "warning stacks: 100001 were deleted over 90 days ago, the oldest on 2024-05-06; "
        "the limit is 100000",
        "warning service rows: 10001 were deleted over 90 days ago, the oldest on 2024-05-06; "
        "the limit is 10000",
    ]
    assert {finding.commands for finding in gate.findings} == {((*MANAGE, "purge_deleted", "90"),)}


@pytest.mark.parametrize(
    "check",
    [
        check_at("schema.charset", "pre"),
        check_at("schema.grants", "pre"),
        check_at("schema.no-long-transactions", "pre"),
    ],
)
def test_what_sqlite_does_not_have(check: Callable[..., None]) -> None:
    facts: dict[str, Any] = {
        "database": a_database(server="SQLite 3.40"),
        "schema_state": replace(
            STATE, backend="sqlite", charsets=None, account=None, transactions=None
        ),
    }
    if check is check_at("schema.charset", "pre"):
        facts["target_release"] = _target(HEAD)
    with pytest.raises(NotConfigured, match=r"SQLite 3\.40"):
        judge(check, "pre", **facts)
