"""backup.matches-database on real databases: their own backup passes, any other does not."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.errors import NotConfigured
from heat_upgrade_checks.evidence.backup import newest as backup
from heat_upgrade_checks.evidence.backup.live_rows import COUNTED
from heat_upgrade_checks.evidence.backup.newest import Backups
from heat_upgrade_checks.evidence.database import state as database
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.plan import Plan
from tests import judging as checks
from tests.judging import CALLED_WITH
from tests.services import processes
from tests.services.heat_databases import PASSWORD, HeatDatabase, Make
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL

CHECK: Callable[..., None] = checks.check_at("backup.matches-database", "pre")
STACKS = 120


def identity(number: int, deployment: str = "0000") -> str:
    return f"{number:08x}-{deployment}-4000-8000-000000000000"


def fill(heat: HeatDatabase, stacks: int = STACKS, deployment: str = "0000") -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    long_ago = now - timedelta(days=30)
    with heat._adding() as add:
        add("raw_template", id=1, template="{}", created_at=long_ago)
        for number in range(stacks):
            add(
                "stack",
                id=identity(number, deployment),
                name=f"stack-{number} ),('x','y')",
                raw_template_id=1,
                action="CREATE",
                status="COMPLETE",
                created_at=long_ago,
                convergence=True,
                backup=False,
                disable_rollback=True,
                tenant="p1",
                deleted_at=now if number % 2 else None,
            )
            for name in ("server", "port"):
                add(
                    "resource",
                    uuid=f"{name}-{number}-{deployment}",
                    name=name,
                    stack_id=identity(number, deployment),
                    action="CREATE",
                    status="COMPLETE",
                    created_at=long_ago,
                    current_template_id=1,
                )


def execute(heat: HeatDatabase, *statements: str) -> None:
    drivers = {"postgresql+psycopg2": "postgresql+psycopg"}
    url = sa.make_url(heat.url)
    engine = sa.create_engine(url.set(drivername=drivers.get(url.drivername, url.drivername)))
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def site(heat: HeatDatabase, path: Path, **more: Any) -> Site:
    plan = heat.site().plan.model_dump(mode="json")
    plan["backup"] = {"path": str(path), **more}
    return Site(Plan.model_validate(plan), heat.folder)


def judged(heat: HeatDatabase, path: Path, **more: Any) -> tuple[Judgement, Backups]:
    where = site(heat, path, **more)
    backups = backup.observe(where)
    gate = checks.judge(
        CHECK,
        "pre",
        of=where.plan,
        at=datetime.now(UTC),
        backups=backups,
        database=database.observe(where),
    )
    return gate, backups


def said(gate: Judgement) -> list[str]:
    return [f"{finding.level.name.lower()} {finding.summary}" for finding in gate.findings]


def name_of(heat: HeatDatabase) -> str:
    return sa.make_url(heat.url).database or ""


def mariadb_dump(server: MariaDB, heat: HeatDatabase, path: Path, *options: str) -> Path:
    program = processes.program("mariadb-dump", "mariadb-client")
    access = ["--no-defaults", f"--socket={server.socket}", "--user=root"]
    command = [str(program), *access, f"--result-file={path}", name_of(heat), *options]
    subprocess.run(command, check=True)
    return path


@pytest.fixture
def heat(on_mariadb: Make) -> HeatDatabase:
    made = on_mariadb()
    made.db_sync(25)
    fill(made)
    return made


def test_its_own_backup_agrees(heat: HeatDatabase, mariadb: MariaDB, tmp_path: Path) -> None:
    gate, backups = judged(heat, mariadb_dump(mariadb, heat, tmp_path / "b.sql"))
    assert (said(gate), gate.unknowns) == ([], [])
    assert "361 rows of 11 tables, 361 in the live database, 20 of 20 sampled" in gate.extent
    assert backups.newest is not None
    assert backups.live is not None
    assert backups.newest.rows == backups.live.rows
    assert set(backups.live.rows) == COUNTED - {"resource_snapshot"}


@pytest.mark.parametrize(("release", "tables"), [(19, 11), (27, 12)])
def test_the_first_and_the_last_release(
    release: int, tables: int, on_mariadb: Make, mariadb: MariaDB, tmp_path: Path
) -> None:
    made = on_mariadb()
    made.db_sync(release)
    fill(made, 3)
    gate, _ = judged(made, mariadb_dump(mariadb, made, tmp_path / "b.sql"))
    assert (said(gate), gate.unknowns) == ([], [])
    assert f"10 rows of {tables} tables, 10 in the live database, 3 of 3 sampled" in gate.extent


def test_the_resources_of_snapshots_belong_to_a_backup(
    on_mariadb: Make, mariadb: MariaDB, tmp_path: Path
) -> None:
    made = on_mariadb()
    made.db_sync(26)
    fill(made, 8)
    with made._adding() as add:
        for number in range(8):
            add("snapshot", id=f"s{number}", stack_id=identity(number), tenant="p1")
            add("resource_snapshot", id=f"r{number}", snapshot_id=f"s{number}", resource_name="r")
    name = f"{name_of(made)}.resource_snapshot"
    path = tmp_path / "b.sql"
    gate, backups = judged(made, mariadb_dump(mariadb, made, path, f"--ignore-table-data={name}"))
    assert said(gate) == ["blocker holds no row of resource_snapshot, the database has 8"]
    gate, backups = judged(made, mariadb_dump(mariadb, made, path, f"--ignore-table={name}"))
    assert said(gate) == []
    complete = checks.judge(
        checks.check_at("backup.complete", "pre"),
        "pre",
        backups=backups,
        database=database.observe(site(made, path)),
    )
    assert said(complete) == ["blocker lacks 1 of Heat's tables: resource_snapshot"]


def test_what_was_made_since_is_tolerated(
    heat: HeatDatabase, mariadb: MariaDB, tmp_path: Path
) -> None:
    path = mariadb_dump(mariadb, heat, tmp_path / "b.sql")
    made = "INSERT INTO raw_template (template, created_at) SELECT '{}', UTC_TIMESTAMP() FROM stack"
    execute(heat, f"{made} LIMIT 49")
    assert said(judged(heat, path)[0]) == []
    execute(heat, f"{made} LIMIT 100")
    assert said(judged(heat, path)[0]) == [
        "blocker holds 1 rows of raw_template, the database has 150"
    ]
    assert said(judged(heat, path, tolerance=1.0)[0]) == []


def test_rows_that_went_since_are_told(
    heat: HeatDatabase, mariadb: MariaDB, tmp_path: Path
) -> None:
    path = mariadb_dump(mariadb, heat, tmp_path / "b.sql")
    execute(heat, "DELETE FROM resource", "DELETE FROM stack WHERE deleted_at IS NOT NULL")
    gate, _ = judged(heat, path)
    assert said(gate) == [
        "warning holds 240 rows of resource, the database has 0",
        "warning holds 120 rows of stack, the database has 60",
    ]
    assert "purged" in gate.findings[0].hint


def test_too_many_rows_by_an_estimate_are_a_note(
    heat: HeatDatabase, mariadb: MariaDB, tmp_path: Path
) -> None:
    path = mariadb_dump(mariadb, heat, tmp_path / "b.sql")
    # As MySQL's own mysqldump writes it: each name looks like the border of two rows.
    path.write_bytes(
        path.read_bytes().replace(b" VALUES\n(", b" VALUES (").replace(b"),\n(", b"),(")
    )
    gate, _ = judged(heat, path)
    assert said(gate) == ["note holds at most 240 rows of stack, the database has 120"]


def test_a_dump_without_data(heat: HeatDatabase, mariadb: MariaDB, tmp_path: Path) -> None:
    gate, _ = judged(heat, mariadb_dump(mariadb, heat, tmp_path / "b.sql", "--no-data"))
    assert said(gate) == [
        "blocker holds no schema revision: alembic_version has no row in it",
        "blocker holds no row of raw_template, the database has 1",
        "blocker holds no row of resource, the database has 240",
        "blocker holds no row of stack, the database has 120",
        "warning shows no id of a stack, so whose backup it is was not compared",
    ]


@pytest.mark.parametrize("kept", [8, 50])
def test_a_dump_of_some_rows(
    kept: int, heat: HeatDatabase, mariadb: MariaDB, tmp_path: Path
) -> None:
    path = mariadb_dump(mariadb, heat, tmp_path / "b.sql", f"--where=1 LIMIT {kept}")
    assert said(judged(heat, path)[0]) == [
        f"blocker holds {kept} rows of resource, the database has 240 that are older than "
        "the backup",
        f"blocker holds {kept} rows of stack, the database has 120 that are older than the backup",
    ]


ROWS = {
    "raw_template": "template) SELECT '{}'",
    "raw_template_files": "files) SELECT '{}'",
    "resource_data": "resource_id) SELECT (SELECT min(id) FROM resource)",
    "resource_properties_data": "encrypted) SELECT false",
    "stack_tag": "tag, stack_id) SELECT 'web', id",
}


@pytest.mark.parametrize("table", ROWS)
@pytest.mark.parametrize("kept", [0, 1])
def test_a_dump_that_lost_rows_of_one_table(
    table: str, kept: int, heat: HeatDatabase, mariadb: MariaDB, tmp_path: Path
) -> None:
    execute(heat, *(f"INSERT INTO {name} ({values} FROM stack" for name, values in ROWS.items()))
    path = mariadb_dump(
        mariadb, heat, tmp_path / "b.sql", f"--ignore-table-data={name_of(heat)}.{table}"
    )
    if kept:
        rows = mariadb_dump(
            mariadb, heat, tmp_path / "rows.sql", "--no-create-info", "--where=1 LIMIT 1", table
        )
        path.write_bytes(rows.read_bytes() + path.read_bytes())
    (finding,) = judged(heat, path)[0].findings
    has = finding.data["database"]
    assert finding.level == "blocker"
    assert finding.summary == (
        f"holds 1 rows of {table}, the database has {has} that are older than the backup"
        if kept
        else f"holds no row of {table}, the database has {has}"
    )


def test_a_small_database_is_compared_too(
    on_mariadb: Make, mariadb: MariaDB, tmp_path: Path
) -> None:
    made = on_mariadb()
    made.db_sync(25)
    fill(made, 20)
    path = mariadb_dump(mariadb, made, tmp_path / "b.sql", "--where=1 LIMIT 8")
    assert [line.partition(", ")[0] for line in said(judged(made, path)[0])] == [
        "blocker holds 8 rows of resource",
        "blocker holds 8 rows of stack",
    ]


def test_a_backup_of_another_deployment(
    heat: HeatDatabase, on_mariadb: Make, mariadb: MariaDB, tmp_path: Path
) -> None:
    other = on_mariadb()
    other.db_sync(25)
    fill(other, deployment="1111")
    path = mariadb_dump(mariadb, other, tmp_path / "b.sql")
    path.write_bytes(path.read_bytes().replace(name_of(other).encode(), name_of(heat).encode()))
    gate, _ = judged(heat, path)
    assert said(gate) == [
        "blocker none of 20 sampled stacks is in the live database: "
        "it is of another deployment, or all were purged"
    ]


def test_a_backup_of_another_revision(heat: HeatDatabase, mariadb: MariaDB, tmp_path: Path) -> None:
    path = mariadb_dump(mariadb, heat, tmp_path / "b.sql")
    execute(heat, "UPDATE alembic_version SET version_num = '97b2a986f922'")
    assert said(judged(heat, path)[0]) == [
        "blocker holds schema revision c6214ca60943, the database is at 97b2a986f922"
    ]


def test_a_copy_of_the_files_is_not_compared(
    heat: HeatDatabase, mariadb: MariaDB, tmp_path: Path
) -> None:
    program = processes.program("mariabackup", "mariadb-backup")
    command = [str(program), "--no-defaults", "--backup", "--stream=xbstream", "--user=root"]
    command += [f"--socket={mariadb.socket}", f"--datadir={mariadb.folder / 'data'}"]
    command += [f"--target-dir={tmp_path / 'work'}", f"--databases={name_of(heat)}"]
    path = tmp_path / "heat.xbstream"
    path.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    (finding,) = judged(heat, path)[0].findings
    assert finding.level == "warning"
    assert finding.summary.startswith(
        "is a mariabackup stream: its schema revision, rows and stacks were not compared"
    )
    assert finding.commands == (CALLED_WITH.complete(["heat-upgrade-check", "rehearse"]),)


def test_a_cut_backup_is_not_compared(heat: HeatDatabase, mariadb: MariaDB, tmp_path: Path) -> None:
    path = mariadb_dump(mariadb, heat, tmp_path / "b.sql")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(NotConfigured, match=r"see backup\.complete"):
        judged(heat, path)


def test_a_database_that_refuses_leaves_the_facts_of_the_file(
    heat: HeatDatabase, mariadb: MariaDB, tmp_path: Path
) -> None:
    where = site(heat, mariadb_dump(mariadb, heat, tmp_path / "b.sql"))
    facts = database.observe(where)
    mariadb.execute(f"RENAME TABLE `{name_of(heat)}`.snapshot TO `{name_of(heat)}`.away")
    backups = backup.observe(where)
    assert backups.newest is not None
    assert backups.newest.damage == ""
    gate = checks.hand(where.plan, "pre", at=datetime.now(UTC))
    CHECK(backups=backups, database=facts, gate=gate)
    (unknown,) = gate.unknowns
    assert "; " in unknown
    assert PASSWORD not in unknown


@pytest.mark.parametrize("form", ["plain", "custom", "directory"])
def test_backups_of_postgresql(
    form: str, on_postgresql: Make, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    heat = on_postgresql()
    heat.db_sync(25)
    fill(heat, 60)
    path = tmp_path / "backup"
    program = processes.program("pg_dump", "postgresql-client")
    access = ["--host=127.0.0.1", f"--port={postgresql.port}", "--username=postgres"]
    command = [str(program), *access, f"--format={form}", f"--file={path}", name_of(heat)]
    subprocess.run(command, check=True)
    gate, _ = judged(heat, path)
    assert (said(gate), gate.unknowns) == ([], [])
    assert "181 rows of 11 tables, 181 in the live database, 20 of 20 sampled" in gate.extent
    execute(heat, "DELETE FROM resource", "DELETE FROM stack")
    assert said(judged(heat, path)[0]) == [
        "warning holds 120 rows of resource, the database has 0",
        "warning holds 60 rows of stack, the database has 0",
        "blocker none of 20 sampled stacks is in the live database: "
        "it is of another deployment, or all were purged",
    ]


def test_a_copy_of_sqlite(on_sqlite: Make, tmp_path: Path) -> None:
    heat = on_sqlite()
    heat.db_sync(25)
    fill(heat, 60)
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes((tmp_path / "heat.sqlite").read_bytes())
    gate, _ = judged(heat, copy)
    assert said(gate) == []
    assert "20 of 20 sampled" in gate.extent
    execute(heat, "DELETE FROM resource", "DELETE FROM stack WHERE id < '00000020'")
    assert said(judged(heat, copy)[0])[0] == (
        "warning holds 120 rows of resource, the database has 0"
    )
