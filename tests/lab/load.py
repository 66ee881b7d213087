"""A background load on a Heat that is upgraded: users at work, and a probe that always asks."""

import itertools
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import requests

from tests.lab.deployment import Lab
from tests.lab.load_book import GONE, Expected, Report
from tests.lab.load_users import (
    REQUEST_TIMEOUT,
    SETTLED_IN,
    AbandonedError,
    Client,
    Site,
    User,
    outputs,
    template,
)
from tests.lab.stacks import Endpoint
from tests.services.started import Started

_NAMES = "load-%"
_AT_ONCE = 6
_PROBE_INTERVAL = 0.2
# Seconds after which a probe counts as not answered.
_PROBE_TIMEOUT = 5.0


class Load(Started):
    """Some users who make, change and delete small stacks, each one at a time, and a probe."""

    def __init__(self, lab: Lab, endpoint: Endpoint, users: int = 2) -> None:
        self._lab = lab
        root = endpoint.url.replace("%(project_id)s", lab.keystone.project_id)
        self._site = Site(root, lab.keystone.operator_token())
        self._users = [User(self._site, number) for number in range(1, users + 1)]
        self._probe = threading.Thread(target=self._ask_on, name="probe", daemon=True)
        self._seconds: float | None = None

    def _start(self) -> None:
        self._site.began = time.monotonic()
        self._site.going.set()
        for thread in self._threads:
            thread.start()

    def pause(self) -> None:
        """Let each user finish what it is at; the probe goes on."""
        self._site.going.clear()
        for user in self._users:
            if not user.idle.wait(SETTLED_IN + 2 * REQUEST_TIMEOUT):
                raise TimeoutError(f"{user.name} does not come to rest")

    def resume(self) -> None:
        """Let the users go on."""
        self._site.going.set()

    def end(self) -> None:
        """End, whatever is in flight; what it made stays in Heat."""
        if self._seconds is not None:
            return
        self._site.over.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(2 * REQUEST_TIMEOUT)
        self._seconds = self._site.now

    @property
    def _threads(self) -> list[threading.Thread]:
        return [*(user.thread for user in self._users), self._probe]

    @property
    def expected(self) -> dict[str, Expected]:
        """What must be true of each stack now, by its name."""
        with self._site.book.lock:
            return dict(self._site.book.expected)

    def report(self) -> Report:
        """What the users saw up to now."""
        return self._site.book.report(self._site.now if self._seconds is None else self._seconds)

    def verify(self, seconds: float = SETTLED_IN) -> None:
        """Every stack is there once, at rest, and as was asked for; to be called while it is quiet.

        What nobody waited for, because its request got no good answer, has that many `seconds`.

        :raises AssertionError: it names each stack of which that is not so.
        """
        expected = self.expected
        troubles = list(self._site.book.troubles)
        # A user who came to grief leaves a stack behind that nobody waits for.
        if not troubles and any(each.busy for each in expected.values()):
            raise RuntimeError("the load is at work; pause it first")
        wrong = [
            *troubles,
            *self._wrong_through_api(expected, seconds),
            *self._wrong_in_database(expected),
        ]
        assert not wrong, "\n".join(wrong)

    def _wrong_through_api(self, expected: dict[str, Expected], seconds: float) -> list[str]:
        # From Heat 25 on each answer takes half a second.
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = pool.map(lambda each: self._wrong_answer(each, seconds), expected.values())
            return [words for wrong in found for words in wrong]

    def _wrong_answer(self, expected: Expected, seconds: float) -> list[str]:
        # Asked on behalf of nobody: these requests do not count, nor do they end with the load.
        with closing(Client(Site(self._site.root, self._site.token))) as client:
            try:
                stack = client.settled(expected.id or expected.name, seconds)
            except AbandonedError as problem:
                return [f"{expected.name}: {problem}"]
        status = stack["stack_status"] if stack else GONE
        if status not in expected.statuses:
            return [f"{expected.name} is {status}, not {' or '.join(expected.statuses)}"]
        return _wrong_outputs(stack, expected) if stack else []

    def _wrong_in_database(self, expected: dict[str, Expected]) -> list[str]:
        live = self._select(
            "SELECT name, id, action, status FROM stack WHERE deleted_at IS NULL AND name LIKE %s"
        )
        names = [name for name, *_ in live]
        wrong = [
            f"{name}: {count} live stacks have this name"
            for name, count in Counter(names).items()
            if count > 1
        ]
        for name, id, action, status in live:
            if name not in expected:
                wrong.append(f"{name} ({id}): nobody asked for it")
            if status == "IN_PROGRESS":
                wrong.append(f"{name} ({id}): is stuck, {action} {status}")
        for name, each in expected.items():
            if GONE not in each.statuses and name not in names:
                wrong.append(f"{name}: is lost, no live row of it is there")
        return wrong + self._wrong_resources(names)

    def _wrong_resources(self, names: list[str]) -> list[str]:
        wrong = []
        found: dict[str, list[str]] = {name: [] for name in names}
        for stack, resource, status, engine in self._select(
            "SELECT s.name, r.name, r.status, r.engine_id FROM resource r JOIN stack s "
            "ON s.id = r.stack_id WHERE s.deleted_at IS NULL AND s.name LIKE %s ORDER BY r.name"
        ):
            found[stack].append(resource)
            if status != "COMPLETE" or engine is not None:
                wrong.append(f"{stack}: {resource} is {status}, held by engine {engine}")
        for stack, resources in found.items():
            if resources != sorted(template(1)["resources"]):
                wrong.append(f"{stack}: its resources are {', '.join(resources)}")
        return wrong

    def _select(self, query: str) -> list[Any]:
        return self._lab.mariadb.execute(query, (_NAMES,), "heat")

    def _ask_on(self) -> None:
        # A probe that hangs must not keep the next one from being sent.
        with ThreadPoolExecutor(int(_PROBE_TIMEOUT / _PROBE_INTERVAL) + 2) as pool:
            for number in itertools.count():
                if self._site.over.wait(max(0.0, number * _PROBE_INTERVAL - self._site.now)):
                    return
                pool.submit(self._ask)

    def _ask(self) -> None:
        sent = self._site.now
        with self._site.session() as session:
            try:
                answer = session.get(f"{self._site.root}/stacks?limit=1", timeout=_PROBE_TIMEOUT)
                well = answer.ok
            except requests.RequestException:
                well = False
        with self._site.book.lock:
            self._site.book.probes.append((sent, well))


def _wrong_outputs(stack: dict[str, Any], expected: Expected) -> list[str]:
    found = outputs(stack)
    wrong = []
    if found.get("revision") not in [f"revision {each}" for each in expected.revisions]:
        wrong.append(
            f"{expected.name}: its output is {found.get('revision')}, not of revision "
            f"{' or '.join(map(str, expected.revisions))}"
        )
    if expected.random and found.get("random") != expected.random:
        wrong.append(f"{expected.name}: its random string was made again")
    return wrong
