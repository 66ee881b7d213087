"""What the earlier gates of this upgrade said."""

from dataclasses import dataclass
from datetime import datetime

from heat_upgrade_checks import journal
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.findings import Verdict
from heat_upgrade_checks.gate import Gate


@dataclass(frozen=True)
class EarlierGate:
    """One gate that was run before."""

    phase: str
    finished_at: datetime
    opened: bool


@dataclass(frozen=True)
class EarlierGates:
    """The gates of this upgrade so far, oldest first, without partial and unreadable ones.

    `began` is when the first of them was started; None where there is none.
    """

    folder: str
    gates: tuple[EarlierGate, ...]
    began: datetime | None = None

    @property
    def extent(self) -> str:
        """What was read."""
        return f"{len(self.gates)} earlier gates in {self.folder}"

    def opened(self, phase: str) -> EarlierGate | None:
        """The last gate of a phase, where it opened."""
        last = next((gate for gate in reversed(self.gates) if gate.phase == phase), None)
        return last if last is not None and last.opened else None


def observe(site: Site) -> EarlierGates:
    """The gates below the upgrade's folder."""
    gates = [
        entry.gate
        for entry in journal.entries(site.upgrade_folder)
        if isinstance(entry.gate, Gate) and not entry.gate.partial
    ]
    return EarlierGates(
        folder=str(site.upgrade_folder),
        gates=tuple(
            EarlierGate(
                gate.phase,
                gate.finished_at,
                gate.verdict in {Verdict.GO, Verdict.GO_WITH_WARNINGS},
            )
            for gate in gates
        ),
        began=min((gate.started_at for gate in gates), default=None),
    )
