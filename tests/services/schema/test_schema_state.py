"""The state of the schema on real servers, made and broken by Heat's own db_sync."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.database import schema_state
from tests.judging import check_at, file
from tests.lab import venvs
from tests.services import processes
from tests.services.heat_databases import PASSWORD, HeatDatabase, Make
from tests.services.mariadb import MariaDB
from tests.services.schema.states import ALL, green, judged, name_of, red


@pytest.mark.parametrize(
    ("server", "release", "not_applicable"),
    [
        ("mariadb", 19, set()),
        ("mariadb", 25, set()),
        ("mariadb", 26, set()),
        ("postgresql", 20, {check_at("schema.charset", "pre")}),
        ("postgresql", 25, {check_at("schema.charset", "pre")}),
        ("postgresql", 26, {check_at("schema.charset", "pre")}),
        (
            "sqlite",
            26,
            {
                check_at("schema.charset", "pre"),
                check_at("schema.grants", "pre"),
                check_at("schema.no-long-transactions", "pre"),
            },
        ),
    ],
)
def test_a_healthy_database_is_green(
    request: pytest.FixtureRequest,
    server: str,
    release: int,
    not_applicable: set[Callable[..., None]],
) -> None:
    heat: HeatDatabase = request.getfixturevalue(f"on_{server}")(
        *(["utf8mb3"] if server == "mariadb" else [])
    )
    heat.db_sync(release)
    heat.fill()
    if server == "mariadb":
        # As an administrator lets Heat's account see who holds its tables.
        mariadb: MariaDB = request.getfixturevalue("mariadb")
        mariadb.execute(f"GRANT PROCESS ON *.* TO `{name_of(heat)}`@'127.0.0.1'")
        mariadb.execute("INSTALL SONAME 'metadata_lock_info'")
        request.addfinalizer(lambda: mariadb.execute("UNINSTALL SONAME 'metadata_lock_info'"))
    for check in ALL:
        if check in not_applicable:
            with pytest.raises(NotConfigured):
                judged(check, heat)
        else:
            green(check, heat)


# --- schema.legacy-version


def test_a_legacy_database_that_was_never_migrated_to_the_end(
    mariadb: MariaDB, on_mariadb: Make
) -> None:
    heat = on_mariadb("utf8mb3")
    heat.db_sync(20)
    green(check_at("schema.legacy-version", "pre"), heat)
    mariadb.execute("UPDATE migrate_version SET version = 79", database=name_of(heat))
    finding = red(check_at("schema.legacy-version", "pre"), heat)
    assert finding.level == "blocker"
    assert finding.summary.startswith("is at migration 79, not 86;")
    # It is as the check says: the stamp takes no notice of the number.
    heat.db_sync(21)
    gate = judged(check_at("schema.legacy-version", "pre"), heat)
    assert [str(finding.level) for finding in gate.findings] == ["note"]
    mariadb.execute("DELETE FROM migrate_version", database=name_of(heat))
    mariadb.execute("DELETE FROM alembic_version", database=name_of(heat))
    gate = judged(check_at("schema.legacy-version", "pre"), heat)
    assert "sees no row in alembic_version or migrate_version" in gate.unknowns[0]


# --- schema.charset, schema.not-half-migrated


def test_the_charset_trap(mariadb: MariaDB, on_mariadb: Make) -> None:
    charset, half = (
        check_at("schema.charset", "pre"),
        check_at("schema.not-half-migrated", "pre"),
    )
    heat = on_mariadb("utf8mb4")
    heat.db_sync(20)
    heat.db_sync(25)
    finding = red(charset, heat)
    assert finding.level == "blocker"
    assert "revision 88be64598c0f refers to snapshot.id and will fail" in finding.summary
    green(half, heat)
    with pytest.raises(processes.ServerError, match="errno: 150"):
        heat.db_sync(26)
    for phase in ("pre", "synced"):
        stopped = red(half, heat, phase=phase)
        assert stopped.level == "blocker"
        assert stopped.summary.startswith("stopped at d2db381e3324, amid")
        assert "88be64598c0f, 97b2a986f922 did not run" in stopped.summary
    assert red(charset, heat).level == "blocker"
    ((*_, sql),) = finding.commands
    assert sql in finding.hint
    mariadb.execute(sql)
    green(charset, heat)
    heat.db_sync(26)
    green(charset, heat)
    green(half, heat, phase="synced")


def test_a_charset_that_no_pending_revision_stumbles_over(
    mariadb: MariaDB, on_mariadb: Make
) -> None:
    heat = on_mariadb("utf8mb4")
    heat.db_sync(26)
    mariadb.execute(f"ALTER DATABASE `{name_of(heat)}` CHARACTER SET utf8mb3")
    assert red(check_at("schema.charset", "pre"), heat).level == "warning"


@pytest.mark.parametrize("server", ["mariadb", "postgresql", "sqlite"])
def test_a_migration_that_was_cut_off_or_only_stamped(
    request: pytest.FixtureRequest, server: str
) -> None:
    check = check_at("schema.not-half-migrated", "pre")
    heat: HeatDatabase = request.getfixturevalue(f"on_{server}")()
    heat.db_sync(25)
    green(check, heat)
    _execute(heat, "ALTER TABLE snapshot ADD COLUMN action VARCHAR(255)")
    finding = red(check, heat)
    assert (finding.level, finding.object) == ("blocker", "column snapshot.action")
    assert "is there already, but revision 97b2a986f922" in finding.summary
    with pytest.raises(processes.ServerError, match=r"(?i)duplicate|already exists"):
        heat.db_sync(26)
    assert "column snapshot.action" in {
        finding.object for finding in judged(check, heat, phase="synced").findings
    }
    _execute(heat, "ALTER TABLE snapshot DROP COLUMN action")
    heat.db_sync(26)
    green(check, heat, phase="synced")
    _execute(heat, "DROP TABLE resource_snapshot")
    finding = red(check, heat, phase="synced")
    assert (finding.level, finding.object) == ("blocker", "table resource_snapshot")
    assert "is missing, though revision 88be64598c0f" in finding.summary


def _execute(heat: HeatDatabase, statement: str) -> None:
    """As Heat's own account, which owns everything."""
    engine = sa.create_engine(heat.url.replace("psycopg2", "psycopg"))
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


