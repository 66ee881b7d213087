"""A recording as one drawing over one time axis, and the same facts for a table."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from heat_upgrade_checks import wording
from heat_upgrade_checks.records.findings import Verdict
from heat_upgrade_checks.records.watch import Recording, Sample, outages, runs
from heat_upgrade_checks.report import words
from heat_upgrade_checks.report.thinning import Piece, Point, strokes

LEFT = 130.0
_RIGHT = 910.0
_HEIGHT = 90.0
_LEGEND = 24.0
_ROOM = 18.0
_MARK = 20.0
_MARK_ROWS = 3
# Time that nobody watched takes this little of the axis, in at most so many places.
_CUT = 16.0
_MOST_CUTS = 10
_MOST_LINES = 4

# Distinct on white and on black, and told apart without colour by their dashes.
_STROKES = (("#2f7fd1", ""), ("#c77700", "7 3"), ("#8a63f0", "2 3"), ("#2b8a3e", "9 3 2 3"))

Span = tuple[float, float]
Value = Callable[[Sample], float | None]
GateMark = tuple[str, str, Verdict, datetime]


@dataclass(frozen=True)
class Line:
    """One measured quantity, in pieces where it was not observed throughout."""

    name: str
    pieces: tuple[Piece, ...]
    colour: str
    dashes: str
    legend_x: float
    first: float | None
    lowest: float | None
    highest: float | None
    highest_at: datetime | None
    last: float | None
    observed: int
    samples: int


@dataclass(frozen=True)
class Panel:
    """Quantities drawn on one scale from 0 to `top`; nothing was observed in `blanks`."""

    title: str
    y: float
    height: float
    top: float
    lines: tuple[Line, ...]
    blanks: tuple[Span, ...]
    undrawn: int


@dataclass(frozen=True)
class Mark:
    """A gate; its time on the axis is at `foot`, which `x` is near."""

    x: float
    y: float
    verdict: Verdict
    folder: str
    label: str
    foot: float


@dataclass(frozen=True)
class Chart:
    """The drawing. `outside` counts the gates before and after the recording."""

    width: float
    height: float
    plot_top: float
    panels: tuple[Panel, ...]
    band_y: float
    up: tuple[Span, ...]
    down: tuple[Span, ...]
    marks: tuple[Mark, ...]
    outside: tuple[int, int]
    ticks: tuple[tuple[float, str, str], ...]
    cuts: tuple[tuple[float, str], ...]


class _Axis:
    """Time to place. Stretches that nobody watched are cut out.

    `places` are those of the given times; the ones at the indexes in `broken` follow a cut.
    """

    def __init__(self, times: Sequence[datetime]) -> None:
        gaps = [(after - before, before, after) for before, after in pairwise(times)]
        usual = median([gap.total_seconds() for gap, *_ in gaps]) if gaps else 0.0
        longest = timedelta(seconds=max(60.0, 10 * usual))
        cut = sorted((gap for gap in gaps if gap[0] > longest), reverse=True)[:_MOST_CUTS]
        self.cuts = sorted((before, after) for _, before, after in cut)
        begins = [times[0], *(after for _, after in self.cuts)]
        ends = [*(before for before, _ in self.cuts), times[-1]]
        watched = sum(
            ((end - begin).total_seconds() for begin, end in zip(begins, ends, strict=True))
        )
        self._scale = (_RIGHT - LEFT - _CUT * len(self.cuts)) / max(watched, 1.0)
        self._parts: list[tuple[datetime, datetime, float]] = []
        x = LEFT
        for begin, end in zip(begins, ends, strict=True):
            self._parts.append((begin, end, x))
            x += (end - begin).total_seconds() * self._scale + _CUT
        self.places: list[float] = []
        self.broken: set[int] = set()
        part = 0
        for at, when in enumerate(times):
            if when > self._parts[part][1]:
                part += 1
                self.broken.add(at)
            begin, _, start = self._parts[part]
            self.places.append(round(start + (when - begin).total_seconds() * self._scale, 1))

    def x(self, when: datetime) -> float:
        """Where a moment is; one that nobody watched is in the middle of its cut."""
        place = LEFT
        for begin, end, x in self._parts:
            if when < begin:
                return round(max(LEFT, x - _CUT / 2), 1)
            place = x + (min(when, end) - begin).total_seconds() * self._scale
            if when <= end:
                break
        return round(min(place, _RIGHT), 1)

    def when(self, x: float) -> datetime:
        """The moment at a place."""
        begin, end, start = [part for part in self._parts if part[2] <= x][-1]
        return min(end, begin + timedelta(seconds=(x - start) / self._scale))


def draw(recording: Recording, gates: Iterable[GateMark]) -> Chart | None:
    """The recording with the gates (folder, phase, verdict, time) on it; None where it is empty."""
    samples = recording.samples
    if not samples:
        return None
    axis = _Axis([sample.at for sample in samples])
    marks, outside = _marks(axis, samples, gates)
    plot_top = _MARK * _MARK_ROWS if marks else 0.0
    y = plot_top
    panels = []
    for title, values in _quantities(samples):
        panels.append(_panel(title, values, samples, axis, y + _LEGEND))
        y += _LEGEND + _HEIGHT + _ROOM
    band_y = y + _LEGEND
    ticks = [
        (x, anchor, f"{axis.when(x):%H:%M:%S}") for x, anchor in (((LEFT + _RIGHT) / 2, "middle"),)
    ]
    first, last = (wording.moment(samples[at].at) for at in (0, -1))
    return Chart(
        width=max([_RIGHT, *(mark.x for mark in marks)]) + 10,
        height=band_y + 60,
        plot_top=plot_top,
        panels=tuple(panels),
        band_y=band_y,
        up=_up(axis, samples),
        down=_down(axis, samples),
        marks=marks,
        outside=outside,
        ticks=((LEFT, "start", first), *ticks, (_RIGHT, "end", last)),
        cuts=tuple(
            (axis.x(before) + _CUT / 2, wording.duration((after - before).total_seconds()))
            for before, after in axis.cuts
        ),
    )


def _quantities(samples: Sequence[Sample]) -> list[tuple[str, dict[str, Value]]]:
    """What is drawn: for each panel its title and its lines."""
    vhosts = dict.fromkeys(vhost for sample in reversed(samples) for vhost in sample.messages)
    roles = defaultdict(list)
    for role, vhost in samples[-1].vhosts.items():
        roles[vhost].append(role)

    def named(vhost: str) -> str:
        return f"{vhost} ({' and '.join(roles[vhost])})" if vhost in roles else vhost

    def messages(vhost: str) -> Value:
        return lambda sample: sample.messages.get(vhost)

    def engines(vhost: str) -> Value:
        return lambda sample: (sample.engines or {}).get(vhost)

    return [
        ("Messages in work queues", {named(vhost): messages(vhost) for vhost in vhosts}),
        (
            "Work in flight",
            {"stacks": lambda sample: sample.stacks, "resources": lambda sample: sample.resources},
        ),
        (
            "Engines",
            {f"on {named(vhost)}": engines(vhost) for vhost in vhosts}
            | {"unplaced": lambda sample: sample.unplaced},
        ),
    ]


def _panel(
    title: str, values: dict[str, Value], samples: Sequence[Sample], axis: _Axis, y: float
) -> Panel:
    drawn = {
        name: [of(sample) for sample in samples] for name, of in list(values.items())[:_MOST_LINES]
    }
    top = max([1.0, *(value for line in drawn.values() for value in line if value is not None)])
    lines = []
    legend_x = LEFT + 15 + 8.5 * len(title)
    for (name, seen), stroke in zip(drawn.items(), _STROKES, strict=False):
        name = wording.clipped(name, 40)
        pieces = tuple(_placed(piece, y, top) for piece in strokes(list(_points(axis, seen))))
        lines.append(_line(name, seen, samples, pieces, stroke, legend_x))
        legend_x += 50 + 7.5 * len(name)
    blank = [all(line[at] is None for line in drawn.values()) for at in range(len(samples))]
    spans = [
        (axis.places[at], axis.places[at + 1])
        for at in range(len(samples) - 1)
        if at + 1 not in axis.broken and (blank[at] or blank[at + 1])
    ]
    return Panel(title, y, _HEIGHT, top, tuple(lines), _merged(spans), len(values) - len(drawn))


def _points(axis: _Axis, seen: Sequence[float | None]) -> Iterable[Point]:
    for at, (x, value) in enumerate(zip(axis.places, seen, strict=True)):
        if at in axis.broken:
            yield x, None
        yield x, value


def _placed(piece: Piece, y: float, top: float) -> Piece:
    return tuple((x, round(y + _HEIGHT * (1 - value / top), 1)) for x, value in piece)


def _line(
    name: str,
    seen: Sequence[float | None],
    samples: Sequence[Sample],
    pieces: tuple[Piece, ...],
    stroke: tuple[str, str],
    legend_x: float,
) -> Line:
    values = [value for value in seen if value is not None]
    highest = max(values, default=None)
    return Line(
        name=name,
        pieces=pieces,
        colour=stroke[0],
        dashes=stroke[1],
        legend_x=round(legend_x, 1),
        first=values[0] if values else None,
        lowest=min(values, default=None),
        highest=highest,
        highest_at=None if highest is None else samples[seen.index(highest)].at,
        last=seen[-1],
        observed=len(values),
        samples=len(samples),
    )


def _up(axis: _Axis, samples: Sequence[Sample]) -> tuple[Span, ...]:
    """Where the API was measured; what was down is drawn over it."""
    return _merged(
        (axis.x(before.at), axis.x(after.at))
        for run in runs(samples).values()
        for before, after in pairwise(run)
        if after.api.watched and after.api.up is not None
    )


def _down(axis: _Axis, samples: Sequence[Sample]) -> tuple[Span, ...]:
    return _merged(
        (axis.x(outage.first_failed), axis.x(outage.last_failed + timedelta(seconds=1)))
        for run in runs(samples).values()
        for outage in outages(run)
    )


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans, those that touch as one, each of them wide enough to be seen."""
    merged: list[Span] = []
    for begin, end in sorted(spans):
        end = max(end, begin + 1.5)
        if merged and begin <= merged[-1][1] + 0.5:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return tuple((begin, round(end - begin, 1)) for begin, end in merged)


def _marks(
    axis: _Axis, samples: Sequence[Sample], gates: Iterable[GateMark]
) -> tuple[tuple[Mark, ...], tuple[int, int]]:
    marks: list[Mark] = []
    before = after = 0
    begin, end = samples[0].at, samples[-1].at
    taken = [LEFT - _MARK] * _MARK_ROWS
    for folder, phase, verdict, when in sorted(gates, key=lambda gate: gate[3]):
        if begin <= when <= end:
            foot = axis.x(when)
            row = min(range(_MARK_ROWS), key=lambda row: (max(taken[row] + _MARK, foot), row))
            x = taken[row] = max(taken[row] + _MARK, foot)
            label = f"{words.VERDICT_WORDS[verdict]}, {phase}, {wording.moment(when)}"
            marks.append(Mark(x, (row + 0.5) * _MARK, verdict, folder, label, foot))
        before += when < begin
        after += when > end
    return tuple(marks), (before, after)
