"""Runs the checks of one gate in pytest and leaves its reports."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from heat_upgrade_checks.gates import catalogue, recording
from heat_upgrade_checks.gates.plugin import GatePlugin
from heat_upgrade_checks.gates.run import GateRun
from heat_upgrade_checks.gates.waiting import Patience
from heat_upgrade_checks.records import journal
from heat_upgrade_checks.records.findings import CheckResult
from heat_upgrade_checks.records.gate import Gate
from heat_upgrade_checks.records.reports_folder import writing_to
from heat_upgrade_checks.report.write import write_reports

_INI = Path(__file__).with_name("gate.ini")
_HTML_PLUGINS = ("pytest_metadata.plugin", "pytest_html.plugin", "pytest_html.fixtures")
DETAILS = "details.html"


def judge(
    run: GateRun,
    reports: Path,
    ended: Callable[[CheckResult], None],
    patience: Patience | None = None,
) -> tuple[Gate, Path]:
    """Judge a gate and write its folder below `reports`; return its document and that folder.

    With `patience` it is judged again until it opens; `ended` hears of each judgement.

    A recorded run is judged into a folder of its own, which no journal reads.

    :raises UsageError: nothing can be written there; what was judged is in no journal.
    """
    question = run.question
    name = "-".join(filter(None, (question.phase, question.host)))
    with writing_to(reports), journal.new_folder(reports, name) as unfinished:
        run.site.gate_folder = unfinished
        _run_pytest(run, unfinished / DETAILS, GatePlugin(run, ended, patience))
        gate = run.finish()
        write_reports(gate, unfinished)
        _write(unfinished / recording.FILE, recording.dump(run, gate.finished_at))
        _redact_file(unfinished / DETAILS, run.site.secrets.redact)
        return gate, journal.publish(unfinished, name)


def _run_pytest(run: GateRun, details: Path, plugin: GatePlugin) -> None:
    for variable in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        os.environ.pop(variable, None)
    folder = catalogue.checks_folder()
    arguments = [
        f"-c{_INI}",
        f"--rootdir={folder}",
        f"--confcutdir={folder}",
        "--disable-plugin-autoload",
        "-pno:cacheprovider",
        # It collects garbage twice, which takes longer than judging.
        "-pno:unraisableexception",
        *(f"-p{plugin}" for plugin in _HTML_PLUGINS),
        f"--html={details}",
        "--self-contained-html",
        "-pheat_upgrade_checks.gates.plugin",
        str(folder),
    ]
    status = pytest.main(arguments, plugins=[plugin, _Quiet()])
    # The verdict comes from the records. Only what keeps records from being made is taken over.
    broke = status in {pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR}
    if broke and not run.interrupted:
        name = pytest.ExitCode(status).name
        run.problem(f"the run ended before every check was judged (pytest: {name})")


class _Quiet:
    """The driver prints one line per check itself."""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        # Replaced, not removed: pytest itself asks the reporter for its terminal.
        config.pluginmanager.unregister(name="terminalreporter")
        silent = pytest.TerminalReporter(config, file=io.StringIO())
        config.pluginmanager.register(silent, "terminalreporter")

    @pytest.hookimpl(optionalhook=True)
    def pytest_metadata(self, metadata: dict[str, object]) -> None:
        # It holds the variables of the CI, such as a GIT_URL with a token in it.
        metadata.clear()

    def pytest_html_report_title(self, report: object) -> None:
        report.title = "Details of the gate"  # type: ignore[attr-defined]


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o640)


def _redact_file(path: Path, redact: Callable[[str], str]) -> None:
    if path.exists():
        _write(path, redact(path.read_text(encoding="utf-8")))
