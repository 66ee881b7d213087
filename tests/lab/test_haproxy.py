"""The HAProxy of the lab: who is in rotation is told at run time, and a drained server answers."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from tests.lab.haproxy import HAProxy
from tests.services.processes import ServerError
from tests.waiting import until


@contextmanager
def _server(name: str, go_on: threading.Event | None = None) -> Iterator[tuple[str, int]]:
    """A server that answers with its name; to /slow only once it may."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/slow" and go_on is not None:
                go_on.wait(120)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield "127.0.0.1", server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[HAProxy]:
    with ExitStack() as stack:
        servers = {name: stack.enter_context(_server(name)) for name in ("one", "two")}
        with HAProxy(tmp_path, servers) as started:
            for name in servers:
                started.wait_up(name)
            yield started


def _answer(balancer: HAProxy, path: str = "/") -> str:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"{balancer.root}{path}", timeout=120)
        return answer.text if answer.ok else str(answer.status_code)


def _answers(balancer: HAProxy) -> set[str]:
    return {_answer(balancer) for _ in range(6)}


def test_servers_leave_and_come_back(balancer: HAProxy) -> None:
    assert _answers(balancer) == {"one", "two"}
    balancer.drain("one")
    assert balancer.statuses() == {"one": "DRAIN", "two": "UP"}
    assert _answers(balancer) == {"two"}
    balancer.set_state("two", "maint")
    assert _answers(balancer) == {"503"}
    for name in ("one", "two"):
        balancer.set_state(name, "ready")
        balancer.wait_up(name)
    assert _answers(balancer) == {"one", "two"}


def test_a_server_that_moves(balancer: HAProxy) -> None:
    balancer.set_state("two", "maint")
    with _server("three") as (address, port):
        balancer.set_address("one", address, port)
        assert _answers(balancer) == {"three"}
        # Nobody answers there: it is found out, and so is its return.
        balancer.set_address("one", address, 1)
        until(lambda: balancer.statuses()["one"] == "DOWN", "found out")
        balancer.set_address("one", address, port)
        balancer.wait_up("one")
        assert _answers(balancer) == {"three"}
    with pytest.raises(ServerError, match="No such server"):
        balancer.set_state("four", "ready")
    with pytest.raises(ServerError):
        balancer.set_address("one", "nowhere", 1)


def test_draining_waits_for_the_last_answer(tmp_path: Path) -> None:
    go_on = threading.Event()
    got: list[str] = []
    with _server("slow", go_on) as where, HAProxy(tmp_path, {"slow": where}) as balancer:
        balancer.wait_up("slow")
        asking = threading.Thread(target=_collect(got, lambda: _answer(balancer, "/slow")))
        asking.start()
        until(lambda: balancer.sessions("slow") == 1, "asked")
        with pytest.raises(ServerError, match="server slow drained"):
            balancer.drain("slow", 1)
        go_on.set()
        balancer.drain("slow")
        asking.join()
        assert got == ["slow"]
        pids = balancer.pids
        assert len(pids) == 1
    assert balancer.pids == []


def _collect(into: list[str], ask: Callable[[], str]) -> Callable[[], None]:
    return lambda: into.append(ask())
