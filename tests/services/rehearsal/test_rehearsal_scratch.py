"""The scratch database: set as the live one is, lent only if it is safe, gone however it ends."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.errors import Unobserved, UsageError
from heat_upgrade_checks.evidence.backup import newest as backups
from heat_upgrade_checks.evidence.backup.newest import Backup
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.rehearsal import live_server, mariadb_server, private_server
from heat_upgrade_checks.rehearsal.scratch import NotCleanedUp, Scratch, scratch
from tests.services import processes
from tests.services.heat_databases import PASSWORD, HeatDatabase, Make
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.waiting import until

CANARY = "canary-of-the-scratch-9a3e"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of its own for temporary files, which has to be empty in the end."""
    assert tmp_path.exists()  # It must not be made in there.
    folder = Path(tempfile.mkdtemp(prefix="scratch-test-"))
    folder.chmod(0o711)
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    left = list(folder.iterdir())
    shutil.rmtree(folder)
    assert left == []


def a_backup(tmp_path: Path) -> Backup:
    path = tmp_path / "small.sql"
    path.write_text("-- MariaDB dump 10\n-- Dump completed\n", encoding="utf-8")
    found = backups.read(str(path), "heat").newest
    assert found is not None
    return found


def lending(database: HeatDatabase, url: str, password: str = CANARY) -> Site:
    """The site, with a database lent for the rehearsal."""
    os.environ["SCRATCH_PASSWORD"] = password
    plan = database.site().plan.model_dump(mode="json", exclude_none=True)
    plan["rehearsal"] = {"url": url, "password_env": "SCRATCH_PASSWORD"}
    return Site(Plan.model_validate(plan), database.folder)


def refusal(site: Site, live: live_server.LiveServer, backup: Backup) -> str:
    with pytest.raises(UsageError) as refused, scratch(site, live, backup):
        pass
    assert CANARY not in str(refused.value)
    assert PASSWORD not in str(refused.value)
    return str(refused.value)


