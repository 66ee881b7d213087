"""What a source asks RabbitMQ and is answered: recorded, and given again without a server."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests
import tenacity.nap

from heat_upgrade_checks.evidence.broker import nodes, old_queues
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.site import Site
from tests.services.evidence.proxies import Answer

Answers = Mapping[str, list[Answer]]


def record(observe: Callable[[Site], Any], site: Site, database: Database) -> Answers:
    """What RabbitMQ answers to this source, by question, without what it says twice in a row."""
    found: dict[str, list[Answer]] = defaultdict(list)
    ask = requests.Session.get

    def get(session: requests.Session, url: str, **options: Any) -> requests.Response:
        response = ask(session, url, **options)
        given = found[_question(url, options)]
        if not given or given[-1] != (response.status_code, response.content):
            given.append((response.status_code, response.content))
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "get", get)
        patch.setattr(old_queues, "observe_database", lambda _: database)
        observe(site)
    return dict(found)


def _question(url: str, options: dict[str, Any]) -> str:
    return f"{urlsplit(url).path}?{urlencode(options.get('params') or {})}"


class _Clock:
    """A clock that goes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Replay:
    """RabbitMQ as it was recorded, but for the answers to one question."""

    def __init__(self, answers: Answers, vhosts: list[Answer]) -> None:
        self._answers = {"/api/vhosts?columns=name": vhosts, **answers}
        self.broken: tuple[str, Callable[[Answer], Answer]] | None = None
        self.asked: Counter[str] = Counter()

    def get(self, _: requests.Session, url: str, **options: Any) -> requests.Response:
        question = _question(url, options)
        given = self._answers.get(question, [(404, b"<html>")])
        answer = given[min(self.asked[question], len(given) - 1)]
        self.asked[question] += 1
        if self.broken and question == self.broken[0]:
            answer = self.broken[1](answer)
        response = requests.Response()
        response.status_code, response._content = answer
        return response


@contextmanager
def replayed(replay: Replay, database: Database) -> Iterator[None]:
    """Have this answered in place of RabbitMQ, and no time pass."""
    clock = _Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "get", lambda *a, **o: replay.get(*a, **o))
        patch.setattr(old_queues, "observe_database", lambda _: database)
        for module in (nodes, old_queues, tenacity.nap):
            patch.setattr(module, "time", clock)
        yield
