"""The schemas that Heat's own db_sync makes in empty databases: made once, then copied."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL

from tests.lab import venvs
from tests.services import processes

_DRIVERS = {"postgresql+psycopg2": "postgresql+psycopg"}


def make(url: URL, release: int, db_sync: Callable[[], None]) -> None:
    """Give a database a release's schema; an empty one gets what `db_sync` left in one like it."""
    if not (kind := _kind_of_empty(url)):
        db_sync()
        return
    name = venvs.interpreter(release).parent.parent.name
    kept = venvs.cache() / "schemas" / f"{name}-{kind}"
    with venvs.made_once(kept) as missing:
        if missing:
            db_sync()
        _copy(url, kept / "schema", out=missing)


def _kind_of_empty(url: URL) -> str:
    """What decides which schema db_sync makes; "" for a database that has tables."""
    backend = url.get_backend_name()
    if backend == "sqlite":
        return "" if Path(str(url.database)).exists() else backend
    driver = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    engine = sa.create_engine(driver, poolclass=sa.NullPool)
    with engine.connect() as connection:
        if sa.inspect(connection).get_table_names():
            return ""
        if backend != "mysql":
            return backend
        defaults = "SELECT @@character_set_database, @@collation_database"
        return "-".join((backend, *connection.exec_driver_sql(defaults).one()))


def _copy(url: URL, kept: Path, *, out: bool) -> None:
    backend = url.get_backend_name()
    if backend == "sqlite":
        there = Path(str(url.database))
        shutil.copyfile(*((there, kept) if out else (kept, there)))
        return
    address = [f"--host={url.host}", f"--port={url.port}"]
    command: list[str | Path]
    if backend == "mysql":
        program = processes.program("mariadb-dump" if out else "mariadb", "mariadb-client")
        what = f"--result-file={kept}" if out else f"--execute=source {kept}"
        command = [program, "--no-defaults", *address, f"--user={url.username}", what]
    else:
        program = processes.program("pg_dump" if out else "psql", "postgresql-client")
        options = ["--no-owner"] if out else ["--quiet", "--set=ON_ERROR_STOP=1"]
        command = [program, *address, f"--username={url.username}", *options, f"--file={kept}"]
    password = str(url.password)
    subprocess.run(
        [*command, str(url.database)],
        env={**os.environ, "MYSQL_PWD": password, "PGPASSWORD": password},
        stdout=subprocess.DEVNULL,
        check=True,
    )
