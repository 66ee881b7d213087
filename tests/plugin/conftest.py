"""The driver as an operator calls it, on the embedded deployment."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from heat_upgrade_checks.demo.deployment import Deployment
from heat_upgrade_checks.demo.server import DemoServer
from tests.driver import COMMAND, Outcome, call, interrupt


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

    def call(self, *arguments: str, program: str = COMMAND) -> Outcome:
        """`heat-upgrade-check` with these arguments and the embedded deployment's plan."""
        environment = self._environment()
        return call(*arguments, cwd=self.folder, environment=environment, program=program)

    def judge(self, phase: str, *arguments: str) -> Outcome:
        """One gate; the folder of an absolute path, so that `Outcome.gate` finds it."""
        return self.call("--phase", phase, "--reports", str(self.folder / "reports"), *arguments)

    def interrupt(self, phase: str) -> Outcome:
        """One gate that is waited for until Ctrl-C."""
        words = ("--phase", phase, "--wait", "60s", "--interval", "1s")
        reports = ("--reports", self.folder / "reports")
        return interrupt(*words, *reports, cwd=self.folder, environment=self._environment())

    def _environment(self) -> dict[str, str]:
        return {
            "HEAT_UPGRADE_PLAN": str(self.demo.plan_file),
            "OS_CLIENT_CONFIG_FILE": str(self.demo.folder / "clouds.yaml"),
            **self.environment,
        }


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A rolling upgrade that may begin."""
    (tmp_path / "demo").mkdir()
    (tmp_path / "here").mkdir()
    demo = Deployment(tmp_path / "demo", "rolling")
    server = DemoServer(demo.state)
    demo.create(server.url)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Site(demo, tmp_path / "here", server)
    server.shutdown()
    thread.join()
    server.server_close()
