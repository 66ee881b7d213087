"""Judges a gate in pytest: one session, and with patience one more for each round."""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from heat_upgrade_checks.gates import catalogue
from heat_upgrade_checks.gates.fixtures import evidence
from heat_upgrade_checks.gates.place import Place
from heat_upgrade_checks.gates.plugin import GatePlugin
from heat_upgrade_checks.gates.run import GateRun
from heat_upgrade_checks.gates.waiting import Patience, sample
from heat_upgrade_checks.records.findings import CheckResult

_INI = Path(__file__).with_name("gate.ini")
_PLUGINS = ("pytest_metadata.plugin", "pytest_html.plugin", "pytest_html.fixtures")
_WITHOUT = (
    "cacheprovider",
    # The driver prints one line per check itself.
    "terminal",
    # It collects garbage twice, which takes longer than judging.
    "unraisableexception",
)


def judge(
    place: Place, ended: Callable[[CheckResult], None], patience: Patience | None = None
) -> None:
    """Judge the checks of a gate; with `patience` again until it opens. `ended` hears of each."""
    plugin = GatePlugin(place.run, ended)
    _session(place, plugin, [str(catalogue.checks_folder())])
    if patience is None or not place.run.whole:
        return
    try:
        _ask_again(place, plugin, patience)
    except KeyboardInterrupt:
        place.run.interrupt()


def _ask_again(place: Place, plugin: GatePlugin, patience: Patience) -> None:
    """Judge again what keeps the gate shut, until it opens or patience ends.

    When all is settled, though in different rounds, everything is judged once more at one moment:
    what was empty first may have filled up while something else was waited for.
    """
    run, every = place.run, place.run.judged
    asked = every
    while run.whole:
        run.drain.append(sample(run.gatherer.observations(), datetime.now(UTC)))
        shut = [node for node in every if not run.settled(node)]
        if shut:
            if not patience.left:
                return
            patience.told(run.drain, patience.left)
            patience.pause()
        elif asked == every:
            return
        # Even when time is up: what was settled round by round was never open as a whole.
        asked = shut or every
        run.site.read_again()
        plugin.ask_again(asked)
        _session(place, plugin, [f"{catalogue.checks_folder()}/{node}" for node in asked])


def _session(place: Place, plugin: GatePlugin, what: Sequence[str]) -> None:
    for variable in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        os.environ.pop(variable, None)
    folder = catalogue.checks_folder()
    arguments = [
        f"-c{_INI}",
        f"--rootdir={folder}",
        f"--confcutdir={folder}",
        "--disable-plugin-autoload",
        *(f"-pno:{plugin}" for plugin in _WITHOUT),
        *(f"-p{plugin}" for plugin in _PLUGINS),
        f"--html={place.details}",
        "--self-contained-html",
        *what,
    ]
    status = pytest.main(arguments, plugins=[plugin, evidence(place.run), Details()])
    _take_over(place.run, status)


def _take_over(run: GateRun, status: int | pytest.ExitCode) -> None:
    # The verdict comes from the records. Only what keeps records from being made is taken over.
    broke = status in {pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR}
    if broke and not run.interrupted:
        name = pytest.ExitCode(status).name
        run.problem(f"the run ended before every check was judged (pytest: {name})")


class Details:
    """What pytest-html's page says of itself."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_metadata(self, metadata: dict[str, object]) -> None:
        """Say nothing of the surroundings: a CI's variables may hold a URL with a token in it."""
        metadata.clear()

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: object) -> None:
        """Name it for what it is."""
        report.title = "Details of the gate"  # type: ignore[attr-defined]
