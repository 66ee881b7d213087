"""What a recording says in words: how long the API was down, and what was not observed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from heat_upgrade_checks.records.watch import (
    Outage,
    Recording,
    Sample,
    availability,
    outages,
    overlap,
    runs,
)
from heat_upgrade_checks.report import words
from heat_upgrade_checks.report.watch_chart import Chart, GateMark, draw


@dataclass(frozen=True)
class Run:
    """One run of `watch`."""

    begun: datetime
    ended: datetime
    samples: int
    api: str
    outages: tuple[Outage, ...]


@dataclass(frozen=True)
class Missing:
    """Something that some samples lack, with the reason that the last of them gives."""

    what: str
    why: str
    samples: int
    last: datetime


@dataclass(frozen=True)
class WatchSection:
    """The recording as the page tells it. `together` says that runs watched at the same time."""

    headline: str
    together: bool
    runs: tuple[Run, ...]
    missing: tuple[Missing, ...]
    problems: tuple[str, ...]
    chart: Chart | None


def tell(recording: Recording, gates: Iterable[GateMark]) -> WatchSection:
    """The recording with the gates (folder, phase, verdict, time) that fall into it."""
    told = list(runs(recording.samples).values())
    together = overlap(told)
    return WatchSection(
        headline=_headline(recording.samples, told, together),
        together=together,
        runs=tuple(map(_run, told)),
        missing=_missing(recording.samples),
        problems=recording.problems,
        chart=draw(recording, gates),
    )


def _headline(samples: Sequence[Sample], told: Sequence[Sequence[Sample]], together: bool) -> str:
    if not samples:
        return "Nothing of the upgrade was recorded."
    if together:
        # Their times overlap and do not add up; the run that saw most stands for all.
        return words.api_availability(
            max((availability(run) for run in told), key=lambda seen: (seen.down, seen.watched))
        )
    return words.api_availability(availability(samples))


def _run(samples: Sequence[Sample]) -> Run:
    api = words.api_availability(availability(samples))
    return Run(samples[0].at, samples[-1].at, len(samples), api, tuple(outages(samples)))


def _missing(samples: Iterable[Sample]) -> tuple[Missing, ...]:
    found: dict[str, Missing] = {}
    for sample in samples:
        for what, why in sample.unobserved.items():
            count = found[what].samples if what in found else 0
            found[what] = Missing(what, why, count + 1, sample.at)
    return tuple(found.values())
