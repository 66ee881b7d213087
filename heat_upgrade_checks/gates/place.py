"""A gate's place in its upgrade: no other run comes in between, and its folder appears whole."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from heat_upgrade_checks.gates import lock, recording
from heat_upgrade_checks.gates.run import GateRun
from heat_upgrade_checks.records import journal
from heat_upgrade_checks.records.gate import Gate
from heat_upgrade_checks.records.reports_folder import writing_to
from heat_upgrade_checks.report import index_page
from heat_upgrade_checks.report.write import write_reports

DETAILS = "details.html"


@dataclass(frozen=True)
class Place:
    """Where a gate that is judged now leaves its reports; `folder` is unfinished until the end."""

    run: GateRun
    name: str
    folder: Path

    @property
    def details(self) -> Path:
        """What pytest-html writes."""
        return self.folder / DETAILS

    def close(self) -> tuple[Gate, Path, str]:
        """Write all reports and give the folder its number.

        Return the gate's document, its folder, and why the page of the whole upgrade could not be
        told anew, or nothing: no verdict rests on that.

        :raises UsageError: nothing can be written there; what was judged is in no journal.
        """
        with writing_to(self.folder.parent):
            gate = self.run.finish()
            write_reports(gate, self.folder)
            _write(self.folder / recording.FILE, recording.dump(self.run, gate.finished_at))
            _redact_file(self.details, self.run.site.secrets.redact)
            folder = journal.publish(self.folder, self.name)
        # Replays are of no upgrade that a page could tell.
        return gate, folder, "" if gate.replayed_at else index_page.refresh(folder.parent)


@contextmanager
def taken(run: GateRun, upgrade_folder: Path) -> Iterator[Place]:
    """The run's place: it follows the last gate, and none comes in between.

    Partial gates and replays come at any time.

    :raises UsageError: another run judges this upgrade, or nothing can be written there.
    """
    question = run.question
    name = "-".join(filter(None, (question.phase, question.host)))
    free = bool(question.only) or run.recorded_until is not None
    turn = nullcontext() if free else lock.only_run(upgrade_folder, question.phase)
    with turn, writing_to(upgrade_folder):
        if run.recorded_until is None:
            run.previous = journal.previous(upgrade_folder)
        with journal.new_folder(upgrade_folder, name) as folder:
            run.site.gate_folder = folder
            yield Place(run, name, folder)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o640)


def _redact_file(path: Path, redact: Callable[[str], str]) -> None:
    if path.exists():
        _write(path, redact(path.read_text(encoding="utf-8")))
