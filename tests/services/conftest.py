"""Real servers for tests, one of each kind per session."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.services.heat_databases import PASSWORD, HeatDatabase, Make
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.rabbitmq import RabbitMQ


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    """A running MariaDB, empty at first; each test takes a database of its own."""
    with MariaDB(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """A running PostgreSQL, empty at first; each test takes a database of its own."""
    with PostgreSQL(tmp_path_factory.mktemp("postgresql")) as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A running RabbitMQ, empty at first; each test takes a vhost of its own."""
    with RabbitMQ(tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server


@pytest.fixture
def on_mariadb(mariadb: MariaDB, tmp_path: Path) -> Make:
    """Makes an empty database of its own on MariaDB, with a default charset if one is given."""

    def make(charset: str | None = None) -> HeatDatabase:
        name = f"heat_{uuid4().hex[:12]}"
        mariadb.add_database(name, name, PASSWORD, charset)
        return HeatDatabase(mariadb.url(name, name, PASSWORD), tmp_path)

    return make


@pytest.fixture
def on_postgresql(postgresql: PostgreSQL, tmp_path: Path) -> Make:
    """Makes an empty database of its own on PostgreSQL."""

    def make() -> HeatDatabase:
        name = f"heat_{uuid4().hex[:12]}"
        postgresql.add_database(name, name, PASSWORD)
        return HeatDatabase(postgresql.url(name, name, PASSWORD), tmp_path)

    return make


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Make:
    """Makes a database in a file of SQLite."""
    return lambda: HeatDatabase(f"sqlite:///{tmp_path}/heat.sqlite", tmp_path)
