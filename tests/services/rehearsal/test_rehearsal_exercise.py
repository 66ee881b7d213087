"""Two real releases at work on every table of a database that the newer one has migrated."""

import functools
import json
import subprocess
from itertools import pairwise

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.evidence import asked
from heat_upgrade_checks.records.rehearsal import Exercise, Failure
from heat_upgrade_checks.rehearsal.exercise import exercise
from tests.lab.venvs import RELEASES, interpreter
from tests.services.heat_databases import HeatDatabase, Make
from tests.services.mariadb import MariaDB
from tests.services.rehearsal.exercised import connected, execute, worked

# What 26 adds: its snapshots' resources, in a table that 25 does not know and so does not empty.
OF_RESOURCE_SNAPSHOT = {
    "mysql": ("1451", "resource_snapshot_ibfk_1"),
    "postgresql": ("23503", "resource_snapshot_snapshot_id_fkey"),
}

HOLDING = {"raw_template", "raw_template_files", "stack", "user_creds"}


@functools.cache
def _tables(release: int) -> int:
    """How many tables the models of a release have."""
    script = asked.FOLDER / "models.py"
    command = [str(interpreter(release)), "-I", str(script), "mysql"]
    return len(json.loads(subprocess.check_output(command))["tables"])


def _rows(heat: HeatDatabase) -> dict[str, int]:
    """How many rows each table has."""
    with connected(heat) as connection:
        metadata = sa.MetaData()
        metadata.reflect(connection)
        return {
            name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for name, table in metadata.tables.items()
        }


def _migrated(make: Make, current: int, target: int) -> HeatDatabase:
    """A database in which both releases are to work, with rows of the older one."""
    heat = make()
    heat.db_sync(current)
    heat.fill()
    heat.leave_behind()
    heat.db_sync(target)
    return heat


def _failures(kind: str) -> set[Failure]:
    """What 25 cannot do after 26's db_sync."""
    error, constraint = OF_RESOURCE_SNAPSHOT[kind]
    return {
        Failure(
            release="current",
            operation="delete",
            table="snapshot",
            wrote="target",
            error=error,
            refused_by="resource_snapshot",
            constraint=constraint,
            unknown_foreign_key=True,
        )
    }


def _hop(heat: HeatDatabase, current: int, target: int, failures: set[Failure]) -> None:
    """Both releases work on all they know, and nothing of it stays behind."""
    before = _rows(heat)
    done = exercise(interpreter(current), interpreter(target), heat.url)
    assert set(done.failures) == failures
    assert {(each.release, each.operation, each.wrote) for each in done.skipped} == (
        {("current", "delete", "target")} if failures else set()
    )
    assert {each.table for each in done.skipped} == (HOLDING if failures else set())
    assert done.tables == {"current": _tables(current), "target": _tables(target)}
    assert min(done.tables.values()) > 10
    restored = sum(number for table, number in before.items() if table in _OF_HEAT)
    assert done.restored == {"current": restored, "target": restored}
    assert done.operations > 15 * sum(done.tables.values())
    assert _rows(heat) == before


_OF_HEAT = {
    *("raw_template", "stack", "stack_lock", "resource", "event", "service", "sync_point"),
    *("software_config", "software_deployment", "snapshot"),
}
# `test_rehearse.py` lets others at work in every run.
PAIRS = [
    pytest.param(*pair, marks=() if pair == (25, 26) else pytest.mark.nightly)
    for pair in pairwise(RELEASES)
]


@pytest.mark.parametrize(("current", "target"), PAIRS)
def test_adjacent_releases_on_mariadb(on_mariadb: Make, current: int, target: int) -> None:
    heat = _migrated(on_mariadb, current, target)
    _hop(heat, current, target, _failures("mysql") if target == 26 else set())


@pytest.mark.parametrize(("current", "target"), [(19, 20), (25, 26)])
def test_postgresql(on_postgresql: Make, current: int, target: int) -> None:
    heat = _migrated(on_postgresql, current, target)
    execute(heat, "SELECT setval(pg_get_serial_sequence('raw_template', 'id'), 1)")
    _hop(heat, current, target, _failures("postgresql") if target == 26 else set())


def test_sqlite_does_not_enforce_foreign_keys(on_sqlite: Make) -> None:
    _hop(_migrated(on_sqlite, 25, 26), 25, 26, set())


