"""The pytest plugin: which checks belong to the gate, their evidence, and what becomes of each.

The driver hands a `GatePlugin` to pytest. In a checkout, `pytest checks --phase pre --plan FILE`
judges as well: the top-level conftest.py loads this module, which then makes its own.
"""

import time
from collections.abc import Callable, Generator, Iterable
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from heat_upgrade_checks import plan as plans
from heat_upgrade_checks.errors import NotConfigured, Unobserved, UsageError
from heat_upgrade_checks.evidence.broker.listeners import Broker
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.gather import own_failure
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.sources import SOURCES
from heat_upgrade_checks.gates.catalogue import Check
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.question import new_question
from heat_upgrade_checks.gates.registry import MARK, check_of
from heat_upgrade_checks.gates.run import ALWAYS_ASKED, GateRun, begin
from heat_upgrade_checks.gates.waiting import Patience, sample
from heat_upgrade_checks.phases import PHASES
from heat_upgrade_checks.reading.placement import Placement, place
from heat_upgrade_checks.records.findings import (
    OF_THE_RUN,
    CheckResult,
    Finding,
    Level,
    Outcome,
    outcome_of,
)
from heat_upgrade_checks.report.words import VERDICT_WORDS
from heat_upgrade_checks.secrets import Secrets

_NAME = "heat-upgrade-gate"
_RUN = pytest.StashKey[GateRun]()
_JUDGEMENT = pytest.StashKey[Judgement]()
_ENDED_BY = pytest.StashKey[BaseException]()
_BEGUN = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of a run in a checkout; the driver has its own."""
    group = parser.getgroup("heat-upgrade-checks")
    group.addoption("--phase", choices=list(PHASES), help="judge the checks of this phase")
    group.addoption("--plan", default=plans.DEFAULT_PLAN, help="the upgrade's plan")
    group.addoption("--host", default="", help="in phase engine: the host that is taken away")


def pytest_configure(config: pytest.Config) -> None:
    """Judge, where a phase was named and the driver did not begin already."""
    phase = config.getoption("--phase", default=None)
    if phase is None or config.pluginmanager.has_plugin(_NAME):
        return
    try:
        plan, digest = plans.load(Path(config.getoption("--plan")))
        site = Site(plan, Path("reports") / plan.name)
        question = new_question(plan, digest, phase, config.getoption("--host"), (), site)
        plugin = _InCheckout(begin(question, site), lambda _: None)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    config.pluginmanager.register(plugin, _NAME)
    # The project's own tests make every warning an error; a library's is none of the gate's.
    config.addinivalue_line("filterwarnings", "ignore")
    # This plugin was registered too late to be called for itself.
    plugin.pytest_configure(config)


class GatePlugin:
    """Makes a `GateRun` of a pytest session; `ended` is told of each check as it ends."""

    def __init__(
        self,
        run: GateRun,
        ended: Callable[[CheckResult], None],
        patience: Patience | None = None,
    ) -> None:
        self._run = run
        self._ended = ended
        self._patience = patience

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Collect check_* functions of the files of checks, and nothing else."""
        config.stash[_RUN] = self._run
        # Every other style parses source, and Python 3.11 fails at that (SystemError: "AST
        # constructor recursion depth mismatch") while another thread does so too, as the source of
        # the migrations. What is shown of a failure is written by _retell anyway.
        config.option.tbstyle = "line"
        config.addinivalue_line("python_files", "[!_]*.py")
        config.addinivalue_line("markers", f"{MARK}(check): what the catalogue knows of a check")
        config.addinivalue_line("python_functions", "check_*")

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Keep the checks of this gate; a function that looks like a check but is none is named."""
        kept, left = [], []
        for item in items:
            check = _check(item)
            if check is None:
                self._run.problem(f"{item.nodeid} has no @check mark; give it an id and phases")
                left.append(item)
            elif self._selected(check):
                kept.append(item)
            else:
                left.append(item)
        items[:] = kept
        if left:
            config.hook.pytest_deselected(items=left)

    def _selected(self, check: Check) -> bool:
        only = self._run.question.only
        return self._run.question.phase in check.phases and (
            not only or check.id in only or check.family in only
        )

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Ask the sources that the kept checks rest on, all at once."""
        wanted = {name for item in session.items for name in getattr(item, "fixturenames", ())}
        self._run.gatherer.start(name for name in SOURCES if name in wanted or name in ALWAYS_ASKED)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Judge again what keeps the gate shut, until it opens or patience ends.

        When all is settled, though in different rounds, everything is judged once more at one
        moment: what was empty first may have filled up while something else was waited for.
        """
        patience = self._patience
        if patience is None or session.testsfailed:
            return None
        waiting = session.items
        while True:
            self._judge_round(waiting)
            self._run.drain.append(sample(self._run.gatherer.observations(), datetime.now(UTC)))
            unsettled = [item for item in session.items if not self._run.settled(item.nodeid)]
            if unsettled:
                if not patience.left:
                    return True
                patience.told(self._run.drain, patience.left)
                patience.pause()
            elif len(waiting) == len(session.items):
                return True
            # Even when time is up: what was settled round by round was never open as a whole.
            waiting = unsettled or session.items
            self._run.site.read_again()
            names = {name for item in waiting for name in getattr(item, "fixturenames", ())}
            self._run.gatherer.ask_again(sorted(names))

    @staticmethod
    def _judge_round(items: list[pytest.Item]) -> None:
        for item, following in zip_longest(items, items[1:]):
            if _JUDGEMENT in item.stash:
                del item.stash[_JUDGEMENT]
            if _ENDED_BY in item.stash:
                del item.stash[_ENDED_BY]
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Name the place at which pytest or this plugin broke; what it says is not repeated."""
        self._run.problem(own_failure("the judgement", excinfo.value))

    def pytest_keyboard_interrupt(self) -> None:
        """The operator stopped it."""
        self._run.interrupt()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file of checks that cannot be loaded leaves the gate incomplete."""
        if report.failed:
            last = str(report.longrepr).strip().splitlines()[-1:]
            self._run.problem(f"{report.nodeid} cannot be loaded: {''.join(last)}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Note when the check began."""
        item.stash[_BEGUN] = time.monotonic()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Judge a check once it ran, and make pytest's own report say the same."""
        report = yield
        if call.excinfo is not None and _ENDED_BY not in item.stash:
            item.stash[_ENDED_BY] = call.excinfo.value
        if call.when == "call" or (call.when == "setup" and call.excinfo is not None):
            result = self._run.record(item.nodeid, self._judge(item))
            _retell(report, result)
            self._ended(result)
        elif call.when == "teardown" and call.excinfo is not None:
            self._run.problem(f"{item.nodeid} broke after it was judged")
        return report

    def _judge(self, item: pytest.Item) -> CheckResult:
        check = _check(item)
        assert check is not None  # noqa: S101 - kept by pytest_collection_modifyitems
        redact = self._run.site.secrets.redact
        judgement = item.stash.get(_JUDGEMENT, None)
        outcome, reason, findings = _conclude(
            check, judgement, item.stash.get(_ENDED_BY, None), self._run.question.plan.require
        )
        return CheckResult(
            id=check.id,
            family=check.family,
            title=check.title,
            guide=check.guide,
            outcome=outcome,
            reason=redact(reason),
            seconds=round(time.monotonic() - item.stash[_BEGUN], 3),
            looked_at=redact(judgement.extent if judgement else ""),
            findings=tuple(_redacted(finding, self._run.site.secrets) for finding in findings),
        )


