"""A real heat-api-cfn says what it is to a request that nobody signed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from heat_upgrade_checks.evidence.api.questions import ASK_UNSIGNED
from tests.lab import configuration, venvs, wsgi
from tests.lab.configuration import FIRST_WITHOUT_API_SERVER, Surroundings
from tests.lab.keystone import Keystone
from tests.services import processes

NOWHERE = "127.0.0.1:9"


@contextmanager
def _heat_api_cfn(release: int, folder: Path, keystone: Keystone) -> Iterator[str]:
    """Its root while it runs, with neither database nor broker."""
    port = processes.free_port()
    root, python = f"http://127.0.0.1:{port}", venvs.interpreter(release)
    own = {"bind_host": "127.0.0.1", "bind_port": str(port), "workers": "1"}
    old = release < FIRST_WITHOUT_API_SERVER
    options = {f"heat_api_cfn__{name}": value for name, value in own.items()} if old else {}
    around = Surroundings("sqlite://", keystone.url, keystone.credentials)
    path = configuration.write(folder, release, "cfn", f"rabbit://{NOWHERE}/n", around, options)
    command: list[str | Path] = (
        [python, python.parent / "heat-api-cfn", "--config-file", path]
        if old
        else wsgi.command(python, "heat.wsgi.cfn", port, f"--pyargv=--config-file {path}")
    )
    process = processes.Process(f"heat-api-cfn {release}", command, folder / "cfn.log")
    try:
        process.wait_until(lambda: _answers(root), "answering")
        yield root
    finally:
        process.kill()


def _answers(root: str) -> bool:
    try:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(root, timeout=5).status_code == 300
    except requests.RequestException:
        return False


@pytest.mark.parametrize("release", [19, 26])
def test_it_answers_without_token_and_signature(
    release: int, tmp_path: Path, keystone: Keystone
) -> None:
    with _heat_api_cfn(release, tmp_path, keystone) as root, requests.Session() as session:
        session.trust_env = False
        assert ASK_UNSIGNED.error(session.get(ASK_UNSIGNED.url(f"{root}/v1"), timeout=60)) == ""
        assert ASK_UNSIGNED.error(session.get(root, timeout=60)) != ""
