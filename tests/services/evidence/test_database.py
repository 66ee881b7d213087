"""The database evidence on real servers, with schemas made by Heat's own db_sync."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.database import state as database
from heat_upgrade_checks.evidence.database.heat_tables import REQUIRED
from heat_upgrade_checks.evidence.database.session import ask_in_session
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.stacks import (
    baseline,
    failed_by_upgrade,
    leftovers,
    preserved,
    work_counts,
)
from tests.judging import check_at, judge
from tests.lab.venvs import RELEASES
from tests.services.heat_databases import PASSWORD, HeatDatabase, Make
from tests.services.mariadb import MariaDB
from tests.waiting import until

MIGRATE_ERA = (19, 20)
EXPAND = {26, 27}


@pytest.fixture(scope="module")
def filled(mariadb: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> HeatDatabase:
    """A database of 25 on MariaDB with work in flight."""
    mariadb.add_database("heat_filled", "heat_filled", PASSWORD)
    url = mariadb.url("heat_filled", "heat_filled", PASSWORD)
    made = HeatDatabase(url, tmp_path_factory.mktemp("filled"))
    made.db_sync(25)
    made.fill()
    return made


def _is_read_whole(found: Database, release: int) -> None:
    if release in MIGRATE_ERA:
        assert (found.revisions, found.migrate_version) == ((), 86)
    else:
        head = "97b2a986f922" if release in EXPAND else "c6214ca60943"
        assert (found.revisions, found.migrate_version) == ((head,), None)
    assert [(row.host, row.alive) for row in found.services] == [
        ("control1", True),
        ("control2", False),
    ]
    in_flight = {stack.id: stack for stack in found.in_flight}
    assert in_flight.keys() == {"root", "nested", "legacy"}
    assert in_flight["root"].holders == ("live",)
    assert in_flight["root"].timeout == 1800
    assert 89 < in_flight["root"].age < 200
    assert [resource.name for resource in in_flight["root"].resources] == ["held"]
    # A stack without an event moved when its action began; here an event is younger than that.
    assert in_flight["nested"].still == in_flight["nested"].age
    assert 39 < in_flight["root"].still < 80
    assert in_flight["nested"].holders == ("silent",)
    assert (in_flight["nested"].owner_id, in_flight["nested"].timeout) == ("root", 3600)
    assert in_flight["legacy"].lock == "live"
    assert (in_flight["legacy"].convergence, in_flight["legacy"].backup) == (False, True)


def _leftovers_are_found(heat: HeatDatabase) -> None:
    clean = leftovers.observe(heat.site())
    assert (clean.held, clean.sync_points) == ((), 0)
    # Its stack is not there at all.
    assert [stack.id for stack in clean.backups] == ["legacy"]
    assert [stack.id for stack in clean.legacy] == []
    heat.leave_behind()
    found = leftovers.observe(heat.site())
    assert {(lock.stack_id, lock.status, lock.engine_id) for lock in found.locks} == {
        ("legacy", "IN_PROGRESS", "live"),
        ("locked", "COMPLETE", "silent"),
        ("gone", "DELETED", "silent"),
    }
    (held,) = found.held
    assert (held.name, held.stack_id, held.stack_status) == (
        "held-at-rest",
        "rest",
        "CREATE COMPLETE",
    )
    assert (held.root_id, held.root_action) == ("rest", "CREATE")
    assert [(stack.id, stack.owner_id, stack.status) for stack in found.backups] == [
        ("legacy", "", "IN_PROGRESS"),
        ("spare", "rest", "IN_PROGRESS"),
    ]
    assert [stack.id for stack in found.legacy] == ["old", "older"]
    assert (found.sync_points, found.sync_point_stacks) == (1, 1)
    assert (found.deployments, found.snapshots) == (1, 1)
    assert (found.held_count, found.backup_count, found.legacy_count) == (1, 2, 2)


def _unseen_work_is_read(heat: HeatDatabase) -> None:
    before = {stack.id for stack in database.observe(heat.site()).in_flight}
    heat.hold_unseen()
    found = {stack.id: stack for stack in database.observe(heat.site()).in_flight}
    assert found.keys() - before == {"paused", "failed"}
    assert [(each.name, each.hook) for each in found["paused"].resources] == [("r", "pre-create")]
    assert found["paused"].paused == found["paused"].resources
    assert [stack.id for stack in found.values() if stack.snapshots] == ["paused"]
    assert (found["failed"].status, found["failed"].holders) == ("FAILED", ("live",))


@pytest.mark.parametrize("release", RELEASES)
def test_every_schema_on_mariadb(on_mariadb: Make, release: int) -> None:
    heat = on_mariadb()
    heat.db_sync(release)
    heat.fill()
    found = database.observe(heat.site())
    _is_read_whole(found, release)
    assert found.server.startswith("MariaDB 10.")
    assert found.changed_at is not None
    assert 0 <= (found.clock - found.changed_at).total_seconds() < 120
    assert abs((found.clock - found.local_clock).total_seconds()) < 2
    _leftovers_are_found(heat)
    _unseen_work_is_read(heat)


@pytest.mark.parametrize("release", [19, 20, 21, 25, 26, 27])
def test_schemas_on_postgresql(on_postgresql: Make, release: int) -> None:
    heat = on_postgresql()
    heat.db_sync(release)
    heat.fill()
    _is_read_whole(database.observe(heat.site()), release)
    _leftovers_are_found(heat)
    _unseen_work_is_read(heat)


@pytest.mark.parametrize("server", ["on_mariadb", "on_postgresql", "on_sqlite"])
def test_the_cheap_counts_are_those_of_the_whole_reading(
    request: pytest.FixtureRequest, server: str
) -> None:
    heat = request.getfixturevalue(server)()
    heat.db_sync(25)
    heat.fill()
    heat.hold_unseen()
    whole, cheap = database.observe(heat.site()), work_counts.observe(heat.site())
    assert cheap.stacks == len(whole.in_flight) > 0
    assert cheap.resources == sum(len(stack.resources) for stack in whole.in_flight) > 0
    assert [(row.engine_id, row.alive) for row in cheap.services] == [
        (row.engine_id, row.alive) for row in whole.services
    ]


@pytest.mark.parametrize("release", [25, 26])
def test_schemas_on_sqlite(on_sqlite: Make, release: int) -> None:
    heat = on_sqlite()
    heat.db_sync(release)
    heat.fill()
    _is_read_whole(database.observe(heat.site()), release)
    _leftovers_are_found(heat)
    _unseen_work_is_read(heat)


def test_migrate_version_stays_behind_when_alembic_takes_over(on_mariadb: Make) -> None:
    heat = on_mariadb()
    heat.db_sync(20)
    heat.db_sync(21)
    found = database.observe(heat.site())
    assert (found.revisions, found.migrate_version) == (("c6214ca60943",), 86)


def test_the_time_of_the_last_schema_change_is_that_of_db_sync(
    mariadb: MariaDB, on_mariadb: Make
) -> None:
    heat = on_mariadb()
    heat.db_sync(26)
    name = make_url(heat.url).database
    found = database.observe(heat.site()).changed_at
    assert found is not None
    # The server tells whole seconds.
    until(lambda: datetime.now(UTC) > found + timedelta(seconds=2), "another second")
    mariadb.execute("CREATE TABLE of_the_site (i INT)", database=name)
    mariadb.execute("OPTIMIZE TABLE stack, snapshot, event", database=name)
    assert database.observe(heat.site()).changed_at == found
    # A revision that is not known here may have touched any table.
    heat.execute("UPDATE alembic_version SET version_num = 'f00d'")
    assert database.observe(heat.site()).changed_at != found


def test_only_reading_statements_reach_the_server(
    mariadb: MariaDB, filled: HeatDatabase, tmp_path: Path
) -> None:
    site = filled.site()
    site.gate_folder = tmp_path
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    with mariadb.verbs() as verbs:
        for source in (database, leftovers, work_counts, baseline):
            source.observe(site)
        ask_in_session(site, lambda session: failed_by_upgrade._read(session, an_hour_ago))
        ask_in_session(site, lambda session: preserved._compare(session, tmp_path))
    assert "SELECT" in verbs
    assert verbs <= {"SELECT", "SHOW", "DESCRIBE", "SET", "COMMIT", "ROLLBACK"}


def test_a_server_whose_clock_is_wrong(mariadb: MariaDB, filled: HeatDatabase) -> None:
    check = check_at("services.clock", "pre")
    agreed = judge(check, "pre", database=database.observe(filled.site()))
    assert agreed.findings == []
    # What every session of Heat's account is told first.
    mariadb.execute("SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() + 40'")
    try:
        gate = judge(check, "pre", database=database.observe(filled.site()))
    finally:
        mariadb.execute("SET GLOBAL init_connect = ''")
    (finding,) = gate.findings
    assert finding.level == "blocker"
    assert finding.object == "clock of this machine"
    # The server's timestamp is in whole seconds.
    assert -40 <= finding.data["seconds_ahead"] <= -38
    assert "s behind that of the database's server" in finding.summary


@pytest.mark.parametrize("kind", ["mariadb", "postgresql", "sqlite"])
def test_the_session_cannot_write(
    request: pytest.FixtureRequest, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heat: HeatDatabase = request.getfixturevalue(f"on_{kind}")()
    heat.db_sync(25)

    def write(connection: object, *_: object) -> Database:
        connection.exec_driver_sql("DELETE FROM stack")  # type: ignore[attr-defined]
        raise AssertionError("a write was accepted")

    monkeypatch.setattr(database, "_read", write)
    with pytest.raises(Unobserved):
        database.observe(heat.site())


def test_select_is_enough_and_a_missing_grant_is_named(
    mariadb: MariaDB, filled: HeatDatabase
) -> None:
    mariadb.execute(f"CREATE USER reader@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
    for table in ("alembic_version", *REQUIRED):
        mariadb.execute(f"GRANT SELECT ON heat_filled.{table} TO reader@'127.0.0.1'")
    url = f"mysql+pymysql://reader@127.0.0.1:{mariadb.port}/heat_filled"
    password = filled.folder / "password"
    password.write_text(f"{PASSWORD}\n", "utf-8")
    site = filled.site(url=url, password_file=password)
    _is_read_whole(database.observe(site), 25)
    assert leftovers.observe(site).services
    mariadb.execute("REVOKE SELECT ON heat_filled.resource FROM reader@'127.0.0.1'")
    with pytest.raises(Unobserved, match=r"has no table resource.*grant SELECT"):
        database.observe(site)
    mariadb.execute("GRANT INSERT ON heat_filled.resource TO reader@'127.0.0.1'")
    with pytest.raises(Unobserved, match="may not read table resource; grant the account SELECT"):
        database.observe(site)


def test_a_statement_that_waits_is_ended_by_the_server(
    mariadb: MariaDB, filled: HeatDatabase
) -> None:
    waiting = (
        "SELECT info FROM information_schema.processlist "
        "WHERE db = 'heat_filled' AND command = 'Query'"
    )
    with _locked(mariadb):
        with pytest.raises(Unobserved, match=r"longer than database\.statement_timeout"):
            database.observe(filled.site(statement_timeout="1s"))
        # The table is locked still, and nobody waits for it any more.
        assert mariadb.execute(waiting) == []


class _locked:
    """The table `stack` locked by another session, so that reading it waits."""

    def __init__(self, mariadb: MariaDB) -> None:
        self._connection = mariadb._connect("heat_filled")

    def __enter__(self) -> None:
        self._connection.cursor().execute("LOCK TABLES stack WRITE")

    def __exit__(self, *_: object) -> None:
        self._connection.close()


@pytest.fixture
def own_mariadb(tmp_path: Path) -> Iterator[MariaDB]:
    """A server that a test may kill."""
    with MariaDB(tmp_path / "mariadb") as server:
        yield server


def test_a_server_that_dies_while_it_is_read(own_mariadb: MariaDB, tmp_path: Path) -> None:
    own_mariadb.add_database("heat_filled", "heat", PASSWORD)
    heat = HeatDatabase(own_mariadb.url("heat_filled", "heat", PASSWORD), tmp_path)
    heat.db_sync(25)
    said: list[str] = []
    waits = "SELECT 1 FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'"

    def read() -> None:
        try:
            database.observe(heat.site())
        except Unobserved as error:
            said.append(str(error))

    with _locked(own_mariadb):
        reading = threading.Thread(target=read)
        reading.start()
        until(lambda: own_mariadb.execute(waits), "the reader waits for the lock")
        own_mariadb.kill()
        reading.join(timeout=120)
    (sentence,) = said
    assert "the server cannot be reached" in sentence or "was lost" in sentence
    assert PASSWORD not in sentence


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("mariadb", {"password": "wrong-canary"}, "refuses this account or its password"),
        ("mariadb", {"database": "nothing"}, "may not use this database"),
        ("mariadb", {"port": 1}, "cannot be reached; start it"),
        ("mariadb", {"query": {"ssl_verify": "no"}}, "cannot use a parameter of the URL"),
        ("mariadb", {"query": {"charset": "utf9"}}, "cannot use a parameter of the URL"),
        ("postgresql", {"password": "wrong-canary"}, "refuses this account or its password"),
        ("postgresql", {"database": "nothing"}, "no database of this name"),
        ("postgresql", {"port": 1}, "cannot be reached; start it"),
        ("postgresql", {"query": {"charset": "utf8"}}, "cannot use a parameter of the URL"),
        ("sqlite", {"database": "/nowhere/heat.sqlite"}, "check that the file exists"),
    ],
)
def test_each_refusal_has_its_sentence(
    request: pytest.FixtureRequest, kind: str, change: dict[str, Any], words: str
) -> None:
    heat: HeatDatabase = request.getfixturevalue(f"on_{kind}")()
    url = make_url(heat.url).set(**change)
    wrong = HeatDatabase(url.render_as_string(hide_password=False), heat.folder)
    with pytest.raises(Unobserved, match=words) as refused:
        database.observe(wrong.site())
    assert "canary" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_database_that_is_not_heats(on_mariadb: Make) -> None:
    with pytest.raises(Unobserved, match=f"has no table {', '.join(sorted(REQUIRED))}"):
        database.observe(on_mariadb().site())
