"""Records an upgrade as it goes, until it is stopped."""

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal, get_args
from uuid import uuid4

from heat_upgrade_checks.errors import NotConfigured, Unobserved, UsageError
from heat_upgrade_checks.evidence.api.clock import ApiClock
from heat_upgrade_checks.evidence.broker.watched_vhosts import VhostLoad, WatchedVhosts
from heat_upgrade_checks.evidence.gather import own_failure
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.stacks import work_counts
from heat_upgrade_checks.evidence.stacks.work_counts import WorkCounts
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.reading.placement import place
from heat_upgrade_checks.records.watch import FILE, SCHEMA_VERSION, ApiWindow, Sample, dump

_MODE = 0o640
# How long the last sample waits for its sources once watching is to end.
_LAST_WAIT = 1.0

SourceName = Literal["database", "broker"]
_TITLES: dict[SourceName, str] = {"database": "Heat's database", "broker": "RabbitMQ"}


@dataclass(frozen=True)
class _Answer:
    """What a source answered: facts, or the sentence why there are none."""

    source: SourceName
    facts: Any
    error: str


class _Stop:
    """Somebody wants watching to end."""


class _News:
    """The clock that asks the API has something to tell."""


def run(site: Site, interval: float, seen: Callable[[Sample], None]) -> None:
    """Append a sample every `interval` seconds until SIGINT or SIGTERM.

    :raises UsageError: the recording cannot be written.
    """
    # Its put() may interrupt a put() or get() of the same thread, as a signal handler does.
    mail: SimpleQueue[_Answer | _Stop | _News] = SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: mail.put(_Stop()))
    with _Lines(site.upgrade_folder) as lines:

        def record(sample: Sample) -> None:
            lines.append(dump(sample))
            seen(sample)

        _Watch(site, mail, record).go_on(interval)


class _Lines:
    """The recording, opened to append whole lines; other runs may append to it as well."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, _MODE)
            os.fchmod(self._descriptor, _MODE)
        except OSError as error:
            raise self._unwritable(error) from None

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def append(self, line: bytes) -> None:
        """Write a line at once, below whatever another run left half-written."""
        try:
            size = os.fstat(self._descriptor).st_size
            if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line
            written = os.write(self._descriptor, line)
            if written < len(line):
                # The second attempt names the reason.
                os.write(self._descriptor, line[written:])
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> UsageError:
        return UsageError(
            f"{self._path} cannot be written: {error.strerror}; "
            "make room, or name another folder with --reports"
        )


class _Watch:
    """One run: asks all sources at the same time and waits for none longer than the interval."""

    def __init__(
        self,
        site: Site,
        mail: "SimpleQueue[_Answer | _Stop | _News]",
        record: Callable[[Sample], None],
    ) -> None:
        self._site, self._mail, self._record = site, mail, record
        self._run = uuid4().hex[:8]
        self._vhosts = WatchedVhosts(site)
        self._api = ApiClock(site, lambda: mail.put(_News()))
        self._asked: dict[SourceName, float] = {}
        self._stopping = False

    def go_on(self, interval: float) -> None:
        """Sample until stopped; the state at the end is sampled as well."""
        self._api.start()
        due = time.monotonic()
        while not self._stopping:
            due = max(due + interval, time.monotonic())
            self._sample(due)
            idle = not self._stopping
            while not self._stopping and (left := due - time.monotonic()) > 0:
                self._next(left)
        if idle:
            self._sample(time.monotonic() + _LAST_WAIT)

    def _next(self, seconds: float) -> _Answer | None:
        """The next source's answer; None when something else happened or the time is up."""
        try:
            item = self._mail.get(timeout=max(0.0, seconds))
        except Empty:
            return None
        if isinstance(item, _Stop):
            self._stopping = True
        return item if isinstance(item, _Answer) else None

    def _sample(self, until: float) -> None:
        at = datetime.now(UTC)
        vhosts, unobserved = self._names()
        questions: dict[SourceName, Callable[[], Any]] = {
            "database": lambda: work_counts.observe(self._site),
            "broker": lambda: self._vhosts.look(dict.fromkeys(vhosts.values())),
        }
        for name, question in questions.items():
            if name not in self._asked:
                self._asked[name] = time.monotonic()
                threading.Thread(
                    target=self._ask, args=(name, question), name=name, daemon=True
                ).start()
        answers: dict[SourceName, _Answer] = {}
        stopping = self._stopping
        while self._asked or not self._api.has_news:
            if self._stopping and not stopping:
                stopping, until = True, min(until, time.monotonic() + _LAST_WAIT)
            left = until - time.monotonic()
            if left <= 0:
                break
            if answer := self._next(left):
                answers[answer.source] = answer
                del self._asked[answer.source]
        for name in get_args(SourceName):
            if name in self._asked:
                waited = time.monotonic() - self._asked[name]
                unobserved[name] = f"{_TITLES[name]}: asked {waited:.0f} s ago, no answer yet"
            elif answers[name].error:
                unobserved[name] = answers[name].error
        api = self._api.window()
        if api.up is None:
            unobserved["api"] = api.error
        facts = {name: answer.facts for name, answer in answers.items()}
        self._record(
            _combine(
                self._run,
                at,
                vhosts,
                facts.get("database"),
                facts.get("broker"),
                api,
                {name: self._site.secrets.redact(why) for name, why in unobserved.items()},
            )
        )

    def _names(self) -> tuple[dict[SideName, str], dict[str, str]]:
        """The vhost of each release, and why one is not known."""
        vhosts: dict[SideName, str] = {}
        unobserved: dict[str, str] = {}
        for side in get_args(SideName):
            try:
                vhosts[side] = self._site.conf(side).transport().vhost
            except Unobserved as problem:
                unobserved[f"vhost of {side}"] = str(problem)
        return vhosts, unobserved

    def _ask(self, name: SourceName, question: Callable[[], Any]) -> None:
        facts, error = None, ""
        try:
            facts = question()
        except (Unobserved, NotConfigured, UsageError) as problem:
            error = str(problem)
        except BaseException as bug:
            error = own_failure(_TITLES[name], bug)
        self._mail.put(_Answer(name, facts, error))


def _combine(
    run: str,
    at: datetime,
    vhosts: dict[SideName, str],
    work: WorkCounts | None,
    load: VhostLoad | None,
    api: ApiWindow,
    unobserved: dict[str, str],
) -> Sample:
    """The sample of these facts; what rests on a fact that is missing is None."""
    names = dict.fromkeys(vhosts.values())
    engines = unplaced = None
    why = unobserved.get("database") or unobserved.get("broker")
    if load is not None:
        unobserved |= {f"messages of {vhost}": text for vhost, text in load.problems.items()}
        why = why or load.unseen
    if work is not None and load is not None and not load.unseen and names:
        try:
            placement = place(work.services, load.listeners)
        except Unobserved as reason:
            why = str(reason)
        else:
            engines = {vhost: len(placement.on(vhost)) for vhost in names}
            unplaced = len(placement.engines) - sum(engines.values())
    if engines is None and why:
        unobserved["engines"] = why
    return Sample(
        schema=SCHEMA_VERSION,
        run=run,
        at=at,
        vhosts=vhosts,
        messages={vhost: load.messages.get(vhost) if load else None for vhost in names},
        live=load.live if load and load.messages else None,
        stacks=work.stacks if work else None,
        resources=work.resources if work else None,
        engines=engines,
        unplaced=unplaced,
        api=api,
        unobserved=unobserved,
    )
