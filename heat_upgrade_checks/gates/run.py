"""One run of one phase, from its plan to its gate document."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from heat_upgrade_checks import __version__
from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.gather import Gatherer, Observation
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates import catalogue
from heat_upgrade_checks.gates.catalogue import Check
from heat_upgrade_checks.gates.question import Question
from heat_upgrade_checks.heat import releases
from heat_upgrade_checks.plan import Side
from heat_upgrade_checks.records import waivers
from heat_upgrade_checks.records.findings import (
    OF_THE_RUN,
    CheckResult,
    Finding,
    Level,
    Outcome,
    Verdict,
    verdict_of,
)
from heat_upgrade_checks.records.gate import (
    SCHEMA_VERSION,
    DrainSample,
    EvidenceRecord,
    Gate,
    Previous,
    ReleaseName,
    Tool,
    Upgrade,
)
from heat_upgrade_checks.records.waivers import Waiver

# The gate names both releases at its head, whichever checks are selected.
ALWAYS_ASKED = ("current_release", "target_release")


@dataclass
class GateRun:
    """The state of a run: the question, the sources, and the records so far."""

    question: Question
    site: Site
    gatherer: Gatherer
    expected: frozenset[str]
    previous: Previous | None = None
    drain: list[DrainSample] = field(default_factory=list)
    interrupted: bool = False
    # When each check judged last, by its id: what was young enough when a wait began may have
    # grown too old meanwhile.
    judged_at: dict[str, datetime] = field(default_factory=dict)
    # Of a replay: when the run that was recorded came to its end.
    recorded_until: datetime | None = None
    # As the checks found it; what is waived of it hangs on the moment.
    _records: dict[str, CheckResult] = field(default_factory=dict)
    _problems: list[CheckResult] = field(default_factory=list)

    def moment(self, id: str) -> datetime:
        """The moment at which a check judges: now, or in a replay when it did."""
        if self.recorded_until is None:
            self.judged_at[id] = datetime.now(UTC)
        return self.judged_at.get(id, self._now)

    @property
    def _now(self) -> datetime:
        return self.recorded_until or datetime.now(UTC)

    def record(self, key: str, found: CheckResult) -> CheckResult:
        """Keep a check's record and return it, waived where it is.

        One from an earlier round is replaced.
        """
        self._records[key] = found
        return self._waived(found, self._now)

    def _waived(self, found: CheckResult, at: datetime) -> CheckResult:
        redact = self.site.secrets.redact
        result = waivers.apply(found, self.question.waivers, at)
        told = tuple(
            replace(
                each,
                object=redact(each.object),
                reason=redact(each.reason),
                owner=redact(each.owner),
                ticket=redact(each.ticket),
            )
            for each in result.waivers
        )
        return replace(result, waivers=told)

    @property
    def whole(self) -> bool:
        """Whether nothing keeps the run itself from giving an answer, so far."""
        return not self._problems

    @property
    def judged(self) -> list[str]:
        """The keys of the checks that were judged."""
        return list(self._records)

    def settled(self, key: str) -> bool:
        """Whether this check does not keep the gate shut, as it was judged last."""
        outcome = self._waived(self._records[key], self._now).outcome
        return outcome not in {Outcome.FAILED, Outcome.ERROR}

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
        title = "Every check of this phase was judged"
        reason = self.site.secrets.redact(what)
        self._problems.append(_of_the_run("gate.whole", title, Outcome.ERROR, reason))

    def interrupt(self) -> None:
        """Somebody stopped the run: it has no answer, and waits for no source any more."""
        self.interrupted = True
        self.problem("the run was interrupted before the gate had its answer")
        self.gatherer.give_up()

    def finish(self) -> Gate:
        """The gate document. A check of this phase without a record is an error."""
        question, plan, started_at = self.question, self.question.plan, self.question.started_at
        redact = self.site.secrets.redact
        try:
            observations = self.gatherer.observations()
        except KeyboardInterrupt:
            self.interrupt()
            observations = self.gatherer.observations()
        now = datetime.now(UTC)
        finished_at = self.recorded_until or now
        # A waiver that ends while a gate is judged does not hold for its verdict.
        results = [self._waived(found, finished_at) for found in self._records.values()]
        judged = Counter(result.id for result in results)
        # Of what was interrupted one sentence says as much.
        for id in () if self.interrupted else sorted(self.expected - judged.keys()):
            self.problem(f"check {id} belongs to this phase and was not judged")
        for id in sorted(id for id in self.expected if judged[id] > 1):
            self.problem(f"check {id} is judged {judged[id]} times in this phase")
        for waiver in question.waivers:
            if waiver.id in self.expected and started_at < waiver.expires <= finished_at:
                self.problem(f"{waiver} in {plan.waivers} {_expired(waiver)}")
        if unused := tuple(self._unused_waivers(results, finished_at)):
            title = "Every waiver is needed"
            self._problems.append(
                _of_the_run("gate.waivers", title, Outcome.WARNED, findings=unused)
            )
        results += self._problems
        # What was interrupted has no answer, however far it came.
        verdict = Verdict.INCOMPLETE if self.interrupted else verdict_of(results)
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
            started_at=started_at,
            finished_at=finished_at,
            seconds=round((finished_at - started_at).total_seconds(), 3),
            checks=tuple(results),
            evidence=tuple(_record(observation) for observation in observations.values()),
            drain=tuple(self.drain),
            previous=self.previous,
            digests=question.digests,
            replayed_at=now if self.recorded_until else None,
            interrupted=self.interrupted,
            engine_hosts=tuple(map(redact, _engine_hosts(observations.get("database")))),
        )

    def _unused_waivers(self, results: Iterable[CheckResult], at: datetime) -> Iterator[Finding]:
        """Those of the checks that were judged which cover nothing; an expired one is told of."""
        redact = self.site.secrets.redact
        used = {
            (result.id, each.object, each.ticket) for result in results for each in result.waivers
        }
        for waiver in self.question.waivers:
            key = (waiver.id, redact(waiver.object), redact(waiver.ticket))
            if at < waiver.expires and waiver.id in self.expected and key not in used:
                yield Finding(
                    Level.WARNING,
                    redact(f"{waiver.id}, {waiver.object}"),
                    redact(f"{waiver} covers nothing that keeps this gate shut"),
                    hint=f"Remove it from {self.question.plan.waivers}.",
                )


def _of_the_run(
    id: str, title: str, outcome: Outcome, reason: str = "", findings: tuple[Finding, ...] = ()
) -> CheckResult:
    """A record of the run itself, which no check makes."""
    return CheckResult(id, OF_THE_RUN, title, "", outcome, reason, 0.0, "", findings)


def begin(
    question: Question, site: Site, recorded: dict[str, Observation] | None = None
) -> GateRun:
    """Prepare a run; nothing is asked of any source yet.

    :raises UsageError: the question names checks that do not exist.
    """
    checks = catalogue.load()
    catalogue.require_known(checks, question.plan.require, "require in the plan")
    expected = catalogue.select(checks, question.phase, question.only)
    run = GateRun(question, site, Gatherer(site, recorded), expected)
    for waiver in question.waivers:
        if problem := _useless(waiver, checks, question):
            run.problem(f"{waiver} in {question.plan.waivers} {problem}")
    return run


def _useless(waiver: Waiver, checks: Iterable[Check], question: Question) -> str:
    """Why a waiver keeps the gate from opening, or nothing."""
    phases = {phase for check in checks if check.id == waiver.id for phase in check.phases}
    if not phases:
        return "names no check; correct its id, see: heat-upgrade-check list"
    if question.phase in phases and waiver.expires <= question.started_at:
        return _expired(waiver)
    return ""


def _expired(waiver: Waiver) -> str:
    return f"expired at {waiver.expires:%Y-%m-%d %H:%M} UTC; renew or remove it"


def _record(observation: Observation) -> EvidenceRecord:
    return EvidenceRecord(
        observation.source,
        observation.observed_at,
        observation.seconds,
        observation.attempts,
        observation.summary,
        observation.error,
    )


def _engine_hosts(database: Observation | None) -> list[str]:
    services = database.facts.services if database and database.facts else ()
    return sorted({row.host for row in services if row.alive})


def _release_name(observation: Observation | None, plan: Side) -> ReleaseName:
    if observation is not None and observation.facts is not None:
        return ReleaseName(observation.facts.version, observation.facts.series)
    if plan.version is not None:
        release = releases.parse(plan.version)
        return ReleaseName(str(release.version), release.series)
    return ReleaseName("", "")
