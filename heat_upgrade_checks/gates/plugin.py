"""Which checks belong to a gate, when their sources are asked, and what becomes of each.

A `GatePlugin` makes one pytest session judge the checks of a `GateRun`, or in a later round those
that are asked again. Who runs the session is the driver or, in a checkout, pytest itself.
"""

import time
from collections.abc import Callable, Generator, Iterable
from glob import escape

import pytest

from heat_upgrade_checks.evidence.gather import own_failure
from heat_upgrade_checks.evidence.sources import SOURCES
from heat_upgrade_checks.gates import catalogue
from heat_upgrade_checks.gates.catalogue import Check
from heat_upgrade_checks.gates.conclusion import conclude, retell
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import MARK, check_of
from heat_upgrade_checks.gates.run import ALWAYS_ASKED, GateRun
from heat_upgrade_checks.records.findings import CheckResult

_JUDGEMENT = pytest.StashKey[Judgement]()
_ENDED_BY = pytest.StashKey[BaseException]()
_BEGUN = pytest.StashKey[float]()


class GatePlugin:
    """Judges in a session of pytest; `ended` is told of each check as it ends."""

    def __init__(self, run: GateRun, ended: Callable[[CheckResult], None]) -> None:
        self._run = run
        self._ended = ended
        self._again: frozenset[str] = frozenset()
        self._told: dict[str, list[pytest.TestReport]] = {}

    def ask_again(self, nodes: Iterable[str]) -> None:
        """In the next session judge these checks, by node id, on sources that are asked anew."""
        self._again = frozenset(nodes)

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Collect check_* functions of the files of checks, and nothing else."""
        # Every other style parses source, and Python 3.11 fails at that (SystemError: "AST
        # constructor recursion depth mismatch") while another thread does so too, as the source of
        # the migrations. What is shown of a failure is written by retell() anyway.
        config.option.tbstyle = "line"
        # It goes through all loggers before each check, and fails ("dictionary changed size") where
        # a source makes one in its thread meanwhile; and what they log may hold a secret.
        config.pluginmanager.set_blocked("logging-plugin")
        # With their folder: pytest parses for its assertions whatever such a pattern fits, and a
        # name alone fits all that a source imports in its thread, to the same end.
        folder = escape(str(catalogue.checks_folder()))
        config.addinivalue_line("python_files", f"{folder}/*/[!_]*.py")
        config.addinivalue_line("python_functions", "check_*")
        config.addinivalue_line("markers", f"{MARK}(check): what the catalogue knows of a check")

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Keep the checks of this gate; a function that looks like a check but is none is named."""
        kept, left = [], []
        for item in items:
            check = check_of(item)
            if check is None:
                self._run.problem(f"{item.nodeid} has no @check mark; give it an id and phases")
                left.append(item)
            elif check.id in self._run.expected and self._run.question.phase in check.phases:
                kept.append(item)
            else:
                left.append(item)
        items[:] = kept
        if left:
            config.hook.pytest_deselected(items=left)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Ask the sources that the kept checks rest on, all at once."""
        wanted = {name for item in session.items for name in getattr(item, "fixturenames", ())}
        if self._again:
            self._run.gatherer.ask_again(sorted(wanted))
        else:
            wanted |= set(ALWAYS_ASKED)
            self._run.gatherer.start(name for name in SOURCES if name in wanted)

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

    @pytest.fixture
    def gate(self, request: pytest.FixtureRequest) -> Judgement:
        """What the check says about this gate."""
        id = _of_this_gate(request.node).id
        # Sources are fixtures of the session, so that all of the check's have answered by now.
        judgement = Judgement(self._run.question, id, self._run.moment(id))
        request.node.stash[_JUDGEMENT] = judgement
        return judgement

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
            result = self._run.record(item.nodeid, self._conclude(item))
            retell(report, result)
            self._ended(result)
        elif call.when == "teardown" and call.excinfo is not None:
            self._run.problem(f"{item.nodeid} broke after it was judged")
        return report

    def _conclude(self, item: pytest.Item) -> CheckResult:
        now = time.monotonic()
        return conclude(
            _of_this_gate(item),
            item.stash.get(_JUDGEMENT, None),
            item.stash.get(_ENDED_BY, None),
            # Another plugin may have broken before its begin was noted.
            now - item.stash.get(_BEGUN, now),
            self._run.question.plan.require,
            self._run.site.secrets,
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember it for the sessions of later rounds."""
        if report.when == "setup":
            self._told[report.nodeid] = []
        self._told[report.nodeid].append(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell of what an earlier round judged, so that this session's report is of the whole gate.

        What is judged again stands in it once, as it was judged last.
        """
        mine = {item.nodeid for item in session.items}
        for node in [node for node in self._told if node not in mine]:
            for report in list(self._told[node]):
                session.config.hook.pytest_runtest_logreport(report=report)


def _of_this_gate(item: pytest.Item) -> Check:
    check = check_of(item)
    assert check is not None  # noqa: S101 - pytest_collection_modifyitems keeps no other
    return check
