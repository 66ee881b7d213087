"""A private RabbitMQ with the management plugin."""

import os
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from tests.services import processes
from tests.services.started import Server

PACKAGE = "rabbitmq-server"
# The programs on PATH are wrappers that insist on the system's own user and folders.
_PROGRAMS = "/usr/lib/rabbitmq/bin"
# Schedulers that spin while they wait take the processor from the other servers of a small machine.
_NO_BUSY_WAIT = "+sbwt none +sbwtdcpu none +sbwtdio none"


class RabbitMQ(Server):
    """A broker of one node with its own epmd; a restart keeps ports and durable state."""

    def __init__(self, folder: Path, *settings: str, statistics_interval: float = 5) -> None:
        super().__init__(folder)
        self.amqp_port = processes.free_port()
        self.management_port = processes.free_port()
        self.management_url = f"http://127.0.0.1:{self.management_port}"
        self.administrator = "lab-administrator"
        self.administrator_password = f"canary-rabbitmq-administrator-{secrets.token_hex(12)}"
        self.log = folder / "rabbitmq.log"
        self._epmd_port = processes.free_port()
        self._distribution_port = processes.free_port()
        self._statistics_interval = statistics_interval
        self._settings = settings
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = (self.administrator, self.administrator_password)

    def _start(self) -> None:
        epmd: list[str | Path] = [
            processes.program("epmd", "erlang-base"),
            "-address",
            "127.0.0.1",
            "-port",
            str(self._epmd_port),
        ]
        log = self.folder / "epmd.log"
        self._run("epmd", epmd, log, lambda: processes.listening(self._epmd_port))
        self._configure()
        self._run("RabbitMQ", self._command(), self.log, self._answers, self._environment())

    def _command(self) -> list[str | Path]:
        return [processes.program("rabbitmq-server", PACKAGE, _PROGRAMS)]

    def add_vhost(self, name: str) -> None:
        """Create a vhost in which the administrator may do everything."""
        self.call("PUT", f"vhosts/{quote(name, safe='')}")
        self._permit(self.administrator, name, (".*", ".*", ".*"))

    def delete_vhost(self, name: str) -> None:
        """Delete a vhost with everything in it."""
        self.call("DELETE", f"vhosts/{quote(name, safe='')}")

    def add_user(
        self,
        name: str,
        password: str,
        tags: str = "",
        permissions: Mapping[str, tuple[str, str, str]] | None = None,
    ) -> None:
        """Create a user; the permissions are patterns for configure, write and read by vhost."""
        self.call("PUT", f"users/{quote(name, safe='')}", {"password": password, "tags": tags})
        for vhost, patterns in (permissions or {}).items():
            self._permit(name, vhost, patterns)

    def publish(self, vhost: str, routing_key: str, body: str) -> None:
        """Put one message into the queue of that name; that nobody took it is an error."""
        message = {
            "properties": {},
            "routing_key": routing_key,
            "payload": body,
            "payload_encoding": "string",
        }
        path = f"exchanges/{quote(vhost, safe='')}/amq.default/publish"
        if not self.call("POST", path, message)["routed"]:
            raise processes.ServerError(f"vhost {vhost} has no queue {routing_key}")

    def declare_queue(
        self, vhost: str, name: str, durable: bool = False, **arguments: object
    ) -> None:
        """Create a queue, as a service does when it starts."""
        path = f"queues/{quote(vhost, safe='')}/{quote(name, safe='')}"
        self.call("PUT", path, {"durable": durable, "auto_delete": False, "arguments": arguments})

    def queues(self, vhost: str) -> list[dict[str, Any]]:
        """The queues of a vhost with live message counts; statistics lag by seconds."""
        path = f"queues/{quote(vhost, safe='')}?disable_stats=true&enable_queue_totals=true"
        queues: list[dict[str, Any]] = self.call("GET", path)
        return queues

    def consumed(self, vhost: str) -> set[str]:
        """The queues of a vhost that somebody reads, as the statistics tell."""
        path = f"queues/{quote(vhost, safe='')}?columns=name,consumers"
        return {queue["name"] for queue in self.call("GET", path) if queue.get("consumers")}

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One request to the management API as the administrator."""
        answer = self._session.request(
            method, f"{self.management_url}/api/{path}", json=body, timeout=120
        )
        if not answer.ok:
            raise processes.ServerError(
                f"RabbitMQ: {method} {path}: {answer.status_code} {answer.text}"
            )
        return answer.json() if answer.content else None

    def evaluate(self, erlang: str) -> None:
        """Have the broker evaluate an expression, for a state that no request brings about."""
        program = processes.program("rabbitmqctl", PACKAGE, _PROGRAMS)
        environment = {**os.environ, **self._environment()}
        answer = subprocess.run(
            [program, "eval", erlang], env=environment, capture_output=True, text=True, timeout=120
        )
        if answer.returncode:
            raise processes.ServerError(f"RabbitMQ: {answer.stdout}{answer.stderr}")

    def url(self, vhost: str, user: str, password: str) -> str:
        """The address of a vhost as heat.conf has it."""
        account = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"rabbit://{account}@127.0.0.1:{self.amqp_port}/{quote(vhost, safe='')}"

    def _hang_up(self) -> None:
        self._session.close()

    def _permit(self, user: str, vhost: str, patterns: tuple[str, str, str]) -> None:
        body = dict(zip(("configure", "write", "read"), patterns, strict=True))
        self.call("PUT", f"permissions/{quote(vhost, safe='')}/{quote(user, safe='')}", body)

    def _configure(self) -> None:
        (self.folder / "enabled_plugins").write_text("[rabbitmq_management].\n", encoding="utf-8")
        (self.folder / "rabbitmq-env.conf").touch()
        configuration = f"""\
listeners.tcp.1 = 127.0.0.1:{self.amqp_port}
management.tcp.ip = 127.0.0.1
management.tcp.port = {self.management_port}
default_user = {self.administrator}
default_pass = {self.administrator_password}
collect_statistics_interval = {int(self._statistics_interval * 1000)}
"""
        configuration += "\n".join(self._settings or ("disk_free_limit.absolute = 50MB",)) + "\n"
        (self.folder / "rabbitmq.conf").write_text(configuration, encoding="utf-8")

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": f"lab-{self.amqp_port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                f"-kernel inet_dist_use_interface {{127,0,0,1}} {_NO_BUSY_WAIT}"
            ),
        }

    def _answers(self) -> bool:
        if not processes.listening(self.amqp_port):
            return False
        try:
            return self._session.get(f"{self.management_url}/api/overview", timeout=5).ok
        except requests.RequestException:
            return False
