"""Users of Heat: each does one thing at a time with a few stacks and waits until it is done."""

import itertools
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import requests

from tests.lab.load_book import GONE, Book, Expected, Request

REQUEST_TIMEOUT = 60.0
# Seconds: how long anybody waits for a small stack, between two looks at it, between two turns.
SETTLED_IN = 120.0
_POLL = 0.4
_BETWEEN = 0.3
# What each user has, once the first were made.
_KEPT = 3


def template(revision: int) -> dict[str, Any]:
    """A small stack whose outputs tell its revision and a string that is made once."""
    step = {
        "type": "OS::Heat::TestResource",
        "properties": {
            "value": f"revision {revision}",
            "action_wait_secs": {"create": 1, "update": 0.5},
        },
    }
    outputs = {"revision": ["step", "output"], "random": ["random", "value"]}
    return {
        "heat_template_version": "2018-08-31",
        "resources": {"random": {"type": "OS::Heat::RandomString"}, "step": step},
        "outputs": {name: {"value": {"get_attr": source}} for name, source in outputs.items()},
    }


class AbandonedError(RuntimeError):
    """Nothing good was heard of a stack for longer than anybody would wait, or the load is over."""


@dataclass
class Site:
    """What the users of one Heat share."""

    root: str
    token: str
    book: Book = field(default_factory=Book)
    began: float = field(default_factory=time.monotonic)
    going: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def now(self) -> float:
        """Seconds since the load began."""
        return time.monotonic() - self.began

    def session(self) -> requests.Session:
        """A session of the operator's that knows no proxy."""
        session = requests.Session()
        session.trust_env = False
        session.headers["X-Auth-Token"] = self.token
        return session


class Client:
    """One user's connection to Heat; every request is written down and none is repeated."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._session = site.session()

    def close(self) -> None:
        """End it."""
        self._session.close()

    def send(
        self, method: str, path: str, body: object = None, expected_404: bool = False
    ) -> tuple[Request, dict[str, Any]]:
        """One request and its answer's document, which is empty where it has none."""
        sent = self._site.now
        status, error, document = 0, "", {}
        try:
            answer = self._session.request(
                method, f"{self._site.root}/{path}", json=body, timeout=REQUEST_TIMEOUT
            )
            status = answer.status_code
            if answer.ok and answer.content:
                document = answer.json()
            elif not answer.ok:
                error = " ".join(answer.text.split())[:300]
        except requests.RequestException as problem:
            error = type(problem).__name__
        seconds = self._site.now - sent
        request = Request(sent, seconds, f"{method} {path}", status, error, expected_404)
        with self._site.book.lock:
            self._site.book.requests.append(request)
        return request, document

    def settled(self, stack: str, seconds: float = SETTLED_IN) -> dict[str, Any] | None:
        """A stack with its outputs once Heat does not work on it; None where there is none.

        :raises AbandonedError: it never came to that.
        """
        deadline = time.monotonic() + seconds
        path = f"stacks/{stack}?resolve_outputs=false"
        while True:
            request, document = self.send("GET", path, expected_404=True)
            status = document.get("stack", {}).get("stack_status", "")
            if request.status == 404 or status == "DELETE_COMPLETE":
                return None
            if status and not status.endswith("IN_PROGRESS"):
                full, shown = self.send("GET", f"stacks/{document['stack']['id']}")
                if full.ok:
                    return dict(shown["stack"])
            if time.monotonic() > deadline:
                raise AbandonedError(f"{stack} is {status or request} after {seconds:g} s")
            if self._site.over.wait(_POLL):
                raise AbandonedError(f"{stack} is {status or request}, and the load is over")


class User:
    """Makes stacks until it has enough, then changes one, deletes one, makes another, and so on."""

    def __init__(self, site: Site, number: int) -> None:
        self.name = f"load-{number}"
        self.thread = threading.Thread(target=self._work, name=self.name, daemon=True)
        self.idle = threading.Event()
        self._site = site
        self._mine: list[Expected] = []
        self._numbers = itertools.count(1)
        self._changes = itertools.cycle((True, False))

    def _work(self) -> None:
        site = self._site
        with closing(Client(site)) as client:
            while not site.over.is_set():
                self.idle.clear()
                # Looked at after that, or somebody who has just stopped it would not wait.
                if site.going.is_set():
                    self._turn(client)
                self.idle.set()
                site.over.wait(_BETWEEN)

    def _turn(self, client: Client) -> None:
        try:
            if len(self._mine) < _KEPT:
                self._create(client)
            elif next(self._changes):
                self._update(client, self._mine[-1])
            else:
                self._delete(client, self._mine[0])
        except AbandonedError as problem:
            if not self._site.over.is_set():
                self._site.book.trouble(str(problem))
        except Exception as problem:
            self._site.book.trouble(f"{self.name} broke: {problem!r}")
            raise

    def _create(self, client: Client) -> None:
        number = next(self._numbers)
        asked = Expected(f"{self.name}-{number}", ("CREATE_COMPLETE",), (1,))
        self._site.book.expect(asked)
        body = {"stack_name": asked.name, "template": template(1), "timeout_mins": 10}
        request, document = client.send("POST", "stacks", body)
        if not request.ok:
            self._leave(replace(asked, statuses=("CREATE_COMPLETE", GONE)))
            return
        asked = replace(asked, id=document["stack"]["id"])
        self._mine.append(asked)
        self._finish(client, asked, "made")

    def _update(self, client: Client, before: Expected) -> None:
        revision = before.revisions[-1] + 1
        asked = replace(before, statuses=("UPDATE_COMPLETE",), revisions=(revision,), busy=True)
        self._site.book.expect(asked)
        path = f"stacks/{before.name}/{before.id}"
        request, _ = client.send("PUT", path, {"template": template(revision)})
        if not request.ok:
            statuses = (*before.statuses, *asked.statuses)
            self._leave(replace(asked, statuses=statuses, revisions=(*before.revisions, revision)))
            return
        self._finish(client, asked, "changed")

    def _delete(self, client: Client, before: Expected) -> None:
        asked = replace(before, statuses=(GONE,), busy=True)
        self._site.book.expect(asked)
        request, _ = client.send("DELETE", f"stacks/{before.name}/{before.id}")
        if not request.ok:
            self._leave(replace(asked, statuses=(*before.statuses, GONE)))
            return
        self._finish(client, asked, "deleted")

    def _finish(self, client: Client, asked: Expected, done: str) -> None:
        """Wait until Heat has done what it was asked for, and write that down."""
        stack = None
        try:
            stack = client.settled(asked.id)
        finally:
            known = replace(asked, busy=False, random=asked.random or _output(stack, "random"))
            self._site.book.expect(known)
            self._mine = [each for each in self._mine if each.name != asked.name]
        status = stack["stack_status"] if stack else GONE
        if status not in asked.statuses:
            reason = stack["stack_status_reason"] if stack else "it is not there"
            self._site.book.trouble(f"{asked.name} was not {done}: {status}: {reason}")
            return
        if stack:
            self._mine.append(known)
        with self._site.book.lock:
            self._site.book.done[done] += 1

    def _leave(self, uncertain: Expected) -> None:
        """Never touch a stack again of which nobody knows what Heat does with it."""
        self._mine = [each for each in self._mine if each.name != uncertain.name]
        self._site.book.expect(replace(uncertain, busy=False))


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    """A stack's outputs."""
    return {each["output_key"]: each["output_value"] for each in stack.get("outputs", ())}


def _output(stack: dict[str, Any] | None, name: str) -> str:
    return outputs(stack or {}).get(name) or ""
