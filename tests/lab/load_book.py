"""What a background load writes down: requests, probes, and what must be true of its stacks."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

# Stands among the statuses of a stack that may be, or must be, deleted or never made.
GONE = "gone"


@dataclass(frozen=True)
class Request:
    """One request: when it was sent, how long it took, and the status; 0 for no answer.

    `expected_404` where that a stack is not there is as good an answer as any.
    """

    sent: float
    seconds: float
    what: str
    status: int
    error: str = ""
    expected_404: bool = False

    @property
    def ok(self) -> bool:
        """Whether it was answered well."""
        return 200 <= self.status < 400 or (self.status == 404 and self.expected_404)

    def __str__(self) -> str:
        said = f"{self.status} {self.error}" if self.status else f"no answer ({self.error})"
        return f"at {self.sent:.1f} s, after {self.seconds:.1f} s: {self.what}: {said}"


@dataclass(frozen=True)
class Expected:
    """A stack that Heat was asked for: the statuses and revisions that it may have.

    More than one where a request got no good answer, which proves nothing about what Heat did.
    `busy` while a user waits for Heat to be done with it. `random` must never change.
    """

    name: str
    statuses: tuple[str, ...]
    revisions: tuple[int, ...]
    id: str = ""
    random: str = ""
    busy: bool = True


@dataclass(frozen=True)
class Outage:
    """A time in which no probe that was sent got a good answer, in seconds since the beginning."""

    began: float
    seconds: float


@dataclass(frozen=True)
class Report:
    """What the users saw; `done` counts the operations on stacks that ended well."""

    seconds: float
    requests: int
    failures: tuple[Request, ...]
    done: Counter[str]
    probes: int
    outages: tuple[Outage, ...]

    @property
    def longest_outage(self) -> float:
        """Seconds of the longest time in which the API answered nobody."""
        return max((outage.seconds for outage in self.outages), default=0.0)

    @property
    def downtime(self) -> float:
        """Seconds in which the API answered nobody, all together."""
        return sum(outage.seconds for outage in self.outages)

    def __str__(self) -> str:
        done = ", ".join(f"{count} {what}" for what, count in sorted(self.done.items()))
        first = "".join(f"\n  {failure}" for failure in self.failures[:10])
        return (
            f"{self.requests} requests in {self.seconds:.0f} s, {len(self.failures)} failed; "
            f"{done or 'no'} operations on stacks; {self.probes} probes, API down "
            f"{self.downtime:.1f} s in all, {self.longest_outage:.1f} s at a time{first}"
        )


@dataclass
class Book:
    """What all threads of a load write into, each entry under the lock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    requests: list[Request] = field(default_factory=list)
    probes: list[tuple[float, bool]] = field(default_factory=list)
    expected: dict[str, Expected] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)

    def expect(self, expected: Expected) -> None:
        """Write down what must be true of a stack from now on."""
        with self.lock:
            self.expected[expected.name] = expected

    def trouble(self, words: str) -> None:
        """Write down what must not happen to any stack, and did."""
        with self.lock:
            self.troubles.append(words)

    def report(self, seconds: float) -> Report:
        """What the users saw up to now."""
        with self.lock:
            return Report(
                seconds=seconds,
                requests=len(self.requests),
                failures=tuple(request for request in self.requests if not request.ok),
                done=Counter(self.done),
                probes=len(self.probes),
                outages=tuple(outages(sorted(self.probes), seconds)),
            )


def outages(probes: Sequence[tuple[float, bool]], end: float) -> list[Outage]:
    """The runs of probes that failed, in the order in which they were sent."""
    found: list[Outage] = []
    began: float | None = None
    for sent, well in probes:
        if well and began is not None:
            found.append(Outage(began, sent - began))
            began = None
        elif not well and began is None:
            began = sent
    if began is not None:
        found.append(Outage(began, end - began))
    return found
