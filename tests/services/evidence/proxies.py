"""A proxy before RabbitMQ's management API that changes its answers."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from tests.services.rabbitmq import RabbitMQ

Answer = tuple[int, bytes]


@contextmanager
def before(rabbitmq: RabbitMQ, answer: Callable[[str, Answer], Answer]) -> Iterator[str]:
    """The URL of a proxy; `answer` gets the path with its question and RabbitMQ's own answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {"Authorization": self.headers["Authorization"]}
            with requests.Session() as session:
                session.trust_env = False
                real = session.get(f"{rabbitmq.management_url}{self.path}", headers=headers)
            status, content = answer(self.path, (real.status_code, real.content))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def changed(rabbitmq: RabbitMQ, change: Callable[[str, Any], Any]) -> Iterator[str]:
    """The URL of a proxy that hands on each good answer as `change` makes it of its document."""

    def answer(path: str, real: Answer) -> Answer:
        status, content = real
        if status == requests.codes.ok:
            content = json.dumps(change(path, json.loads(content))).encode()
        return status, content

    with before(rabbitmq, answer) as url:
        yield url