def test_a_cold_upgrade_asks_the_target_alone(on_sqlite: Make) -> None:
    heat = _migrated(on_sqlite, 25, 26)
    before = _rows(heat)
    done = exercise(None, interpreter(26), sa.make_url(heat.url))
    assert (done.failures, done.skipped) == ((), ())
    assert done.tables == {"target": _tables(26)}
    assert _rows(heat) == before


def _found(done: Exercise, operation: str) -> set[tuple[str, str, str, str]]:
    return {
        (each.release, each.table, each.error, each.column)
        for each in done.failures
        if each.operation == operation
    }


def _both(table: str, error: str, column: str = "") -> set[tuple[str, str, str, str]]:
    return {(release, table, error, column) for release in ("current", "target")}


def test_a_column_that_nobody_fills_in(on_26: HeatDatabase) -> None:
    execute(on_26, "ALTER TABLE stack ADD severity INT NOT NULL")
    before = _rows(on_26)
    done = worked(on_26)
    assert _found(done, "insert") == _both("stack", "1364", "severity")
    assert {each.operation for each in done.failures} == {"insert"}
    held = {each.table: each.because for each in done.skipped}
    assert held.items() >= {"resource": "stack", "resource_data": "resource"}.items()
    assert _rows(on_26) == before


def test_a_column_that_may_no_longer_be_null(on_26: HeatDatabase) -> None:
    execute(
        on_26,
        "DELETE FROM service",
        "ALTER TABLE service MODIFY deleted_at DATETIME NOT NULL DEFAULT NOW()",
    )
    done = worked(on_26)
    assert _found(done, "insert") == _both("service", "1048", "deleted_at")
    assert {each.operation for each in done.failures} == {"insert"}


def test_narrower_columns(on_26: HeatDatabase) -> None:
    execute(
        on_26,
        "ALTER TABLE snapshot MODIFY name VARCHAR(254)",
        "ALTER TABLE service MODIFY report_interval SMALLINT NOT NULL",
        "ALTER TABLE sync_point MODIFY input_data TEXT",
        "ALTER TABLE event MODIFY uuid VARCHAR(35)",
    )
    done = worked(on_26)
    assert _found(done, "insert") == {
        *_both("snapshot", "1406", "name"),
        *_both("service", "1264", "report_interval"),
        *_both("sync_point", "1406", "input_data"),
        *_both("event", "1406", "uuid"),
    }
    assert (
        "the target release cannot insert what the target release wrote: error 1406, column name"
    ) in [each.summary for each in done.failures]


@pytest.mark.parametrize("format", ["COMPACT", "REDUNDANT"])
def test_tables_as_old_servers_made_them(
    on_26: HeatDatabase, mariadb: MariaDB, format: str
) -> None:
    database = str(sa.make_url(on_26.url).database)
    for table in _tables_of(mariadb, database):
        mariadb.execute(f"ALTER TABLE `{table}` ROW_FORMAT={format}", database=database)
    assert worked(on_26).failures == ()


def test_values_that_may_no_longer_be_the_same(on_26: HeatDatabase) -> None:
    execute(on_26, "ALTER TABLE software_config ADD UNIQUE one_group (`group`)")
    done = worked(on_26)
    assert {
        (each.release, each.operation, each.table, each.error, each.constraint)
        for each in done.failures
    } == {
        (release, "update", "software_config", "1062", "one_group")
        for release in ("current", "target")
    }


def test_a_column_that_alters_what_it_is_given(on_26: HeatDatabase) -> None:
    execute(on_26, "ALTER TABLE snapshot MODIFY status_reason BLOB")
    assert _found(worked(on_26), "select") == _both("snapshot", "altered", "status_reason")


def test_a_narrower_column_of_postgresql(on_postgresql: Make) -> None:
    heat = on_postgresql()
    heat.db_sync(26)
    execute(
        heat,
        "ALTER TABLE snapshot ALTER name TYPE VARCHAR(100)",
        "ALTER TABLE service ADD severity INTEGER NOT NULL",
    )
    assert _found(worked(heat), "insert") == {
        *_both("snapshot", "22001"),
        *_both("service", "23502", "severity"),
    }


def test_a_sequence_that_lags_behind(on_postgresql: Make) -> None:
    heat = on_postgresql()
    heat.db_sync(26)
    # Its template has number 1, of which the sequence knows nothing.
    heat.fill()
    done = exercise(None, interpreter(26), heat.url)
    (failure,) = done.failures
    assert (failure.operation, failure.error, failure.constraint) == (
        "insert",
        "23505",
        "raw_template_pkey",
    )


