"""A private HAProxy before the APIs of a lab, told at run time which of them are in rotation."""

import csv
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from tests.services import processes
from tests.services.started import Server

PACKAGE = "haproxy"
# Whoever is told to leave still answers what it was asked before.
State = Literal["ready", "drain", "maint"]

_BACKEND = "heat-api"
_TIMEOUT = 120.0


class HAProxy(Server):
    """One port of the loopback interface, and behind it the servers in turn, each health-checked.

    The checks ask for /healthcheck, as deployments do, and so see no engine behind an API.
    """

    def __init__(self, folder: Path, servers: Mapping[str, tuple[str, int]]) -> None:
        super().__init__(folder)
        self.port = processes.free_port()
        self.root = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.root}/v1/%(project_id)s"
        self.log = folder / "haproxy.log"
        self.servers = dict(servers)
        self._socket = folder / "stats.sock"

    def _start(self) -> None:
        configuration = self.folder / "haproxy.cfg"
        configuration.write_text(self._configuration(), encoding="utf-8")
        program = processes.program("haproxy", PACKAGE)
        # In the foreground: one process, known by its pid.
        command: list[str | Path] = [program, "-db", "-f", configuration]
        self._run("HAProxy", command, self.log, self._answers)

    def statuses(self) -> dict[str, str]:
        """What it thinks of each server: UP, DOWN, DRAIN, MAINT or on the way between them."""
        return {name: row["status"] for name, row in self._rows().items()}

    def sessions(self, server: str) -> int:
        """The requests that a server is answering now."""
        return int(self._rows()[server]["scur"])

    def set_state(self, server: str, state: State) -> None:
        """Take a server into rotation or out of it."""
        self._command(f"set server {_BACKEND}/{server} state {state}")

    def set_address(self, server: str, address: str, port: int) -> None:
        """Let a server be somewhere else from now on."""
        answer = self.ask(f"set server {_BACKEND}/{server} addr {address} port {port}")
        if "changed from" not in answer and "no need to change" not in answer:
            raise processes.ServerError(f"HAProxy: {answer}")

    def wait_up(self, server: str, seconds: float = 120) -> None:
        """Wait until the checks have found a server well, so that it is given requests."""
        self._wait(lambda: self.statuses()[server] == "UP", f"server {server} up", seconds)

    def drain(self, server: str, seconds: float = 120) -> None:
        """Give a server no new requests, and wait until it has answered those it has."""
        self.set_state(server, "drain")
        self._wait(lambda: not self.sessions(server), f"server {server} drained", seconds)

    def ask(self, command: str) -> str:
        """What the runtime API answers to a command."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_TIMEOUT)
            connection.connect(str(self._socket))
            connection.sendall(f"{command}\n".encode())
            answer = b""
            while received := connection.recv(65536):
                answer += received
        return answer.decode().strip()

    def _command(self, command: str) -> None:
        answer = self.ask(command)
        if answer:
            raise processes.ServerError(f"HAProxy: {command}: {answer}")

    def _rows(self) -> dict[str, dict[str, str]]:
        table = self.ask("show stat").removeprefix("# ").splitlines()
        found = {row["svname"]: row for row in csv.DictReader(table) if row["pxname"] == _BACKEND}
        return {name: found[name] for name in self.servers}

    def _wait(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        if not self._processes:
            raise processes.ServerError("HAProxy was not started")
        self._processes[-1].wait_until(condition, what, seconds)

    def _answers(self) -> bool:
        return self._socket.exists() and processes.listening(self.port)

    def _configuration(self) -> str:
        servers = "\n".join(
            f"    server {name} {address}:{port}" for name, (address, port) in self.servers.items()
        )
        # Every request finds its server anew; one that a server did not take goes to another.
        return f"""\
global
    stats socket {self._socket} mode 600 level admin
    maxconn 500
defaults
    mode http
    timeout connect 3s
    timeout client 100s
    timeout server 100s
    timeout queue 10s
    timeout check 5s
    option http-server-close
    option redispatch
    retries 3
frontend api
    bind 127.0.0.1:{self.port}
    default_backend {_BACKEND}
backend {_BACKEND}
    balance roundrobin
    option httpchk GET /healthcheck
    default-server check inter 1s fall 3 rise 1
{servers}
"""
