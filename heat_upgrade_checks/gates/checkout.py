"""`pytest checks --phase pre --plan FILE` in a checkout is the same run as the driver's.

The top-level conftest.py loads this plugin of pytest; without `--phase` it does nothing.
"""

from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from heat_upgrade_checks import plan as plans
from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.driver import Details
from heat_upgrade_checks.gates.fixtures import evidence
from heat_upgrade_checks.gates.place import Place, taken
from heat_upgrade_checks.gates.plugin import GatePlugin
from heat_upgrade_checks.gates.question import new_question
from heat_upgrade_checks.gates.run import begin
from heat_upgrade_checks.phases import PHASES
from heat_upgrade_checks.records.findings import OF_THE_RUN
from heat_upgrade_checks.report import sections

_WRONG_USAGE = 64


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a gate; the driver has its own."""
    group = parser.getgroup("heat-upgrade-checks")
    group.addoption("--phase", choices=list(PHASES), help="judge the checks of this phase")
    group.addoption("--plan", default=plans.DEFAULT_PLAN, help="the upgrade's plan")
    group.addoption("--host", default="", help="in phase engine: the host that is taken away")
    group.addoption("--reports", default="reports", help="the folder of all reports")


def pytest_configure(config: pytest.Config) -> None:
    """Take the gate's place, where a phase was named."""
    phase = config.getoption("--phase")
    if phase is None:
        return
    end = ExitStack()
    try:
        plan_file = Path(config.getoption("--plan"))
        plan, digest = plans.load(plan_file)
        folder = Path(config.getoption("--reports")) / plan.name
        site = Site(plan, folder)
        question = new_question(plan_file, digest, phase, config.getoption("--host"), (), site)
        place = end.enter_context(taken(begin(question, site), folder))
    except UsageError as error:
        pytest.exit(str(error), returncode=_WRONG_USAGE)
    config.add_cleanup(end.close)
    # The project's own tests make every warning an error; a library's is none of the gate's.
    config.addinivalue_line("filterwarnings", "ignore")
    config.option.htmlpath = str(place.details)
    config.option.self_contained_html = True
    plugin = GatePlugin(place.run, lambda _: None)
    for each in (plugin, evidence(place.run), Details(), _InCheckout(place)):
        config.pluginmanager.register(each)
    # Registered too late to be called for itself.
    plugin.pytest_configure(config)


class _InCheckout:
    """Ends the session as the driver would, with the gate's exit code for pytest's."""

    def __init__(self, place: Place) -> None:
        self._place = place

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Write the reports once pytest-html has written its own."""
        yield
        try:
            self._gate, self._folder, self._untold = self._place.close()
        except UsageError as error:
            pytest.exit(str(error), returncode=_WRONG_USAGE)
        session.exitstatus = self._gate.exit_code

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the verdict, what keeps the run from being whole, and where the report is."""
        gate = self._gate
        terminalreporter.section(f"phase {gate.phase}: {sections.verdict(gate)}")
        for result in gate.checks:
            if result.family == OF_THE_RUN:
                said = [result.reason, *(finding.summary for finding in result.findings)]
                terminalreporter.write_line(f"{result.id}: {' '.join(filter(None, said))}")
        for line in filter(None, (self._untold, str(self._folder / "gate.html"))):
            terminalreporter.write_line(line)
