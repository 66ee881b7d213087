"""The next safe step of Heat's upgrade guide, by where the upgrade stands.

A table for each mode has a row for each point of the guide and for each way to have left it; the
first row that holds tells. What is not known stands before what would rest on it.
"""

from dataclasses import dataclass

from heat_upgrade_checks.phases import Mode
from heat_upgrade_checks.where.cold import COLD
from heat_upgrade_checks.where.position import Position
from heat_upgrade_checks.where.rolling import ROLLING
from heat_upgrade_checks.where.rules import Kind, PhaseGate, Rule, said
from heat_upgrade_checks.where.schema import At
from heat_upgrade_checks.where.words import Words

_RULES: dict[Mode, tuple[Rule, ...]] = {"rolling": ROLLING, "cold": COLD}


@dataclass(frozen=True)
class Step:
    """What to do next: the guide's next step, the way back to it, or how to find out.

    `point` says how far the upgrade has come. `gates` are the arguments of the calls of this tool
    that must open before the step, in their order. `must_not` says what would do harm now.
    """

    point: str
    kind: Kind
    sentence: str
    gates: tuple[tuple[str, ...], ...]
    must_not: tuple[str, ...]


def next_step(position: Position) -> Step:
    """The step of the first row that holds."""
    rule = next(rule for rule in _RULES[position.mode] if rule.holds(position))
    words = Words(position)
    return Step(
        point=said(rule.point, words),
        kind=rule.kind,
        sentence=said(rule.sentence, words),
        gates=tuple(gate.called(words) for gate in _behind(rule, position) + rule.gates),
        must_not=tuple(
            said(each.sentence, words) for each in rule.must_not if each.holds(position)
        ),
    )


def _behind(rule: Rule, position: Position) -> tuple[PhaseGate, ...]:
    """The gates before db_sync: where it changes nothing, nobody sees whether it was run."""
    if rule.gates[:1] != (PhaseGate("synced"),) or position.schema.at is not At.BOTH:
        return ()
    return (PhaseGate("pre" if position.mode == "rolling" else "stopped"), PhaseGate("installed"))
