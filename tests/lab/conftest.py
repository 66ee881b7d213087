"""What tests with real Heats are given; labs are shared, one of each kind per session."""

import shutil
import venv
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from heat_upgrade_checks.evidence.code.interpreter import Interpreter
from tests.lab import venvs
from tests.lab.credentials import Credentials
from tests.lab.deployment import Lab
from tests.lab.installations import packages_of
from tests.lab.keystone import Keystone
from tests.lab.rolling import Rolling
from tests.lab.upgraded_configuration import BASE, Make, Upgrade
from tests.services.mariadb import MariaDB
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


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Any]:
    """Makes a virtualenv of links into a release's own, without some of its distributions."""

    def make(release: int, *without: str) -> Path:
        folder = tmp_path / "copy"
        venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
        (packages,) = folder.glob("lib/python*/site-packages")
        for entry in packages_of(release).iterdir():
            if not entry.name.startswith((*without, "__pycache__")):
                (packages / entry.name).symlink_to(entry)
        return folder / "bin" / "python"

    yield make
    shutil.rmtree(tmp_path / "copy", ignore_errors=True)


@pytest.fixture(scope="module")
def interpreters() -> Iterator[Callable[[int], Interpreter]]:
    """The interpreters of releases, each started once for all tests here."""
    started: dict[int, Interpreter] = {}

    def interpreter(release: int) -> Interpreter:
        if release not in started:
            started[release] = Interpreter(venvs.interpreter(release), "target")
        return started[release]

    yield interpreter
    started.clear()


@pytest.fixture
def upgrade(tmp_path: Path, interpreters: Callable[[int], Interpreter]) -> Make:
    """Makes an upgrade; both sides have the same heat.conf at first."""
    numbers = count()

    def make(current: int, target: int, more: str = "", *, both: str = "") -> Upgrade:
        # A folder of its own, for an interpreter puts the same question once.
        folder = tmp_path / str(next(numbers))
        made = Upgrade(folder, interpreters, current, target)
        made.write("current", BASE + both)
        made.write("target", BASE + both + more)
        return made

    return make


@pytest.fixture(scope="module")
def keystone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keystone]:
    """A Keystone with Heat's accounts, and nothing of Heat."""
    folder = tmp_path_factory.mktemp("keystone")
    with (
        interrupted_by_sigterm(),
        MariaDB(folder / "mariadb") as mariadb,
        Keystone(folder / "keystone", Credentials(), mariadb) as running,
    ):
        yield running
