"""One run of one phase, from its plan to its gate document."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from heat_upgrade_checks import __version__, catalogue, journal, releases
from heat_upgrade_checks.errors import NotConfigured, Unobserved, UsageError
from heat_upgrade_checks.evidence.gather import Gatherer, Observation
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.findings import CheckResult, Outcome, Verdict, verdict_of
from heat_upgrade_checks.gate import (
    SCHEMA_VERSION,
    Digests,
    DrainSample,
    EvidenceRecord,
    Gate,
    Previous,
    ReleaseName,
    Tool,
    Upgrade,
)
from heat_upgrade_checks.phases import PHASES
from heat_upgrade_checks.plan import Plan, Side

# The gate names both releases at its head, whichever checks are selected.
ALWAYS_ASKED = ("current_release", "target_release")


@dataclass(frozen=True)
class Question:
    """What one gate is asked: all that a replay must keep."""

    plan: Plan
    plan_sha256: str
    phase: str
    host: str
    only: tuple[str, ...]
    started_at: datetime
    previous: Previous | None

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


@dataclass
class GateRun:
    """The state of a run: the question, the sources, and the records so far."""

    question: Question
    site: Site
    gatherer: Gatherer
    expected: frozenset[str]
    drain: list[DrainSample] = field(default_factory=list)
    interrupted: bool = False
    _records: dict[str, CheckResult] = field(default_factory=dict)
    _problems: list[CheckResult] = field(default_factory=list)

    @property
    def results(self) -> list[CheckResult]:
        """The records so far: the latest one of each check, then what keeps the run from whole."""
        return [*self._records.values(), *self._problems]

    def record(self, key: str, result: CheckResult) -> None:
        """Keep a check's record; one of the same key, from an earlier round, is replaced."""
        self._records[key] = result

    def settled(self, key: str) -> bool:
        """Whether this check does not keep the gate shut, as it was judged last."""
        return self._records[key].outcome not in {Outcome.FAILED, Outcome.ERROR}

    def facts(self, source: str) -> Any:
        """The facts of one source, waited for.

        :raises Unobserved: it gave none.
        :raises NotConfigured: the plan does not give it.
        """
        observation = self.gatherer.observation(source)
        if observation.error:
            raise (Unobserved if observation.configured else NotConfigured)(observation.error)
        return observation.facts

    def problem(self, what: str) -> None:
        """Record that the run itself is not whole; the gate cannot open."""
        self._problems.append(
            CheckResult(
                id="gate.whole",
                family="gate",
                title="Every check of this phase was judged",
                guide="",
                outcome=Outcome.ERROR,
                reason=self.site.secrets.redact(what),
                seconds=0.0,
                looked_at="",
                findings=(),
            )
        )

    def finish(self) -> Gate:
        """The gate document. A check of this phase without a record is an error."""
        judged = Counter(result.id for result in self.results)
        for id in sorted(self.expected - judged.keys()):
            self.problem(f"check {id} belongs to this phase and was not judged")
        for id in sorted(id for id in self.expected if judged[id] > 1):
            self.problem(f"check {id} is judged {judged[id]} times in this phase")
        observations = self.gatherer.observations()
        # What was interrupted has no answer, however far it came.
        verdict = Verdict.INCOMPLETE if self.interrupted else verdict_of(self.results)
        finished_at = datetime.now(UTC)
        question, plan = self.question, self.question.plan
        return Gate(
            schema=SCHEMA_VERSION,
            tool=Tool("heat-upgrade-checks", __version__),
            upgrade=Upgrade(
                plan.name,
                plan.mode,
                _release_name(observations.get("current_release"), plan.current),
                _release_name(observations.get("target_release"), plan.target),
            ),
            phase=question.phase,
            host=question.host,
            partial=bool(question.only),
            verdict=verdict,
            exit_code=verdict.exit_code,
            started_at=question.started_at,
            finished_at=finished_at,
            seconds=round((finished_at - question.started_at).total_seconds(), 3),
            checks=tuple(self.results),
            evidence=tuple(_record(observation) for observation in observations.values()),
            drain=tuple(self.drain),
            previous=question.previous,
            digests=Digests(
                plan=question.plan_sha256, waivers="", acknowledgements=_acknowledgements(plan)
            ),
        )


def begin(
    question: Question, site: Site, recorded: dict[str, Observation] | None = None
) -> GateRun:
    """Prepare a run; nothing is asked of any source yet.

    :raises UsageError: the question names checks that do not exist.
    """
    checks = catalogue.load()
    catalogue.require_known(checks, question.plan.require, "require in the plan")
    expected = catalogue.select(checks, question.phase, question.only)
    return GateRun(question, site, Gatherer(site, recorded), expected)


def new_question(
    plan: Plan, plan_sha256: str, phase: str, host: str, only: Iterable[str], site: Site
) -> Question:
    """The question of a gate that starts now."""
    previous = journal.previous(site.upgrade_folder)
    return Question(plan, plan_sha256, phase, host, tuple(only), datetime.now(UTC), previous)


def _record(observation: Observation) -> EvidenceRecord:
    return EvidenceRecord(
        observation.source,
        observation.observed_at,
        observation.seconds,
        observation.attempts,
        observation.summary,
        observation.error,
    )


def _release_name(observation: Observation | None, plan: Side) -> ReleaseName:
    if observation is not None and observation.facts is not None:
        return ReleaseName(observation.facts.version, observation.facts.series)
    if plan.version is not None:
        release = releases.parse(plan.version)
        return ReleaseName(str(release.version), release.series)
    return ReleaseName("", "")


def _acknowledgements(plan: Plan) -> str:
    if plan.notes is None:
        return ""
    try:
        return hashlib.sha256(plan.notes.acknowledgements.read_bytes()).hexdigest()
    except OSError:
        return ""
