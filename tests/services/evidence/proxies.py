"""A proxy before RabbitMQ's management API that changes its answers."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests

from tests.services.rabbitmq import RabbitMQ
from tests.serving import Silent, serving

Answer = tuple[int, bytes]


@contextmanager
def before(rabbitmq: RabbitMQ, answer: Callable[[str, Answer], Answer]) -> Iterator[str]:
    """The URL of a proxy; `answer` gets the path with its question and RabbitMQ's own answer."""

    class Proxy(Silent):
        def do_GET(self) -> None:
            headers = {"Authorization": self.headers["Authorization"]}
            with requests.Session() as session:
                session.trust_env = False
                real = session.get(f"{rabbitmq.management_url}{self.path}", headers=headers)
            self.answer(*answer(self.path, (real.status_code, real.content)))

    with serving(Proxy) as url:
        yield url


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
