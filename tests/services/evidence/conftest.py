"""What several tests of evidence are given."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.services.evidence import broker_sites
from tests.services.evidence.clouds import SECRET, TEMPLATE, Cloud
from tests.services.evidence.new_vhosts import Place, make_place
from tests.services.heat_databases import PASSWORD, HeatDatabase
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL
from tests.services.rabbitmq import RabbitMQ


@pytest.fixture
def vhost(rabbitmq: RabbitMQ) -> str:
    """A vhost of the test's own, with a slash in its name."""
    name = f"/heat-{uuid4().hex[:8]}"
    rabbitmq.add_vhost(name)
    rabbitmq.add_user("heat", broker_sites.PASSWORD, "monitoring", {name: broker_sites.ALL})
    return name


@pytest.fixture
def place(rabbitmq: RabbitMQ, tmp_path: Path) -> Place:
    """Heat's account may do everything on the new vhost; the watcher is an administrator."""
    return make_place(rabbitmq, tmp_path)


@pytest.fixture(params=["mariadb", "postgresql"])
def cloud(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cloud]:
    """Heat's database, empty, on a server of each kind."""
    server: MariaDB | PostgreSQL = request.getfixturevalue(request.param)
    name = f"heat_{uuid4().hex[:12]}"
    server.add_database(name, name, PASSWORD)
    made = Cloud(HeatDatabase(server.url(name, name, PASSWORD), tmp_path))
    yield made
    made.engine.dispose()


@pytest.fixture
def settled(cloud: Cloud) -> Cloud:
    """Release 25 with some stacks of three resources and two outputs."""
    cloud.sync(25)
    cloud.template(1, TEMPLATE)
    cloud.template(2, json.dumps({"Outputs": {"Address": {"Value": SECRET}}}))
    cloud.template(3, "{}")
    return cloud