def execute(place: Scratch, *statements: str) -> list[Any]:
    engine = sa.create_engine(place.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            result = connection.exec_driver_sql(statement)
        return list(result) if result.returns_rows else []


def test_a_private_mariadb_is_set_as_the_live_server(tmp_path: Path, temporary: Path) -> None:
    options = (
        "--character-set-server=utf8mb4",
        "--collation-server=utf8mb4_unicode_ci",
        "--sql-mode=ANSI_QUOTES,STRICT_ALL_TABLES",
        "--innodb-default-row-format=compact",
        "--innodb-strict-mode=OFF",
        "--lower-case-table-names=1",
        "--explicit-defaults-for-timestamp=OFF",
        "--old-mode=",
    )
    with MariaDB(tmp_path / "live", *options) as server:
        server.add_database("heat", "heat", PASSWORD, "utf8mb3")
        site = HeatDatabase(server.url("heat", "heat", PASSWORD), tmp_path).site()
        live = live_server.observe(site)
        with scratch(site, live, a_backup(tmp_path)) as place:
            assert place.differs == ()
            assert place.is_private
            assert place.folder.parent == temporary
            assert place.folder.stat().st_mode & 0o777 == 0o700
            assert "charset=utf8" in place.heats_url
            statement = (
                "SELECT @@sql_mode, @@character_set_database, @@character_set_server,"
                " @@lower_case_table_names, @@innodb_default_row_format, @@innodb_strict_mode,"
                " @@skip_networking"
            )
            assert execute(place, statement) == [
                ("ANSI_QUOTES,STRICT_ALL_TABLES", "utf8mb3", "utf8mb4", 1, "compact", 0, 1)
            ]


def test_what_the_local_server_does_not_know_is_told(on_mariadb: Make, tmp_path: Path) -> None:
    site = on_mariadb().site()
    known = live_server.observe(site)
    settings = {
        **known.settings,
        "sql_require_primary_key": "OFF",
        "collation_server": "utf8mb4_0900_ai_ci",
    }
    live = live_server.LiveServer(
        **{
            **known.__dict__,
            "flavour": "MySQL",
            "version": "8.0.36",
            "collation": "utf8mb4_0900_ai_ci",
            "charset": "utf8mb4",
            "settings": settings,
        }
    )
    with scratch(site, live, a_backup(tmp_path)) as place:
        assert f"server is {place.server}, the live one is MySQL 8.0.36" in place.differs
        assert any("collation is utf8mb4_general_ci, the live" in d for d in place.differs)
        assert any("sql_require_primary_key is unknown" in d for d in place.differs)
        assert any(d.startswith("collation_server is ") for d in place.differs)
        assert len(place.differs) == 4


def test_a_private_postgresql_is_set_as_the_live_server(tmp_path: Path) -> None:
    with PostgreSQL(tmp_path / "live", "standard_conforming_strings=off") as server:
        server.add_database("heat", "he-at", PASSWORD)
        server.execute(
            "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' OWNER \"he-at\""
        )
        for name, encoding in (("heat", "UTF8"), ("latin", "LATIN1")):
            site = HeatDatabase(server.url(name, "he-at", PASSWORD), tmp_path).site()
            with scratch(site, live_server.observe(site), a_backup(tmp_path)) as place:
                assert place.differs == ()
                rows = execute(
                    place,
                    "SELECT current_setting('server_encoding'), current_user::text,"
                    " current_setting('standard_conforming_strings'), current_database()::text",
                )
                assert rows == [(encoding, "he-at", "off", name)]
                assert place.heats_url.startswith("postgresql://he-at@/")


def test_sqlite_gets_a_file_of_its_own(on_sqlite: Make, tmp_path: Path) -> None:
    database = on_sqlite()
    (tmp_path / "heat.sqlite").touch()
    site = database.site()
    with scratch(site, live_server.observe(site), a_backup(tmp_path)) as place:
        assert Path(str(place.url.database)).parent == place.folder


def test_a_folder_whose_path_is_too_long_for_a_socket(
    on_mariadb: Make, on_postgresql: Make, tmp_path: Path, temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    long = temporary / ("x" * 100)
    long.mkdir()
    long.chmod(0o711)
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    for make in (on_mariadb, on_postgresql):
        site = make().site()
        with scratch(site, live_server.observe(site), a_backup(tmp_path)) as place:
            assert execute(place, "SELECT 1") == [(1,)]
            socket = str(place.url.query.get("unix_socket") or place.url.query["host"])
    assert not Path(socket).exists()
    long.rmdir()


def test_too_little_room_is_told_beforehand(
    on_mariadb: Make, tmp_path: Path, temporary: Path
) -> None:
    site = on_mariadb().site()
    small = a_backup(tmp_path)
    large = Backup(**{**small.__dict__, "decoded_bytes": 10**15})
    told = refusal(site, live_server.observe(site), large)
    assert str(temporary) in told
    assert "the rehearsal needs 2000000.0 GB" in told


def test_no_server_on_this_machine(
    on_mariadb: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = on_mariadb().site()
    live = live_server.observe(site)
    monkeypatch.setattr(private_server, "_SERVER_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(Unobserved, match="apt-get install mariadb-server"),
        scratch(site, live, a_backup(tmp_path)),
    ):
        pass


@pytest.mark.parametrize(("flavour", "first"), [("MySQL", "mysqld"), ("MariaDB", "mariadbd")])
def test_the_live_server_is_rehearsed_on_one_of_its_own_kind(
    flavour: str, first: str, on_mariadb: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mysqld", "mariadbd"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        (tmp_path / name).chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(private_server, "_SERVER_FOLDERS", ())
    site = on_mariadb().site()
    live = replace(live_server.observe(site), flavour=flavour)
    with (
        pytest.raises(Unobserved, match=f"{tmp_path / first} made no data folder"),
        scratch(site, live, a_backup(tmp_path)),
    ):
        pass


def test_a_server_that_does_not_start_says_why(
    on_mariadb: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = on_mariadb().site()
    live = live_server.observe(site)
    monkeypatch.setattr(mariadb_server, "_HASTE", ("--no-such-option",))
    with (
        pytest.raises(Unobserved, match=r"exit code 1.: .*no-such-option"),
        scratch(site, live, a_backup(tmp_path)),
    ):
        pass


def test_observing_the_live_server_writes_nothing(on_mariadb: Make, mariadb: MariaDB) -> None:
    site = on_mariadb().site()
    with mariadb.verbs() as verbs:
        live_server.observe(site)
    assert verbs
    assert verbs <= {"SELECT", "SHOW", "SET", "COMMIT", "ROLLBACK"}


@pytest.fixture
def lent_maria(mariadb: MariaDB) -> str:
    name = f"lent_{os.urandom(4).hex()}"
    mariadb.add_database(name, name, CANARY)
    return f"mysql://{name}@127.0.0.1:{mariadb.port}/{name}"


@pytest.fixture
def lent_postgres(postgresql: PostgreSQL) -> str:
    name = f"lent_{os.urandom(4).hex()}"
    postgresql.add_database(name, name, CANARY)
    return f"postgresql://{name}@127.0.0.1:{postgresql.port}/{name}"


_MYSQL_OBJECTS = (
    "CREATE TABLE parent (id INT PRIMARY KEY)",
    "CREATE TABLE child (id INT, FOREIGN KEY (id) REFERENCES parent (id))",
    "CREATE VIEW v AS SELECT * FROM parent",
    "CREATE SEQUENCE s",
    "CREATE PROCEDURE p() SELECT 1",
    "CREATE FUNCTION f() RETURNS INT RETURN 1",
    "CREATE TRIGGER t BEFORE INSERT ON parent FOR EACH ROW SET NEW.id = 1",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
)
_POSTGRESQL_OBJECTS = (
    "CREATE TABLE public.parent (id SERIAL PRIMARY KEY, other INT GENERATED ALWAYS AS IDENTITY)",
    "CREATE TABLE public.child (id INT REFERENCES parent (id))",
    "CREATE VIEW public.v AS SELECT * FROM parent",
    "CREATE MATERIALIZED VIEW public.m AS SELECT * FROM parent",
    "CREATE SEQUENCE public.s",
    "CREATE TYPE public.colour AS ENUM ('red')",
    "CREATE DOMAIN public.d AS INT",
    "CREATE FUNCTION public.f(integer) RETURNS INT LANGUAGE sql AS 'SELECT 1'",
    'CREATE SCHEMA "An other"',
    'CREATE TABLE "An other"."Tab" (id INT)',
)


@pytest.mark.parametrize("kind", ["mariadb", "postgresql"])
def test_a_lent_database_is_used_and_emptied(
    kind: str, postgresql: PostgreSQL, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    database: HeatDatabase = request.getfixturevalue(f"on_{kind}")()
    url = request.getfixturevalue({"mariadb": "lent_maria", "postgresql": "lent_postgres"}[kind])
    if kind == "postgresql":
        postgresql.execute(
            "GRANT CREATE ON SCHEMA public TO PUBLIC", database=str(sa.make_url(url).database)
        )
    site = lending(database, url)
    live, backup = live_server.observe(site), a_backup(tmp_path)
    objects = _MYSQL_OBJECTS if kind == "mariadb" else _POSTGRESQL_OBJECTS
    for number in range(2):
        with scratch(site, live, backup) as place:
            assert not place.is_private
            assert CANARY not in repr(place)
            assert CANARY in place.heats_url
            told = refusal_after(place, site, live, backup, objects)
            assert "is not empty" in told, number


def refusal_after(
    place: Scratch,
    site: Site,
    live: live_server.LiveServer,
    backup: Backup,
    objects: tuple[str, ...],
) -> str:
    execute(place, *objects)
    return refusal(site, live, backup)


def test_the_live_database_is_never_lent(
    on_mariadb: Make, on_postgresql: Make, tmp_path: Path
) -> None:
    for make in (on_mariadb, on_postgresql):
        database = make()
        live = live_server.observe(database.site())
        url = sa.make_url(database.url)
        for host in ("127.0.0.1", "localhost", "127.0.0.2"):
            if host == "127.0.0.2" and live.backend == "postgresql":
                continue
            spelt = url.set(host=host, drivername=live.backend)._replace(password=None)
            site = lending(database, str(spelt), PASSWORD)
            told = refusal(site, live, a_backup(tmp_path))
            if host != "127.0.0.2":
                assert "is Heat's live database" in told


def test_a_lent_database_of_another_kind_or_without_access(
    on_mariadb: Make, lent_maria: str, lent_postgres: str, tmp_path: Path
) -> None:
    database = on_mariadb()
    live, backup = live_server.observe(database.site()), a_backup(tmp_path)
    told = refusal(lending(database, lent_postgres), live, backup)
    assert "rehearsal.url names postgresql and Heat's database is mysql" in told
    told = refusal(lending(database, lent_maria, f"wrong-{CANARY}"), live, backup)
    assert "refuses this account or its password; correct rehearsal.url" in told
    told = refusal(lending(database, lent_maria.rpartition("/")[0]), live, backup)
    assert "names no database" in told


_TOOL = """
import json, os, subprocess, sys, time
from pathlib import Path
from datetime import UTC, datetime
from heat_upgrade_checks.evidence import backup
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.plan import load
from heat_upgrade_checks.rehearsal import live_server
from heat_upgrade_checks.rehearsal.restore import restore
from heat_upgrade_checks.rehearsal.scratch import scratch
plan, _ = load(Path(sys.argv[1]))
site = Site(plan, Path(sys.argv[1]).parent)
live = live_server.observe(site)
quiet = subprocess.DEVNULL
newest = backup.read(sys.argv[2], live.database).newest
with scratch(site, live, newest) as place:
    restore(newest, live.database, place, lambda *_: None)
    other = subprocess.Popen(["sleep", "600"], close_fds=False, stdout=quiet, stderr=quiet)
    print(json.dumps({"folder": str(place.folder), "other": other.pid}), flush=True)
    if sys.argv[3] == "raise":
        raise RuntimeError("on purpose")
    if sys.argv[3] == "wait":
        time.sleep(600)
"""


def start_tool(
    site: Site, backup: Path, how: str, user: str | None = None
) -> "subprocess.Popen[bytes]":
    plan = site.upgrade_folder / "heat-upgrade.yaml"
    content = site.plan.model_dump(mode="json", exclude_none=True)
    plan.write_text(json.dumps(content), encoding="utf-8")
    account = pwd.getpwnam(user) if user else None
    return subprocess.Popen(
        [sys.executable, "-c", _TOOL, str(plan), str(backup), how],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        # A parent that ignores it, as a worker of pytest-xdist does, hands that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


_ENDS = {
    "end": None,
    "raise": None,
    "SIGKILL": signal.SIGKILL,
    "SIGTERM": signal.SIGTERM,
    "SIGINT": signal.SIGINT,
}


@pytest.mark.parametrize("how", _ENDS)
@pytest.mark.parametrize(
    "place", ["private maria", "private postgres", "lent maria", "lent postgres"]
)
def test_nothing_is_left_however_the_tool_ends(
    place: str,
    how: str,
    mariadb: MariaDB,
    postgresql: PostgreSQL,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    temporary: Path,
) -> None:
    kind = "postgresql" if "postgres" in place else "mariadb"
    server = postgresql if kind == "postgresql" else mariadb
    database: HeatDatabase = request.getfixturevalue(f"on_{kind}")()
    name = str(sa.make_url(database.url).database)
    server.execute("CREATE TABLE stack (id INT PRIMARY KEY)", database=name)
    server.execute("INSERT INTO stack VALUES (1)", database=name)
    backup = tmp_path / "heat.sql"
    server.dump(name, backup)
    site = database.site()
    lent = ""
    if place.startswith("lent"):
        lent = request.getfixturevalue(place.replace(" ", "_"))
        rehearsed = str(sa.make_url(lent).database)
        site = lending(database, lent)
    if place == "lent postgres":
        grant = "GRANT ALL ON SCHEMA public TO PUBLIC"
        server.execute(grant, database=rehearsed)
    number = _ENDS[how]
    tool = start_tool(site, backup, "wait" if number else how)
    assert tool.stdout is not None
    with tool.stdout:
        said = json.loads(tool.stdout.readline())
    try:
        assert Path(said["folder"]).parent == temporary
        if number:
            started = processes.started_in(temporary)
            assert bool(started) == (not lent)
            assert_no_canary([*started, *(set(children(tool.pid)) - {said["other"]})])
            tool.send_signal(number)
        tool.wait(120)
        until(
            lambda: not (list(temporary.iterdir()) or processes.started_in(temporary)),
            "the rehearsal's folders and programs gone",
        )
        if lent:
            tables = (
                "SELECT table_name FROM information_schema.tables WHERE table_name = 'stack' "
                f"AND '{rehearsed}' IN (table_schema, table_catalog)"
            )
            until(lambda: not server.execute(tables, database=rehearsed), f"{rehearsed} empty")
        assert processes.is_alive(said["other"])
    finally:
        os.kill(said["other"], signal.SIGKILL)
    assert server.execute("SELECT id FROM stack", database=name) == [(1,)]


def children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry.name))
    return found


def assert_no_canary(pids: list[int]) -> None:
    """No process that the tool started shows a password by its title or its environment."""
    assert pids
    for pid in pids:
        for what in ("cmdline", "environ"):
            content = (Path("/proc") / str(pid) / what).read_bytes()
            assert PASSWORD.encode() not in content
            assert CANARY.encode() not in content


def test_a_clean_up_that_fails_names_what_is_left(
    on_mariadb: Make, mariadb: MariaDB, lent_maria: str, tmp_path: Path
) -> None:
    database = on_mariadb()
    site = lending(database, lent_maria)
    name = sa.make_url(lent_maria).database
    lent = scratch(site, live_server.observe(site), a_backup(tmp_path))
    execute(lent.__enter__(), "CREATE TABLE stays (id INT)")
    for host in ("localhost", "127.0.0.1"):
        mariadb.execute(f"REVOKE DROP ON `{name}`.* FROM `{name}`@`{host}`")
    with pytest.raises(NotCleanedUp, match="left behind: 1 objects such as `stays`") as failed:
        lent.__exit__(None, None, None)
    assert CANARY not in str(failed.value)