class _InCheckout(GatePlugin):
    """Ends the session as the driver would, which else reads what the run itself has to say."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail unless the gate is open, though every check that ran passed."""
        self._gate = self._run.finish()
        if session.exitstatus == pytest.ExitCode.OK and not self._gate.verdict.opens:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the verdict, and what keeps the run from being whole."""
        terminalreporter.section(f"phase {self._gate.phase}: {VERDICT_WORDS[self._gate.verdict]}")
        for result in self._gate.checks:
            if result.family == OF_THE_RUN:
                said = [result.reason, *(finding.summary for finding in result.findings)]
                terminalreporter.write_line(f"{result.id}: {' '.join(filter(None, said))}")


def _conclude(
    check: Check,
    judgement: Judgement | None,
    ended_by: BaseException | None,
    required: Iterable[str],
) -> tuple[Outcome, str, list[Finding]]:
    """Outcome, reason and findings of a check that ended, by itself or by an exception."""
    findings = list(judgement.findings) if judgement else []
    unknowns = list(judgement.unknowns) if judgement else []
    match ended_by:
        case None:
            if judgement is None or not judgement.extent:
                unknowns.append("the check did not state what it looked at; report it as a bug")
        case NotConfigured() if not findings and not unknowns:
            if check.id not in required:
                return Outcome.NOT_APPLICABLE, str(ended_by), []
            unknowns.append(f"the plan requires it: {ended_by}")
        case Unobserved():
            unknowns.append(str(ended_by))
        case AssertionError():
            text = str(ended_by).strip().partition("\n")[0] or "its assertion does not hold"
            findings.append(Finding(Level.BLOCKER, check.id, text))
        case pytest.skip.Exception():
            unknowns.append("the check was skipped, so nothing was judged")
        case _:
            unknowns.append(
                f"the check itself broke ({type(ended_by).__name__}); report it as a bug"
            )
    outcome = outcome_of(findings)
    if unknowns and outcome is not Outcome.FAILED:
        outcome = Outcome.ERROR
    return outcome, " ".join(unknowns), findings


def _redacted(finding: Finding, secrets: Secrets) -> Finding:
    redact = secrets.redact
    return Finding(
        level=finding.level,
        object=redact(finding.object),
        summary=redact(finding.summary),
        hint=redact(finding.hint),
        commands=tuple(tuple(map(redact, command)) for command in finding.commands),
        data=secrets.redact_within(finding.data),
    )


def _retell(report: pytest.TestReport, result: CheckResult) -> None:
    """Let pytest and pytest-html show what was judged, never a traceback that may quote a value."""
    lines = [result.reason] if result.reason else []
    lines += [
        f"{finding.level}: {finding.object}: {finding.summary}" for finding in result.findings
    ]
    report.sections = []
    report.longrepr = "\n".join(lines) or None
    match result.outcome:
        case Outcome.FAILED | Outcome.ERROR:
            report.outcome = "failed"
        case Outcome.NOT_APPLICABLE:
            report.outcome = "skipped"
            report.longrepr = (report.fspath, 0, result.reason)
        case _:
            report.outcome = "passed"


def _check(item: pytest.Item) -> Check | None:
    return check_of(item) if isinstance(item, pytest.Function) else None


@pytest.fixture(scope="session")
def gate_run(pytestconfig: pytest.Config) -> GateRun:
    """The run that this session belongs to."""
    return pytestconfig.stash[_RUN]


@pytest.fixture
def gate(request: pytest.FixtureRequest, gate_run: GateRun) -> Judgement:
    """What the check says about this gate."""
    check = _check(request.node)
    assert check is not None  # noqa: S101 - kept by pytest_collection_modifyitems
    judgement = Judgement(gate_run.question, check.id)
    request.node.stash[_JUDGEMENT] = judgement
    return judgement


@pytest.fixture(scope="session")
def placement(database: Database, broker: Broker) -> Placement:
    """Live engines with the vhosts they work on."""
    return place(database.services, broker.listeners)


def _evidence_fixture(name: str) -> Any:
    @pytest.fixture(scope="session", name=name)
    def facts(gate_run: GateRun) -> Any:
        return gate_run.facts(name)

    return facts


for _source in SOURCES:
    globals()[f"_{_source}"] = _evidence_fixture(_source)
