"""Processes of Heat: an engine with its workers, and an API."""

import re
from pathlib import Path

import requests

from tests.lab import venvs, wsgi
from tests.lab.configuration import FIRST_WITHOUT_API_SERVER
from tests.services import processes
from tests.services.mariadb import MariaDB
from tests.services.rabbitmq import RabbitMQ

_ENGINE_ID = re.compile(r"Starting engine_worker \(\S+\) in engine ([0-9a-f-]{36})")

# Each worker has a queue of its own for both.
_TOPICS = ("engine_worker", "heat-engine-listener")


class Service:
    """One service of one release on one vhost, from its start on."""

    def __init__(self, release: int, vhost: str, host: str, configuration: Path) -> None:
        self.release = release
        self.vhost = vhost
        self.host = host
        self.configuration = configuration
        self._process: processes.Process | None = None

    @property
    def pids(self) -> list[int]:
        """The living processes, the master first."""
        return self._process.pids if self._process else []

    @property
    def alive(self) -> bool:
        """Whether the master lives."""
        return self._process is not None and self._process.alive

    @property
    def log(self) -> Path:
        """What the service wrote."""
        return self._running.log

    def stop(self, seconds: float = 120) -> None:
        """End the service as an operator does; an engine finishes what it has in hand."""
        if self._process:
            self._process.terminate(seconds)

    def terminate(self) -> None:
        """Send SIGTERM to the master and do not wait."""
        self._running.request_end()

    def kill(self) -> None:
        """SIGKILL for master and workers."""
        if self._process:
            self._process.kill()

    def freeze(self) -> None:
        """SIGSTOP for master and workers: alive for the system, dead for everybody else."""
        self._running.freeze()

    def thaw(self) -> None:
        """Let frozen processes go on."""
        self._running.thaw()

    @property
    def _running(self) -> processes.Process:
        if self._process is None:
            raise processes.ServerError("the service was not started")
        return self._process

    def _program(self, name: str) -> Path:
        return venvs.interpreter(self.release).parent / name


class Engine(Service):
    """A heat-engine."""

    def __init__(
        self,
        release: int,
        vhost: str,
        host: str,
        configuration: Path,
        *,
        log: Path,
        workers: int,
        mariadb: MariaDB,
        rabbitmq: RabbitMQ,
    ) -> None:
        super().__init__(release, vhost, host, configuration)
        self._workers = workers
        self._mariadb = mariadb
        self._rabbitmq = rabbitmq
        command: list[str | Path] = [
            self._program("python"),
            self._program("heat-engine"),
            "--config-file",
            configuration,
        ]
        self._process = processes.Process(f"heat-engine {release}", command, log)

    @property
    def engine_ids(self) -> list[str]:
        """The ids of its workers, as each told when it started."""
        return _ENGINE_ID.findall(self.log.read_text(encoding="utf-8", errors="replace"))

    def wait_up(self, seconds: float = 120) -> "Engine":
        """Wait until every worker has its row in the database and is seen to read its queues.

        RabbitMQ tells of consumers with its statistics, seconds late. Ask again after a restart of
        the broker: work that comes before the queues are back is lost.
        """
        self._running.wait_until(self._up, f"{self._workers} workers up", seconds)
        return self

    def _up(self) -> bool:
        ids = set(self.engine_ids)
        if len(ids) < self._workers:
            return False
        query = "SELECT engine_id FROM service WHERE deleted_at IS NULL AND updated_at IS NOT NULL"
        reporting = {engine_id for (engine_id,) in self._mariadb.execute(query, database="heat")}
        own = {f"{topic}.{each}" for topic in _TOPICS for each in ids} | {f"engine.{self.host}"}
        return ids <= reporting and own <= self._rabbitmq.consumed(self.vhost)


class Api(Service):
    """A heat-api: up to Heat 24 the program of that name, later under uwsgi."""

    def __init__(
        self,
        release: int,
        vhost: str,
        host: str,
        configuration: Path,
        *,
        log: Path,
        port: int,
        address: str = "127.0.0.1",
    ) -> None:
        super().__init__(release, vhost, host, configuration)
        self.address = address
        self.port = port
        self.root = f"http://{address}:{port}"
        self.url = f"{self.root}/v1/%(project_id)s"
        if release < FIRST_WITHOUT_API_SERVER:
            command: list[str | Path] = [
                self._program("python"),
                self._program("heat-api"),
                "--config-file",
                configuration,
            ]
        else:
            pyargv = f"--pyargv=--config-file {configuration}"
            python = self._program("python")
            command = wsgi.command(python, "heat.wsgi.api", port, pyargv, address=address)
        self._process = processes.Process(f"heat-api {release}", command, log)

    def wait_up(self, seconds: float = 120) -> "Api":
        """Wait until the API names its versions."""
        self._running.wait_until(self._answers, "answering", seconds)
        return self

    def _answers(self) -> bool:
        try:
            with requests.Session() as session:
                session.trust_env = False
                return session.get(self.root, timeout=5).status_code in (200, 300)
        except requests.RequestException:
            return False
