"""The driver as an operator calls it, on the embedded deployment."""

import hashlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from heat_upgrade_checks.demo import heat_database
from heat_upgrade_checks.demo.deployment import Deployment
from heat_upgrade_checks.demo.server import DemoServer
from heat_upgrade_checks.records import rehearsal as record
from heat_upgrade_checks.records.rehearsal import Exercise, Migrated, RehearsedBackup, Restored
from tests.driver import COMMAND, Outcome, call, interrupt, unheard
from tests.facts import a_rehearsal
from tests.journals import open_gates_before


@dataclass
class Site:
    """The embedded deployment, and the driver called in a folder of its own."""

    demo: Deployment
    folder: Path
    server: DemoServer
    environment: dict[str, str] = field(default_factory=dict)

    def edit_plan(self, **sections: Any) -> None:
        """Replace or remove (None) sections of the plan."""
        plan = yaml.safe_load(self.demo.plan_file.read_text("utf-8")) | sections
        kept = {key: value for key, value in plan.items() if value is not None}
        self.demo.plan_file.write_text(yaml.safe_dump(kept), "utf-8")

    def rehearse(self) -> None:
        """Leave the record of a rehearsal that found nothing, with the backup as it is now."""
        backup = self.demo.folder / "heat.backup.sqlite"
        sha256 = hashlib.sha256(backup.read_bytes()).hexdigest()
        rehearsal = a_rehearsal(
            server=f"SQLite {sqlite3.sqlite_version}",
            backup=RehearsedBackup(str(backup), "sqlite", backup.stat().st_size, sha256),
            restored=Restored(0.1, {"stack": 25}, "c6214ca60943"),
            migrated=Migrated(0.1, ()),
            exercise=Exercise(
                {"current": 15, "target": 16}, {"current": 0, "target": 0}, 600, (), ()
            ),
        )
        record.write(self.folder / "reports" / "demo-rolling", rehearsal)

    def call(
        self,
        *arguments: str,
        program: str = COMMAND,
        meanwhile: Callable[[], object] | None = None,
    ) -> Outcome:
        """`heat-upgrade-check` with these arguments and the embedded deployment's plan."""
        return call(
            *arguments,
            cwd=self.folder,
            environment=self._environment(),
            program=program,
            meanwhile=meanwhile,
        )

    def judge(
        self,
        phase: str,
        *arguments: str,
        program: str = COMMAND,
        meanwhile: Callable[[], object] | None = None,
    ) -> Outcome:
        """One gate after those that must come before it.

        The folder of an absolute path, so that `Outcome.gate` finds it.
        """
        if "--only" not in arguments:
            open_gates_before(phase, self.demo.plan_file, self.folder / "reports")
        reports = ("--reports", str(self.folder / "reports"))
        return self.call(
            "--phase", phase, *reports, *arguments, program=program, meanwhile=meanwhile
        )

    def unheard(self, redirection: str, *arguments: str | Path) -> int:
        """The exit code where nobody reads what is printed."""
        return unheard(redirection, *arguments, cwd=self.folder, shell=self.shell)

    def interrupt(self, phase: str) -> Outcome:
        """One gate that is waited for until Ctrl-C."""
        open_gates_before(phase, self.demo.plan_file, self.folder / "reports")
        words = ("--phase", phase, "--wait", "1h", "--interval", "1s")
        reports = ("--reports", self.folder / "reports")
        return interrupt(*words, *reports, cwd=self.folder, environment=self._environment())

    @property
    def shell(self) -> dict[str, str]:
        """The environment in which the operator calls the command."""
        return {**os.environ, **self._environment()}

    def _environment(self) -> dict[str, str]:
        return {
            "HEAT_UPGRADE_PLAN": str(self.demo.plan_file),
            "OS_CLIENT_CONFIG_FILE": str(self.demo.folder / "clouds.yaml"),
            **self.environment,
        }


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A rolling upgrade that may begin."""
    # Engines report once here, and would be dead before a gate of a loaded machine looks.
    monkeypatch.setattr(heat_database, "REPORT_INTERVAL", 3600)
    (tmp_path / "demo").mkdir()
    (tmp_path / "here").mkdir()
    demo = Deployment(tmp_path / "demo", "rolling")
    server = DemoServer(demo.state)
    demo.create(server.url)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    site = Site(demo, tmp_path / "here", server)
    site.rehearse()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()
