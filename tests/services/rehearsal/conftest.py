"""What several tests of rehearsals are given."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.heat_databases import HeatDatabase, Make
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.rehearsal.restores import filled
from tests.services.rehearsal.scratches import CANARY


@pytest.fixture
def on_26(on_mariadb: Make) -> HeatDatabase:
    """A database of 26 on MariaDB with a template and stacks in it."""
    heat = on_mariadb()
    heat.db_sync(26)
    heat.fill()
    return heat


@pytest.fixture
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


@pytest.fixture
def lent_maria(mariadb: MariaDB) -> str:
    """The URL, without its password, of an empty database that may be lent."""
    name = f"lent_{os.urandom(4).hex()}"
    mariadb.add_database(name, name, CANARY)
    return f"mysql://{name}@127.0.0.1:{mariadb.port}/{name}"


@pytest.fixture
def lent_postgres(postgresql: PostgreSQL) -> str:
    """The URL, without its password, of an empty database that may be lent."""
    name = f"lent_{os.urandom(4).hex()}"
    postgresql.add_database(name, name, CANARY)
    return f"postgresql://{name}@127.0.0.1:{postgresql.port}/{name}"


@pytest.fixture(scope="session")
def on_maria(mariadb: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> HeatDatabase:
    """Heat's database of 25 with rows, a view, a trigger and a routine; another one beside it."""
    mariadb.add_database("rehearsed", "rehearsed", "canary-of-restore-1")
    mariadb.add_database("neighbour", "neighbour", "canary-of-restore-1")
    mariadb.execute("CREATE TABLE secret (id INT)", database="neighbour")
    url = mariadb.url("rehearsed", "rehearsed", "canary-of-restore-1")
    database = HeatDatabase(url, tmp_path_factory.mktemp("maria"))
    filled(database)
    return database


@pytest.fixture(scope="session")
def on_postgres(postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> HeatDatabase:
    """Heat's database of 25 with rows, beside another one."""
    postgresql.add_database("rehearsed", "rehearsed", "canary-of-restore-2")
    postgresql.add_database("neighbour", "neighbour", "canary-of-restore-2")
    postgresql.execute("CREATE TABLE secret (id INT)", database="neighbour")
    url = postgresql.url("rehearsed", "rehearsed", "canary-of-restore-2")
    database = HeatDatabase(url, tmp_path_factory.mktemp("postgres"))
    filled(database)
    return database
