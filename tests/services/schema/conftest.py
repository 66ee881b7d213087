"""What several tests of schemas are given."""

import pytest

from tests.services.heat_databases import PASSWORD, HeatDatabase
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.schema.compatibilities import Make


@pytest.fixture(scope="module")
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """What makes an empty database on a kind of server; utf8mb3 as in clouds that are old."""

    def made(kind: str) -> HeatDatabase:
        folder = tmp_path_factory.mktemp("schema")
        server: MariaDB | PostgreSQL = request.getfixturevalue(kind)
        name = f"heat_{folder.name}"
        if isinstance(server, MariaDB):
            server.add_database(name, name, PASSWORD, charset="utf8mb3")
        else:
            server.add_database(name, name, PASSWORD)
        return HeatDatabase(server.url(name, name, PASSWORD), folder)

    return made
