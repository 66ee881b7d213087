"""`watch.jsonl`: what was seen of an upgrade as it went, one sample a line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

from pydantic import AwareDatetime, Field, TypeAdapter

SCHEMA_VERSION: Literal["1"] = "1"
FILE = "watch.jsonl"

# No line of ours comes near it; a larger one would be held in memory for nothing.
_LONGEST_LINE = 1_000_000

# Beyond these a number is damage, and could not be drawn.
Count = Annotated[int, Field(ge=0, le=10**12)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Moment = Annotated[
    AwareDatetime,
    Field(ge=datetime(2020, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC)),
]


@dataclass(frozen=True)
class ApiWindow:
    """What the API answered since the sample before; asks count when they are settled.

    `up` is the last answer, None where none was settled or what was settled tells nothing of the
    API (`unknown`: Keystone did not answer, or the account was refused). `watched` are the seconds
    from each telling ask to the next one, `down` those of them that follow a failed ask, and `gap`
    is the longest time between two asks. `slowest` is the slowest good answer. `error` says why the
    last answer was not good, or why there is none.
    """

    up: bool | None
    asked: Count
    failed: Count
    unknown: Count
    watched: Seconds
    down: Seconds
    gap: Seconds
    slowest: Seconds | None
    first_failed: Moment | None
    last_failed: Moment | None
    error: str


@dataclass(frozen=True)
class Sample:
    """The upgrade at one moment of one run of `watch`.

    `vhosts` are the vhosts of the current and of the target release. `messages` are those in work
    queues, by vhost; `live` tells whether they are the queues' own counts or statistics some
    seconds old. `engines` are the live engines that work on one vhost alone; all others are
    `unplaced`. What is None was not observed; `unobserved` says why.
    """

    schema: Literal["1"]
    run: str
    at: Moment
    vhosts: dict[Literal["current", "target"], str]
    messages: dict[str, Count | None]
    live: bool | None
    stacks: Count | None
    resources: Count | None
    engines: dict[str, Count] | None
    unplaced: Count | None
    api: ApiWindow
    unobserved: dict[str, str]


@dataclass(frozen=True)
class Recording:
    """The readable samples in order of time; `problems` says what could not be read."""

    samples: tuple[Sample, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Availability:
    """The API over some samples, measured from ask to ask."""

    asked: int = 0
    failed: int = 0
    unknown: int = 0
    watched: float = 0.0
    down: float = 0.0
    resolution: float = 0.0
    slowest: float | None = None
    down_at_end: bool = False

    def after(self, window: ApiWindow) -> "Availability":
        """The same with what was settled next."""
        answers = [each for each in (self.slowest, window.slowest) if each is not None]
        return Availability(
            asked=self.asked + window.asked,
            failed=self.failed + window.failed,
            unknown=self.unknown + window.unknown,
            watched=self.watched + window.watched,
            down=self.down + window.down,
            resolution=max(self.resolution, window.gap),
            slowest=max(answers, default=None),
            down_at_end=self.down_at_end if window.up is None else not window.up,
        )


@dataclass(frozen=True)
class Outage:
    """Failed asks without a sample of good ones between them; `seconds` were measured as down."""

    first_failed: datetime
    last_failed: datetime
    seconds: float


_ADAPTER: TypeAdapter[Sample] = TypeAdapter(Sample)


def dump(sample: Sample) -> bytes:
    """The sample as one line."""
    return _ADAPTER.dump_json(sample) + b"\n"


def read(upgrade_folder: Path) -> Recording | None:
    """What `watch` recorded of this upgrade; None where it never ran."""
    path = upgrade_folder / FILE
    samples: list[Sample] = []
    damaged: list[int] = []
    number = 0
    try:
        with path.open("rb") as lines:
            while line := _next_line(lines):
                number += 1
                try:
                    samples.append(_ADAPTER.validate_json(line))
                except ValueError:
                    if line.strip():
                        damaged.append(number)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Recording((), (f"{FILE} cannot be read: {error.strerror}",))
    samples.sort(key=lambda sample: sample.at)
    return Recording(tuple(samples), tuple(_damage(damaged, number)))


def _next_line(lines: BinaryIO) -> bytes:
    """The next line; of one that is too long only its beginning, which is no sample."""
    line = part = lines.readline(_LONGEST_LINE)
    while part and not part.endswith(b"\n"):
        part = lines.readline(_LONGEST_LINE)
    return line


def _damage(damaged: Sequence[int], last: int) -> Iterable[str]:
    if not damaged:
        return
    shown = ", ".join(map(str, damaged[:5])) + (", …" if len(damaged) > 5 else "")
    lines = f"line {shown} is" if len(damaged) == 1 else f"lines {shown} are"
    end = "; the last one may be half-written" if damaged[-1] == last else ""
    yield f"{FILE}: {lines} damaged and left out{end}"


def runs(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """The samples of each run of `watch`, in the order in which the runs began."""
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.run, []).append(sample)
    return found


def overlap(told: Iterable[Sequence[Sample]]) -> bool:
    """Whether two of these runs watched at the same time, so that their times do not add up."""
    ended = None
    for run in told:
        if ended is not None and run[0].at < ended:
            return True
        ended = run[-1].at
    return False


def availability(samples: Iterable[Sample]) -> Availability:
    """The API over these samples."""
    total = Availability()
    for sample in samples:
        total = total.after(sample.api)
    return total


def outages(samples: Iterable[Sample]) -> list[Outage]:
    """When the API failed, in one run."""
    found: list[Outage] = []
    goes_on = False
    for window in (sample.api for sample in samples):
        first, last = window.first_failed, window.last_failed
        if first is None or last is None:
            if found and goes_on:
                # The time from the last failed ask to the first good one, settled here.
                before = found[-1]
                found[-1] = Outage(
                    before.first_failed, before.last_failed, before.seconds + window.down
                )
            goes_on = goes_on and window.up is None
            continue
        if goes_on:
            before = found.pop()
            found.append(Outage(before.first_failed, last, before.seconds + window.down))
        else:
            found.append(Outage(first, last, window.down))
        goes_on = not window.up
    return found
