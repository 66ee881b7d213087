"""Asks the sources, each once and all at the same time, and keeps what they answered."""

import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from traceback import extract_tb
from typing import Any

from heat_upgrade_checks.errors import NotConfigured, Unobserved, UsageError
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.retry import ATTEMPTS
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.sources import SOURCES, Source


@dataclass(frozen=True)
class Observation:
    """One source's answer: facts, or the sentence why there are none (`error`).

    `configured` is False where the plan gives no such source and none could be derived, which is
    the operator's choice for sources that go beyond Heat's upgrade guide.
    """

    source: str
    observed_at: datetime
    seconds: float
    attempts: int
    summary: str
    error: str
    configured: bool
    facts: Any


class Gatherer:
    """The observations of one run.

    `recorded` are observations of an earlier run; nothing outside is touched for those.
    """

    def __init__(self, site: Site, recorded: Mapping[str, Observation] | None = None) -> None:
        self._site = site
        self._recorded = recorded
        self._futures: dict[str, Future[Observation]] = {}
        self._started: dict[str, float] = {}

    def start(self, names: Iterable[str]) -> None:
        """Begin to ask these sources, unless they were begun already."""
        for name in names:
            if name in self._futures:
                continue
            future: Future[Observation] = Future()
            self._futures[name] = future
            self._started[name] = time.monotonic()
            if self._recorded is not None:
                future.set_result(self._recorded.get(name) or _not_recorded(name))
                continue
            # Daemon threads: a source that hangs must not keep the process from ending.
            threading.Thread(
                target=self._ask, args=(SOURCES[name], future), name=name, daemon=True
            ).start()

    def ask_again(self, names: Iterable[str]) -> None:
        """Begin to ask these sources anew; what they answered before is forgotten."""
        if self._recorded is not None:
            return
        renewed = [name for name in names if name in SOURCES]
        for name in renewed:
            self._futures.pop(name, None)
        self.start(renewed)

    def observation(self, name: str) -> Observation:
        """What the source answered, waited for until its deadline has passed."""
        self.start([name])
        source, future = SOURCES[name], self._futures[name]
        deadline = self._deadline(source)
        wait = None
        if deadline is not None:
            wait = max(0.0, self._started[name] + deadline - time.monotonic())
        try:
            return future.result(timeout=wait)
        except TimeoutError:
            late = _failed(
                name,
                f"{source.title}: no answer within {deadline:g} s; "
                "find out what keeps it, then run this phase again",
                seconds=deadline or 0.0,
            )
        self._settle(late)
        return late

    def _deadline(self, source: Source) -> float | None:
        if source.deadline is None or not source.asks_interpreter:
            return source.deadline
        return source.deadline + self._site.plan.timeouts.interpreter.total_seconds()

    def give_up(self) -> None:
        """Wait for nobody any more: what was asked and has not answered yet never does."""
        now = time.monotonic()
        for name, future in self._futures.items():
            if not future.done():
                error = f"{SOURCES[name].title}: interrupted before it answered"
                self._settle(_failed(name, error, seconds=round(now - self._started[name], 3)))

    def _settle(self, observation: Observation) -> None:
        # An answer that comes after all would tell later checks something else.
        future: Future[Observation] = Future()
        future.set_result(observation)
        self._futures[observation.source] = future

    def waiting(self) -> list[str]:
        """The titles of the sources that were asked and have not answered yet."""
        asked = list(self._futures.items())
        return [SOURCES[name].title for name, future in asked if not future.done()]

    def observations(self) -> dict[str, Observation]:
        """Everything that was asked, by the name of the source."""
        return {name: self.observation(name) for name in SOURCES if name in self._futures}

    def _ask(self, source: Source, future: "Future[Observation]") -> None:
        ATTEMPTS.set(1)
        redact = self._site.secrets.redact
        observed_at, begun = datetime.now(UTC), time.monotonic()
        facts: Facts | None = None
        summary, error, configured = "", "", True
        try:
            facts = source.observe(self._site)
            summary = redact(facts.extent)
        except NotConfigured as reason:
            error, configured = str(reason), False
        except (Unobserved, UsageError) as reason:
            error = redact(str(reason))
        except BaseException as bug:
            facts, error = None, own_failure(source.title, bug)
        future.set_result(
            Observation(
                source=source.name,
                observed_at=observed_at,
                seconds=round(time.monotonic() - begun, 3),
                attempts=ATTEMPTS.get(),
                summary=summary,
                error=error,
                configured=configured,
                facts=facts,
            )
        )


def own_failure(title: str, bug: BaseException) -> str:
    """The sentence for a source that broke this tool; what the exception says is not repeated."""
    last = extract_tb(bug.__traceback__)[-1]
    return (
        f"{title}: this tool failed at it ({type(bug).__name__} in "
        f"{PurePath(last.filename).name}:{last.lineno}); report it as a bug"
    )


def _not_recorded(name: str) -> Observation:
    return _failed(name, f"{SOURCES[name].title}: not part of the recorded evidence")


def _failed(name: str, error: str, seconds: float = 0.0) -> Observation:
    return Observation(name, datetime.now(UTC), seconds, 1, "", error, True, None)
