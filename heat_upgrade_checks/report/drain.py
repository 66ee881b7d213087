"""The curve of a wait: how the work that kept the gate shut grew less."""

from collections.abc import Sequence
from dataclasses import dataclass

from heat_upgrade_checks.records.gate import DrainSample
from heat_upgrade_checks.report.thinning import Piece, Point, strokes
from heat_upgrade_checks.wording import duration

WIDTH, HEIGHT, LEFT, TOP = 720, 160, 40, 12

_LINES = (
    ("messages", "messages in the old queues", ""),
    ("stacks", "stacks in flight", "6 4"),
    ("resources", "resources held", "2 3"),
)


@dataclass(frozen=True)
class Line:
    """One kind of work: its places in the drawing, and the dashes that tell it from the others.

    There is a piece for each stretch in which it was observed throughout.
    """

    name: str
    dashes: str
    pieces: tuple[Piece, ...]
    first: int
    last: int


@dataclass(frozen=True)
class Drain:
    """The drawing: lines in a frame of WIDTH by HEIGHT, the largest count, the time it spans."""

    lines: tuple[Line, ...]
    most: int
    span: str


def draw(samples: Sequence[DrainSample]) -> Drain | None:
    """The curve of these samples; None where there are too few for one."""
    if len(samples) < 2:
        return None
    seconds = (samples[-1].at - samples[0].at).total_seconds()
    seen = {field: [getattr(sample, field) for sample in samples] for field, _, _ in _LINES}
    known = {
        field: [count for count in counts if count is not None] for field, counts in seen.items()
    }
    most = max((max(counts) for counts in known.values() if counts), default=0)

    def place(sample: DrainSample, count: int | None) -> Point:
        passed = (sample.at - samples[0].at).total_seconds()
        x = round(LEFT + (WIDTH - LEFT) * (passed / seconds if seconds else 0), 1)
        if count is None:
            return x, None
        return x, round(TOP + (HEIGHT - TOP) * (1 - count / max(most, 1)), 1)

    return Drain(
        lines=tuple(
            Line(
                name,
                dashes,
                strokes(list(map(place, samples, seen[field]))),
                known[field][0],
                known[field][-1],
            )
            for field, name, dashes in _LINES
            if known[field]
        ),
        most=most,
        span=duration(seconds),
    )
