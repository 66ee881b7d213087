"""Answers on loopback as RabbitMQ, its management API and Heat's API did in the lab.

One port for all of them: a client of AMQP names its protocol first. The shapes are those of
RabbitMQ 3.10.8 with Heat 25.0.2 and 26.0.2 on it; which queues there are and what they hold follows
from the demo's state.
"""

import json
import re
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from heat_upgrade_checks.demo.amqp_greeting import CLUSTER, PROTOCOL, greet

RABBITMQ_VERSION = "3.10.8"
PROJECT = "0" * 31 + "1"


class DemoServer(ThreadingHTTPServer):
    """Serves the state that stands in a file, so that the story can change it between gates."""

    def __init__(self, state: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: DemoServer

    def handle(self) -> None:
        """Tell AMQP from HTTP."""
        first = self.connection.recv(len(PROTOCOL), socket.MSG_PEEK | socket.MSG_WAITALL)
        if first == PROTOCOL:
            greet(self.rfile.read, self.wfile.write)
        else:
            super().handle()

    def do_GET(self) -> None:
        """Route a request."""
        state = json.loads(self.server.state.read_text(encoding="utf-8"))
        address = urlsplit(self.path)
        parameters = {name: values[0] for name, values in parse_qs(address.query).items()}
        self._answer(_body(address.path, parameters, state, self.server.server_port))

    def _answer(self, body: Any) -> None:
        content = json.dumps({"error": "Object Not Found"} if body is None else body).encode()
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


def _body(path: str, parameters: dict[str, str], state: dict[str, Any], port: int) -> Any:
    match path.strip("/").split("/"):
        case ["api", "whoami"]:
            return {"name": "heat", "tags": ["administrator"]}
        case ["api", "overview"]:
            return {
                "cluster_name": CLUSTER,
                "listeners": [{"protocol": "amqp", "port": port}],
                "rabbitmq_version": RABBITMQ_VERSION,
                "disable_stats": False,
                "rates_mode": "basic",
            }
        case ["api", "nodes"]:
            return [
                {
                    "name": CLUSTER,
                    "running": True,
                    "partitions": [],
                    # Its statistics are new ones whenever they are asked for.
                    "uptime": time.monotonic_ns(),
                }
            ]
        case ["api", "health", "checks", "alarms"]:
            return {"status": "ok"}
        case ["api", "health", "checks", "node-is-quorum-critical"]:
            return {"status": "ok", "reason": "single node cluster"}
        case ["api", "vhosts", vhost, "connections"] if unquote(vhost) in state["vhosts"]:
            return list(_connections(unquote(vhost), state))
        case ["api", "consumers", vhost] if unquote(vhost) in state["vhosts"]:
            return []
        case ["api", "vhosts"]:
            return [{"name": name} for name in state["vhosts"]]
        case ["api", "queues", vhost] if unquote(vhost) in state["vhosts"]:
            queues = list(_queues(unquote(vhost), state))
            if "page" in parameters:
                return _page(queues, parameters, state)
            return [_live(queue, state) for queue in queues]
        case ["api", "exchanges", vhost] if unquote(vhost) in state["vhosts"]:
            return list(_exchanges(unquote(vhost), state))
        case [
            "api",
            "policies" | "operator-policies" | "vhost-limits",
            vhost,
        ] if unquote(vhost) in state["vhosts"]:
            return []
        case ["api", "permissions", vhost, user] if unquote(vhost) in state["vhosts"]:
            everything = dict.fromkeys(("configure", "write", "read"), ".*")
            return {"user": user, "vhost": unquote(vhost), **everything}
        case ["v1", _, "stacks"]:
            return {"stacks": []}
        case _:
            return None


def _page(
    queues: list[tuple[str, str]], parameters: dict[str, str], state: dict[str, Any]
) -> dict[str, Any]:
    part = (
        parameters["name"] if parameters["use_regex"] == "true" else re.escape(parameters["name"])
    )
    named = [queue for queue in queues if re.search(part, queue[1])]
    if "enable_queue_totals" in parameters:
        items = [_live(queue, state) for queue in named]
    else:
        items = [{"name": name, "consumers": 1} for _, name in named]
    return {
        "filtered_count": len(items),
        "item_count": len(items),
        "items": items,
        "page": 1,
        "page_count": 1 if items else 0,
        "page_size": 500,
        "total_count": len(queues),
    }


def _queues(vhost: str, state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(vhost, name) of the queues that oslo.messaging makes for the engines on a vhost."""
    here = [engine for engine in state["engines"] if engine["vhost"] == vhost]
    for topic in ("engine", "engine_worker", "heat-engine-listener"):
        if here:
            yield vhost, topic
        for engine in here:
            server = engine["host"] if topic == "engine" else engine["engine_id"]
            yield vhost, f"{topic}.{server}"
            yield vhost, f"{topic}_fanout_{engine['engine_id'].replace('-', '')}"


def _exchanges(vhost: str, state: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"name": "", "type": "direct", "durable": True, "auto_delete": False, "arguments": {}}
    if any(engine["vhost"] == vhost for engine in state["engines"]):
        shape = {"type": "topic", "durable": False, "auto_delete": False, "arguments": {}}
        yield {"name": "heat", **shape}


def _connections(vhost: str, state: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for number, engine in enumerate(state["engines"], 1000):
        if engine["vhost"] == vhost:
            name = f"heat-engine:{number}:{engine['engine_id']}"
            yield _connection(number, name)
    if state["api_vhost"] == vhost:
        yield _connection(2000, "heat-api:2000:b2c0f1d4")


def _connection(number: int, name: str) -> dict[str, Any]:
    return {
        "client_properties": {"connection_name": name, "product": "py-amqp"},
        "name": f"127.0.0.1:{40000 + number} -> 127.0.0.1:5672",
        "peer_host": "127.0.0.1",
        "type": "network",
        "user": "heat",
        "user_provided_name": name,
    }


def _live(queue: tuple[str, str], state: dict[str, Any]) -> dict[str, Any]:
    vhost, name = queue
    ready = state["messages"].get(f"{vhost}/{name}", 0)
    return {
        "arguments": {"x-expires": 1800000} if "_fanout_" in name else {},
        "auto_delete": False,
        "durable": False,
        "exclusive": False,
        "messages": ready,
        "messages_ready": ready,
        "messages_unacknowledged": 0,
        "name": name,
        "node": CLUSTER,
        "state": "running",
        "type": "classic",
        "vhost": vhost,
    }