def test_a_dropped_column(on_26: HeatDatabase) -> None:
    execute(on_26, "ALTER TABLE stack DROP parent_resource_name")
    done = worked(on_26)
    assert _found(done, "read") == _both("stack", "1054")
    assert _found(done, "insert") == _both("stack", "1054", "parent_resource_name")


@pytest.mark.parametrize("kind", ["mariadb", "postgresql", "sqlite"])
def test_a_column_that_only_the_current_release_knows(
    request: pytest.FixtureRequest, kind: str
) -> None:
    heat = request.getfixturevalue(f"on_{kind}")()
    heat.db_sync(25)
    # As if 25 were the newer one: what 26 has beyond it is missing.
    done = exercise(interpreter(26), interpreter(25), heat.url)
    error = {"mariadb": "1054", "postgresql": "42703", "sqlite": "SQLITE_ERROR"}[kind]
    assert _found(done, "select") == {
        ("current", "snapshot", error, "action"),
        ("current", "sync_point", error, "extra_data"),
    }
    missing = {"mariadb": "1146", "postgresql": "42P01", "sqlite": "SQLITE_ERROR"}[kind]
    assert ("current", "resource_snapshot", missing, "") in _found(done, "read")


@pytest.mark.parametrize("kind", ["mariadb", "postgresql"])
def test_a_right_that_was_revoked(request: pytest.FixtureRequest, kind: str) -> None:
    heat: HeatDatabase = request.getfixturevalue(f"on_{kind}")()
    heat.db_sync(26)
    url = sa.make_url(heat.url)
    if kind == "mariadb":
        server: MariaDB = request.getfixturevalue("mariadb")
        rights = "SELECT, INSERT, UPDATE, DELETE"
        server.execute(f"REVOKE ALL ON `{url.database}`.* FROM `{url.username}`@`127.0.0.1`")
        for table in _tables_of(server, str(url.database)):
            given = rights.removesuffix(", DELETE") if table == "event" else rights
            server.execute(
                f"GRANT {given} ON `{url.database}`.`{table}` TO `{url.username}`@`127.0.0.1`"
            )
    else:
        execute(heat, f'REVOKE DELETE ON event FROM "{url.username}"')
    done = worked(heat)
    error = {"mariadb": "1142", "postgresql": "42501"}[kind]
    assert {
        (each.operation, each.table, each.error, each.refused_by) for each in done.failures
    } == {("delete", "event", error, "event")}
    assert {each.release for each in done.failures} == {"current", "target"}
    assert {each.because for each in done.skipped} >= {"event", "stack"}


def _tables_of(server: MariaDB, database: str) -> list[str]:
    return [row[0] for row in server.execute(f"SHOW TABLES FROM `{database}`")]


SECRET = "canary-of-a-template-91ab"


def test_a_damaged_row(on_26: HeatDatabase) -> None:
    execute(on_26, f'UPDATE raw_template SET template = \'{{"{SECRET}": "{SECRET}\'')
    done = worked(on_26)
    assert _found(done, "read") == _both("raw_template", "JSONDecodeError")
    assert {each.operation for each in done.failures} == {"read"}
    assert SECRET not in repr(done)


def test_foreign_keys_that_the_models_have_are_known(on_26: HeatDatabase) -> None:
    trigger = (
        "CREATE TRIGGER keep AFTER UPDATE ON software_config FOR EACH ROW"
        " INSERT INTO software_deployment (id, config_id, server_id, tenant)"
        " VALUES (UUID(), NEW.id, 's', 't')"
    )
    execute(on_26, trigger)
    done = worked(on_26)
    assert {
        (each.operation, each.table, each.error, each.refused_by, each.unknown_foreign_key)
        for each in done.failures
    } == {("delete", "software_config", "1451", "software_deployment", False)}


def test_a_foreign_key_between_known_tables_may_be_unknown(on_26: HeatDatabase) -> None:
    execute(
        on_26,
        "ALTER TABLE event ADD CONSTRAINT new_key FOREIGN KEY (resource_name)"
        " REFERENCES software_config (id)",
    )
    done = worked(on_26)
    assert {
        (each.operation, each.table, each.constraint, each.unknown_foreign_key)
        for each in done.failures
    } == {("insert", "event", "new_key", True), ("update", "event", "new_key", True)}
