"""Labs that tests share, one of each kind per session."""

from collections.abc import Iterator

import pytest

from tests.lab.deployment import Lab
from tests.lab.rolling import Rolling
from tests.services.processes import interrupted_by_sigterm


@pytest.fixture(scope="session")
def lab_24_25(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rolling]:
    """Heat 24 in service, to be upgraded to 25: same schema, and heat-api moves to uWSGI."""
    with interrupted_by_sigterm(), Lab(tmp_path_factory.mktemp("lab-24-25")) as lab:
        yield Rolling.prepare(lab, 24, 25)


@pytest.fixture(scope="session")
def lab_25_26(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rolling]:
    """Heat 25 in service, to be upgraded to 26: schema and worker RPC change."""
    with interrupted_by_sigterm(), Lab(tmp_path_factory.mktemp("lab-25-26")) as lab:
        yield Rolling.prepare(lab, 25, 26)
