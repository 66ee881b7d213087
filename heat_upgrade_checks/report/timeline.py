"""The gates of an upgrade as a drawing: a lane for each phase, a mark for each gate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from heat_upgrade_checks import wording
from heat_upgrade_checks.records.findings import Verdict
from heat_upgrade_checks.report import words

_LEFT = 130
_WIDTH = 780
_LANE = 30
_MARK = 20


@dataclass(frozen=True)
class Mark:
    """One gate in the drawing."""

    x: float
    y: float
    verdict: Verdict
    folder: str
    label: str


@dataclass(frozen=True)
class Timeline:
    """The drawing; `start` and `end` are the times at its two edges."""

    width: float
    height: float
    lanes: tuple[tuple[str, float], ...]
    marks: tuple[Mark, ...]
    start: datetime
    end: datetime


def draw(phases: Sequence[str], gates: Sequence[tuple[str, str, Verdict, datetime]]) -> Timeline:
    """Place the gates, given as folder, phase, verdict and time in their order.

    Times are to scale as far as the marks stay apart.
    """
    lanes = {phase: (row + 0.5) * _LANE for row, phase in enumerate(phases)}
    start, end = gates[0][3], gates[-1][3]
    span = max((end - start).total_seconds(), 1.0)
    marks: list[Mark] = []
    x = float(_LEFT)
    for folder, phase, verdict, when in gates:
        x = max(x + _MARK, _LEFT + _MARK + _WIDTH * (when - start).total_seconds() / span)
        label = f"{words.VERDICT_WORDS[verdict]}, {phase}, {wording.moment(when)}"
        marks.append(Mark(round(x, 1), lanes[phase], verdict, folder, label))
    width = max(x, _LEFT + _WIDTH) + _MARK
    return Timeline(
        width, len(lanes) * _LANE + _LANE, tuple(lanes.items()), tuple(marks), start, end
    )
