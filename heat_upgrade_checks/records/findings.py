"""What checks say, and the outcome and the verdict that follow from it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, ConfigDict

OF_THE_RUN = "gate"
"""The family of the records that a run makes of itself; no check belongs to it."""

EVERY_KEY_REQUIRED = ConfigDict(json_schema_serialization_defaults_required=True)
"""For what stands in `gate.json`: its JSON Schema promises the keys that have a default, too."""


class Level(StrEnum):
    """How much a finding weighs."""

    BLOCKER = "blocker"
    WARNING = "warning"
    NOTE = "note"


class Outcome(StrEnum):
    """What became of one check."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    ERROR = "error"
    NOT_APPLICABLE = "not-applicable"
    WAIVED = "waived"


class Verdict(StrEnum):
    """The answer of one gate."""

    GO = "go"
    GO_WITH_WARNINGS = "go-with-warnings"
    NO_GO = "no-go"
    INCOMPLETE = "incomplete"

    @property
    def exit_code(self) -> int:
        """The process's exit code; 0 to 2 mean what they mean in oslo.upgradecheck."""
        return list(Verdict).index(self)

    @property
    def opens(self) -> bool:
        """Whether it says that the next step is safe."""
        return self in {Verdict.GO, Verdict.GO_WITH_WARNINGS}


@dataclass(frozen=True)
class Finding:
    """One thing that a check has to say about one object.

    `summary` is one sentence with the observed value. `hint` is the one action to take next.
    `commands` are argument lists that carry the hint out; this tool never runs them.
    """

    __pydantic_config__ = EVERY_KEY_REQUIRED

    level: Level
    object: str
    summary: str
    hint: str = ""
    commands: tuple[tuple[str, ...], ...] = ()
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AppliedWaiver:
    """A waiver that holds for a check at this gate, and what it covers.

    `object` is its pattern; `covers` are the objects of the blockers that it meets.
    `covers_unknown` is true where it accepts what the check could not observe.
    """

    object: str
    reason: str
    owner: str
    ticket: str
    expires: AwareDatetime
    covers: tuple[str, ...]
    covers_unknown: bool


@dataclass(frozen=True)
class CheckResult:
    """One check's record in the gate.

    `reason` tells why a check is `error` or `not-applicable`, or what a part of it could not tell,
    and is empty otherwise. `looked_at` states the extent and the source of what was judged.
    """

    __pydantic_config__ = EVERY_KEY_REQUIRED

    id: str
    family: str
    title: str
    guide: str
    outcome: Outcome
    reason: str
    seconds: float
    looked_at: str
    findings: tuple[Finding, ...]
    waivers: tuple[AppliedWaiver, ...] = ()


def outcome_of(findings: Iterable[Finding]) -> Outcome:
    """The outcome of a check that ran to its end with these findings."""
    levels = {finding.level for finding in findings}
    if Level.BLOCKER in levels:
        return Outcome.FAILED
    return Outcome.WARNED if Level.WARNING in levels else Outcome.PASSED


def verdict_of(results: Iterable[CheckResult]) -> Verdict:
    """The verdict on a gate with these records.

    No-go wins over incomplete, and incomplete over everything else. A gate in which nothing was
    judged is incomplete: nothing selected and everything not-applicable prove nothing.
    """
    results = tuple(results)
    outcomes = {result.outcome for result in results}
    judged = {result.outcome for result in results if result.family != OF_THE_RUN}
    if Outcome.FAILED in outcomes:
        return Verdict.NO_GO
    if Outcome.ERROR in outcomes or judged <= {Outcome.NOT_APPLICABLE}:
        return Verdict.INCOMPLETE
    if outcomes & {Outcome.WARNED, Outcome.WAIVED}:
        return Verdict.GO_WITH_WARNINGS
    return Verdict.GO
