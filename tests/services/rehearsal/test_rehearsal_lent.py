"""A database that is lent for a rehearsal: used only if that is safe, and emptied."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from heat_upgrade_checks.evidence.backup.newest import Backup
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.rehearsal import live_server
from heat_upgrade_checks.rehearsal.scratch import NotCleanedUp, Scratch, scratch
from tests.services.heat_databases import PASSWORD, HeatDatabase, Make
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.rehearsal.scratches import CANARY, a_backup, execute, lending, refusal

pytestmark = pytest.mark.usefixtures("temporary")

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
    with pytest.raises(NotCleanedUp, match="left behind: 1 object such as `stays`") as failed:
        lent.__exit__(None, None, None)
    assert CANARY not in str(failed.value)
