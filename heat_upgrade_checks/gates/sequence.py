"""The order of an upgrade's gates: what a gate asks of those before it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGate, Identity
from heat_upgrade_checks.phases import PHASES
from heat_upgrade_checks.report.words import VERDICT_WORDS
from heat_upgrade_checks.wording import duration, moment

# Called once for each host that is taken away, so there may be any number of them.
_REPEATED = "engine"


@dataclass(frozen=True)
class Refusal:
    """Why a gate may not follow: the phase whose gate is not as it should be, and in what way."""

    phase: str
    sentence: str


def required(phase: str, mode: str) -> list[str]:
    """The phases that come before, in the guide's order."""
    names = [name for name, each in PHASES.items() if mode in each.modes]
    return [name for name in names[: names.index(phase)] if name != _REPEATED]


def refusals(
    before: Sequence[EarlierGate],
    phase: str,
    identity: Identity,
    at: datetime,
    max_age: timedelta,
) -> Iterator[Refusal]:
    """What keeps a gate of `phase` that starts `at` that moment from following those before it.

    The last gate of each phase decides, so running `pre` again begins the upgrade's order anew.
    """
    last = {gate.phase: gate for gate in before}
    chain: list[EarlierGate] = []
    for name in required(phase, identity.mode):
        gate = last.get(name)
        if gate is None:
            yield Refusal(name, "was not run for this upgrade")
        elif not gate.opened:
            yield Refusal(name, f"{_told(gate)} ended with {VERDICT_WORDS[gate.verdict]}")
        elif foreign := _differs(gate.identity, identity):
            yield Refusal(name, f"{_told(gate)} was run for another {foreign}")
        elif chain and gate.started_at < chain[-1].finished_at:
            yield Refusal(
                name, f"{_told(gate)} was run before the last gate of phase {chain[-1].phase}"
            )
        else:
            chain.append(gate)
    # Between two hosts may be a night; what came last is what must be fresh. A phase that opened
    # in its turn is run again to make it so.
    newest = max((each for each in before if each.opened), key=_ended, default=None)
    opened = last[phase].opened if phase in last else False
    again = opened and chain and last[phase].started_at >= chain[-1].finished_at
    if chain and newest and not again and at - newest.finished_at > max_age:
        allowed = duration(max_age.total_seconds())
        yield Refusal(
            newest.phase, f"{_told(newest)} is older than the {allowed} that the plan allows"
        )


def left_shut(before: Sequence[EarlierGate]) -> Iterator[EarlierGate]:
    """The hosts' gates since the last one of phase vhost whose last word was not to go on."""
    begun = max((n for n, gate in enumerate(before) if gate.phase == "vhost"), default=-1)
    hosts = {gate.host: gate for gate in before[begun + 1 :] if gate.phase == _REPEATED}
    yield from (gate for gate in hosts.values() if not gate.opened)


def _ended(gate: EarlierGate) -> datetime:
    return gate.finished_at


def _told(gate: EarlierGate) -> str:
    return f"{gate.folder} of {moment(gate.finished_at)}"


def _differs(one: Identity, other: Identity) -> str:
    """In what two gates belong to different upgrades; what is not known of one is no difference."""
    words = {
        "name": "upgrade",
        "mode": "mode",
        "current": "current release",
        "target": "target release",
        "environment": "database",
    }
    mine, others = asdict(one), asdict(other)
    return next(
        (
            f"{word} ({mine[key]}, not {others[key]})" if key != "environment" else word
            for key, word in words.items()
            if mine[key] and others[key] and mine[key] != others[key]
        ),
        "",
    )
