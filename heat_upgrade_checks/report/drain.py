"""The curve of a wait: how the work that kept the gate shut grew less."""

from collections.abc import Sequence
from dataclasses import dataclass

from heat_upgrade_checks.gate import DrainSample
from heat_upgrade_checks.report.wording import duration

WIDTH, HEIGHT, LEFT, TOP = 720, 160, 40, 12

_LINES = (
    ("messages", "messages in the old queues", ""),
    ("stacks", "stacks in flight", "6 4"),
    ("resources", "resources held", "2 3"),
)


@dataclass(frozen=True)
class Line:
    """One kind of work: its points in the drawing, and the dashes that tell it from the others."""

    name: str
    dashes: str
    points: str
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
    counts = {
        field: [(sample, getattr(sample, field)) for sample in samples] for field, _, _ in _LINES
    }
    known = {
        field: [(sample, count) for sample, count in pairs if count is not None]
        for field, pairs in counts.items()
    }
    most = max((count for pairs in known.values() for _, count in pairs), default=0)

    def point(sample: DrainSample, count: int) -> str:
        passed = (sample.at - samples[0].at).total_seconds()
        x = LEFT + (WIDTH - LEFT) * (passed / seconds if seconds else 0)
        y = TOP + (HEIGHT - TOP) * (1 - count / max(most, 1))
        return f"{x:.1f},{y:.1f}"

    return Drain(
        lines=tuple(
            Line(
                name,
                dashes,
                " ".join(point(sample, count) for sample, count in known[field]),
                known[field][0][1],
                known[field][-1][1],
            )
            for field, name, dashes in _LINES
            if known[field]
        ),
        most=most,
        span=duration(seconds),
    )
