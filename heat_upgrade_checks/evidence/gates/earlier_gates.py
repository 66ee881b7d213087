"""What the earlier gates of this upgrade said, and what this upgrade is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.code import release
from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.database.environment import fingerprint
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.records import journal
from heat_upgrade_checks.records.findings import Verdict
from heat_upgrade_checks.records.gate import Digests, Gate
from heat_upgrade_checks.records.journal import Entry
from heat_upgrade_checks.wording import counted


@dataclass(frozen=True)
class Identity:
    """What all gates of one upgrade have in common; empty strings where it is not known.

    `environment` is the SHA-256 of the address of Heat's database.
    """

    name: str
    mode: str
    current: str
    target: str
    environment: str


@dataclass(frozen=True)
class EarlierGate:
    """One gate that was run before.

    `engine_hosts` are those whose engines reported then; none where it did not look at them.
    """

    folder: str
    phase: str
    host: str
    verdict: Verdict
    started_at: datetime
    finished_at: datetime
    identity: Identity
    digests: Digests
    engine_hosts: tuple[str, ...] = ()

    @property
    def opened(self) -> bool:
        """Whether it said that the next step is safe."""
        return self.verdict in {Verdict.GO, Verdict.GO_WITH_WARNINGS}


@dataclass(frozen=True)
class EarlierGates(Facts):
    """The gates of this upgrade so far, oldest first, without partial and unreadable ones.

    `began` is when the first of them was started; None where there is none. `damage` tells by the
    name of a gate's folder what is not as it was written.
    """

    folder: str
    gates: tuple[EarlierGate, ...]
    identity: Identity
    began: datetime | None = None
    damage: dict[str, list[str]] = field(default_factory=dict)

    @property
    def extent(self) -> str:
        """What was read."""
        return f"{counted(len(self.gates), 'earlier gate')} in {self.folder}"

    def with_engines(self, phase: str) -> EarlierGate | None:
        """The last gate of a phase that tells which hosts had engines."""
        told = (gate for gate in reversed(self.gates) if gate.phase == phase and gate.engine_hosts)
        return next(told, None)

    def first_opened(self, phase: str) -> EarlierGate | None:
        """The first gate of a phase that opened."""
        return next((gate for gate in self.gates if gate.phase == phase and gate.opened), None)

    def opened(self, phase: str) -> EarlierGate | None:
        """The last gate of a phase, where it opened."""
        last = next((gate for gate in reversed(self.gates) if gate.phase == phase), None)
        return last if last is not None and last.opened else None


def observe(site: Site) -> EarlierGates:
    """The gates below the upgrade's folder."""
    entries = journal.entries(site.upgrade_folder)
    gates = whole_gates(entries)
    return EarlierGates(
        folder=str(site.upgrade_folder),
        gates=gates,
        identity=Identity(
            name=site.plan.name,
            mode=site.plan.mode,
            current=_version(release.observe_current, site),
            target=_version(release.observe_target, site),
            environment=fingerprint(site),
        ),
        began=min((gate.started_at for gate in gates), default=None),
        damage=journal.damage(entries),
    )


def whole_gates(entries: Sequence[Entry]) -> tuple[EarlierGate, ...]:
    """What those of the gates say that are readable and not partial."""
    return tuple(_told(entry.folder.name, entry.whole) for entry in entries if entry.whole)


def _told(folder: str, gate: Gate) -> EarlierGate:
    upgrade = gate.upgrade
    identity = Identity(
        name=upgrade.name,
        mode=upgrade.mode,
        current=upgrade.current.version,
        target=upgrade.target.version,
        environment=gate.digests.environment,
    )
    return EarlierGate(
        folder=folder,
        phase=gate.phase,
        host=gate.host,
        verdict=gate.verdict,
        started_at=gate.started_at,
        finished_at=gate.finished_at,
        identity=identity,
        digests=gate.digests,
        engine_hosts=gate.engine_hosts,
    )


def _version(observe: Callable[[Site], Release], site: Site) -> str:
    """A release's version; the gate names what keeps it from being known at its head."""
    try:
        return observe(site).version
    except Unobserved:
        return ""
