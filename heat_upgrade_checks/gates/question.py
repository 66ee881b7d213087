"""What one gate is asked, and what it rests on."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.evidence.database.environment import fingerprint
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.own_commands import CalledWith
from heat_upgrade_checks.phases import PHASES
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.records import waivers
from heat_upgrade_checks.records.gate import Digests
from heat_upgrade_checks.records.waivers import Waiver
from heat_upgrade_checks.wording import clipped

# With a number, a phase and what makes it temporary it is a folder's name, of 255 bytes at most.
_LONGEST_HOST = 200


@dataclass(frozen=True)
class Question:
    """What one gate is asked: all that a replay must keep."""

    plan: Plan
    phase: str
    host: str
    only: tuple[str, ...]
    started_at: datetime
    waivers: tuple[Waiver, ...]
    digests: Digests
    called_with: CalledWith

    def __post_init__(self) -> None:
        phase = PHASES[self.phase]
        if self.plan.mode not in phase.modes:
            raise UsageError(
                f"phase {self.phase} belongs to a {' or '.join(phase.modes)} upgrade, "
                f"and the plan says mode: {self.plan.mode}"
            )
        if (self.phase == "engine") != bool(self.host):
            raise UsageError(
                "phase engine needs --host NAME, the host whose engine or API is taken away next"
                if self.phase == "engine"
                else f"--host belongs to phase engine, not to phase {self.phase}"
            )
        whole = self.host.isprintable() and len(self.host.encode()) <= _LONGEST_HOST
        if not whole or "/" in self.host:
            raise UsageError(
                f"--host {clipped(self.host, 60)!r} is no name of a host; "
                "give the name alone, such as control1 or 192.0.2.11"
            )


def new_question(
    plan_file: Path, plan_sha256: str, phase: str, host: str, only: Iterable[str], site: Site
) -> Question:
    """The question of a gate of the site's plan that starts now; `plan_file` held it.

    :raises UsageError: the plan's file of waivers cannot be used.
    """
    plan = site.plan
    return Question(
        plan=plan,
        phase=phase,
        host=host,
        only=tuple(only),
        started_at=datetime.now(UTC),
        waivers=waivers.load(plan.waivers) if plan.waivers else (),
        digests=digests_of(site, plan_sha256),
        called_with=CalledWith(plan_file.absolute(), site.upgrade_folder.absolute().parent),
    )


def digests_of(site: Site, plan_sha256: str) -> Digests:
    """What a gate that starts now rests on."""
    notes = site.plan.notes
    return Digests(
        plan=plan_sha256,
        waivers=_sha256(site.plan.waivers),
        acknowledgements=_sha256(notes.acknowledgements if notes else None),
        environment=fingerprint(site),
    )


def _sha256(path: Path | None) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path else ""
    except OSError:
        return ""