# --- schema.purge-backlog


@pytest.mark.parametrize("server", ["mariadb", "postgresql", "sqlite"])
def test_a_backlog_and_heats_own_purge(
    request: pytest.FixtureRequest, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = check_at("schema.purge-backlog", "pre")
    heat: HeatDatabase = request.getfixturevalue(f"on_{server}")()
    heat.db_sync(25)
    heat.fill()
    # One stack and one service row were soft-deleted today.
    monkeypatch.setattr(file("schema.purge-backlog"), "_MANY_STACKS", 0)
    monkeypatch.setattr(file("schema.purge-backlog"), "_MANY_SERVICES", 0)
    green(check, heat)
    _execute(heat, "UPDATE stack SET deleted_at = '2024-05-06 07:08:09' WHERE id = 'rest'")
    _execute(heat, "UPDATE service SET deleted_at = '2023-05-06 07:08:09' WHERE id = 'silent'")
    findings = judged(check, heat).findings
    assert [(str(finding.level), finding.summary[:66]) for finding in findings] == [
        ("warning", "1 were deleted over 90 days ago, the oldest on 2024-05-06; the lim"),
        ("warning", "1 were deleted over 90 days ago, the oldest on 2023-05-06; the lim"),
    ]
    if server == "sqlite":
        return  # Heat's purge breaks there: it goes on reading from a connection that it closed
    (program, *words) = findings[0].commands[0]
    command: list[str | Path] = [
        venvs.interpreter(25).parent / program,
        "--config-file",
        heat.configuration(),
        *words,
    ]
    processes.run("heat-manage", command, heat.folder / "purge.log")
    green(check, heat)


@pytest.mark.parametrize("server", ["mariadb", "postgresql", "sqlite"])
def test_templates_that_no_stack_has(
    request: pytest.FixtureRequest, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = check_at("schema.purge-backlog", "pre")
    heat: HeatDatabase = request.getfixturevalue(f"on_{server}")()
    heat.db_sync(26)
    heat.fill()
    monkeypatch.setattr(file("schema.purge-backlog"), "_MANY_TEMPLATES", 0)
    green(check, heat)
    with heat._adding() as add:
        for id in (2, 3, 4):
            add("raw_template", id=id, template="{}")
    heat.execute("UPDATE stack SET prev_raw_template_id = 2 WHERE id = 'rest'")
    heat.execute("UPDATE resource SET current_template_id = 3 WHERE name = 'done'")
    finding = red(check, heat)
    assert (finding.level, finding.object) == ("warning", "templates")
    assert finding.summary.startswith("2 belong to no stack")
    heat.execute(finding.hint.partition("backup: ")[2])
    # What a resource was left from stays.
    assert red(check, heat).summary.startswith("1 belong to no stack")


# --- the laws


def test_only_reading_statements_reach_the_server(mariadb: MariaDB, on_mariadb: Make) -> None:
    heat = on_mariadb()
    heat.db_sync(25)
    with mariadb.verbs() as verbs:
        schema_state.observe(heat.site())
    assert {"SELECT", "SHOW"} <= verbs
    assert verbs <= {"SELECT", "SHOW", "SET", "COMMIT", "ROLLBACK"}


def test_no_hash_of_a_password_becomes_a_fact(on_mariadb: Make) -> None:
    heat = on_mariadb()
    heat.db_sync(25)
    found = repr(schema_state.observe(heat.site()))
    assert "ALL PRIVILEGES" in found
    assert "PASSWORD" not in found
    assert PASSWORD not in found


def test_a_database_that_is_not_heats(on_mariadb: Make) -> None:
    with pytest.raises(Unobserved, match=r"has no table .*snapshot"):
        schema_state.observe(on_mariadb().site())
