"""One page that tells the whole upgrade: where it stands, and every gate on the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from heat_upgrade_checks.phases import PHASES
from heat_upgrade_checks.records.findings import Verdict
from heat_upgrade_checks.records.gate import Gate
from heat_upgrade_checks.records.watch import Recording
from heat_upgrade_checks.report import sections, timeline, watch_section
from heat_upgrade_checks.report.pages import environment
from heat_upgrade_checks.wording import counted


@dataclass(frozen=True)
class Standing:
    """How far one phase has come.

    `latest` holds the newest whole gate of each host asked about, with its folder; `partly` names
    the hosts for which there are only partial gates. `hosts` are those that the phase must be asked
    about, in lower case; none where it is asked about the whole deployment, or they are not known.
    """

    phase: str
    latest: tuple[tuple[str, Gate], ...]
    partly: tuple[str, ...]
    hosts: frozenset[str] = frozenset()

    @property
    def passed(self) -> bool:
        """Whether the newest word on every host asked about is that the next step is safe.

        The last engine is for phase last-engine, so one host may be left.
        """
        answered = bool(self.latest) and not self.partly
        opened = answered and all(gate.verdict.opens for _, gate in self.latest)
        return opened and len(self._opened) >= len(self.hosts) - 1

    @property
    def told(self) -> str:
        """How far it has come, in words."""
        told = "passed" if self.passed else "not yet passed"
        total = counted(len(self.hosts), "host")
        return f"{told}, {len(self._opened)} of {total}" if self.hosts else told

    @property
    def _opened(self) -> set[str]:
        opened = {gate.host.lower() for _, gate in self.latest if gate.verdict.opens}
        return opened & self.hosts


def render(gates: Sequence[tuple[str, Gate | str]], recording: Recording | None = None) -> str:
    """The page for the gates of one upgrade: folder name and gate, in the order they were run.

    Where a gate could not be read, the sentence that says why stands in its place. `recording` is
    what `watch` saw, if it was run.
    """
    readable = [(folder, gate) for folder, gate in gates if isinstance(gate, Gate)]
    newest = readable[-1][1] if readable else None
    phases = [
        name for name, phase in PHASES.items() if not newest or newest.upgrade.mode in phase.modes
    ]
    standings = [_standing(phase, readable) for phase in phases]
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            gates=gates,
            newest=newest,
            headline=_headline(standings, gates[-1][1] if gates else None),
            standings=standings,
            unreadable=len(gates) - len(readable),
            drawing=_drawing(phases, readable),
            watched=watch_section.tell(recording, _marks(readable)) if recording else None,
            phases=PHASES,
        )
    )


def _standing(phase: str, gates: Sequence[tuple[str, Gate]]) -> Standing:
    asked = [(folder, gate) for folder, gate in gates if gate.phase == phase]
    whole = {gate.host: (folder, gate) for folder, gate in asked if not gate.partial}
    partly = {gate.host: None for _, gate in asked if gate.host not in whole}
    hosts = _engine_hosts(gates) if phase == "engine" else frozenset()
    return Standing(phase, tuple(whole.values()), tuple(partly), hosts)


def _engine_hosts(gates: Sequence[tuple[str, Gate]]) -> frozenset[str]:
    """The hosts that had an engine when the upgrade began, as its last gate of phase pre saw it."""
    told = (gate.engine_hosts for _, gate in reversed(gates) if gate.phase == "pre")
    return frozenset(host.lower() for host in next(filter(None, told), ()))


def _drawing(phases: Sequence[str], gates: Sequence[tuple[str, Gate]]) -> timeline.Timeline | None:
    lanes = dict.fromkeys([*phases, *(gate.phase for _, gate in gates)])
    marks = _marks(gates)
    return timeline.draw(list(lanes), marks) if marks else None


def _marks(gates: Sequence[tuple[str, Gate]]) -> list[tuple[str, str, Verdict, datetime]]:
    """The gates on the upgrade's way; the verdict of a partial one is no answer."""
    return [
        (folder, gate.phase, gate.verdict, gate.finished_at)
        for folder, gate in gates
        if not gate.partial
    ]


def _headline(standings: Sequence[Standing], latest: Gate | str | None) -> str:
    passed = (
        f"{sum(each.passed for each in standings)} of {counted(len(standings), 'phase')} passed"
    )
    if latest is None:
        return f"No gate yet; {passed}"
    if isinstance(latest, str):
        return f"The latest gate could not be read; {passed}"
    return f"{sections.verdict(latest)} at {latest.phase}; {passed}"
