"""What is at the address of an API: Heat's own answer, another server's, nobody, or no answer."""

import socket
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from heat_upgrade_checks.evidence.api import backends
from heat_upgrade_checks.evidence.api.backends import Backend, Listens
from heat_upgrade_checks.evidence.site import Site
from tests.judging import plan
from tests.serving import Silent, serving


def _answering(status: int) -> AbstractContextManager[str]:
    class Answering(Silent):
        def do_GET(self) -> None:
            self.answer(status, Location="http://127.0.0.1:1/")

    return serving(Answering)


def _seen(tmp_path: Path, *urls: str) -> tuple[Backend, ...]:
    return backends.observe(Site(plan(api={"backends": list(urls)}), tmp_path)).backends


@pytest.mark.parametrize(
    ("status", "listens"),
    [
        (300, Listens.HEAT),
        (401, Listens.HEAT),
        (404, Listens.NOT_HEAT),
        (503, Listens.NOT_HEAT),
        (200, Listens.UNKNOWN),
        (302, Listens.UNKNOWN),
    ],
)
def test_what_answers(tmp_path: Path, status: int, listens: Listens) -> None:
    with _answering(status) as url:
        (seen,) = _seen(tmp_path, url)
    assert (seen.listens, f"answers {status}" in seen.said) == (listens, True)


def test_a_port_at_which_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        (seen,) = _seen(tmp_path, url)
        assert seen == Backend(url, Listens.NOBODY, "refuses the connection")


def test_what_speaks_no_http_or_has_no_address_is_unknown(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(1024)
                peer.sendall(b"SSH-2.0-x\r\n")

        greeting = threading.Thread(target=greet)
        greeting.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        ssh, nowhere = _seen(tmp_path, url, "http://no-such-host.invalid:8004")
        greeting.join()
    assert (ssh.listens, nowhere.listens) == (Listens.UNKNOWN, Listens.UNKNOWN)


def test_without_backends_nobody_is_asked(tmp_path: Path) -> None:
    assert _seen(tmp_path) == ()
