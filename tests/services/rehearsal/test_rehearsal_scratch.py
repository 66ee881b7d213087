"""The scratch database on a private server: set as the live one is."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.backup.newest import Backup
from heat_upgrade_checks.rehearsal import live_server, mariadb_server, private_server
from heat_upgrade_checks.rehearsal.scratch import scratch
from tests.services.heat_databases import PASSWORD, HeatDatabase, Make
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.rehearsal.scratches import a_backup, execute, refusal

pytestmark = pytest.mark.usefixtures("temporary")


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
        assert place.unlike == place.differs[:2]


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
