"""Lays out the embedded deployment in a folder and changes it as the steps of an upgrade would."""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import yaml

from heat_upgrade_checks.demo import release
from heat_upgrade_checks.demo.heat_database import (
    CURRENT_HEAD,
    TARGET_HEAD,
    DemoEngine,
    HeatDatabase,
    statements,
)
from heat_upgrade_checks.evidence.notes.note_files import read_notes
from heat_upgrade_checks.evidence.notes.release_notes import new_notes
from heat_upgrade_checks.phases import Mode
from heat_upgrade_checks.plan import Plan, load

OLD_VHOST, NEW_VHOST = "heat-n", "heat-n1"

_HEAT_CONF = """\
[DEFAULT]
host = {host}
transport_url = rabbit://heat:{password}@{broker}/{vhost}
auth_encryption_key = {key}

[database]
connection = sqlite:///{database}
"""
_NOTES = {
    "old/logging.yaml": {"features": ["The engine logs how long a stack took."]},
    "new/logging.yaml": {"features": ["The engine logs how long a stack took."]},
    "new/convergence-snapshot.yaml": {
        "upgrade": ["Upgrade every engine before a user takes a snapshot."],
        "fixes": ["A snapshot is taken by the convergence engine."],
    },
    "new/template-limit.yaml": {"deprecations": ["An option will go with the next series."]},
    "new/faster-lists.yaml": {"fixes": ["Lists of stacks come sooner."]},
}


class Deployment:
    """Heat 2025.2 on two engine hosts, about to become 2026.1."""

    def __init__(self, folder: Path, mode: Mode) -> None:
        self.folder, self.mode = folder, mode
        self.database = HeatDatabase(folder / "heat.sqlite")
        self._key = uuid4().hex
        self.state = folder / "state.json"
        self.plan_file = folder / "heat-upgrade.yaml"
        self.old = [self.engine("engine-1", OLD_VHOST), self.engine("engine-2", OLD_VHOST)]
        vhost = NEW_VHOST if mode == "rolling" else OLD_VHOST
        self.new = [self.engine("engine-3", vhost), self.engine("engine-4", vhost)]

    @staticmethod
    def engine(host: str, vhost: str) -> DemoEngine:
        """An engine with an id of its own, as each start makes one."""
        return DemoEngine(str(uuid4()), host, vhost)

    def create(self, url: str) -> Plan:
        """Make everything that the plan names; `url` is the demo server's."""
        self.database.create(stacks=24)
        self.database.back_up(self.folder / "heat.backup.sqlite")
        current = release.install(
            self.folder / "heat-2025.2",
            version="25.0.2",
            revisions=(CURRENT_HEAD,),
            schema=statements(migrated=False),
            worker_rpc="1.4",
        )
        target = release.install(
            self.folder / "heat-2026.1",
            version="26.0.2",
            revisions=(CURRENT_HEAD, "d2db381e3324", "88be64598c0f", TARGET_HEAD),
            schema=statements(migrated=True),
            worker_rpc="1.9",
        )
        self._write_notes()
        self._write_yaml(
            "clouds.yaml",
            {
                "clouds": {
                    "demo": {
                        "auth_type": "none",
                        "auth": {"endpoint": f"{url}/v1/demo"},
                    }
                }
            },
        )
        self._write_yaml(
            self.plan_file.name,
            {
                "name": f"demo-{self.mode}",
                "mode": self.mode,
                "current": {
                    "python": str(current),
                    "config": [self._conf("old", "engine-1", OLD_VHOST, url)],
                    "engines": [engine.host for engine in self.old],
                },
                "target": {
                    "python": str(target),
                    "config": [self._conf("new", "engine-3", self.new[0].vhost, url)],
                    "engines": [engine.host for engine in self.new],
                },
                "broker": {"management": [url], "samples": 2},
                "api": {"cloud": "demo"} | self._backends(url),
                "backup": {"path": "heat.backup.sqlite"},
                "notes": {"current": "notes/old", "target": "notes/new"},
            },
        )
        self.run([*self.old], vhosts=[OLD_VHOST])
        plan, _ = load(self.plan_file)
        return plan

    def run(
        self,
        engines: list[DemoEngine],
        *,
        vhosts: list[str],
        messages: dict[str, int] | None = None,
    ) -> None:
        """From now on exactly these engines run, on these vhosts, with these messages waiting.

        The API goes with the newest engine.
        """
        self.database.engines_run(engines)
        state = {
            "vhosts": vhosts,
            "engines": [asdict(engine) for engine in engines],
            "messages": messages or {},
            "api_vhost": engines[-1].vhost if engines else "",
        }
        with tempfile.NamedTemporaryFile("w", dir=self.folder, delete=False) as unfinished:
            json.dump(state, unfinished)
        Path(unfinished.name).replace(self.state)

    def _backends(self, url: str) -> dict[str, list[str]]:
        """In a cold upgrade the API stops, and this server, which is also the broker, goes on."""
        return {"backends": [url]} if self.mode == "rolling" else {}

    def _conf(self, name: str, host: str, vhost: str, url: str) -> str:
        path = self.folder / f"heat-{name}.conf"
        path.write_text(
            _HEAT_CONF.format(
                host=host,
                broker=urlsplit(url).netloc,
                vhost=vhost,
                database=self.database.path,
                password=uuid4().hex,
                key=self._key,
            ),
            encoding="utf-8",
        )
        path.chmod(0o600)
        return path.name

    def _write_notes(self) -> None:
        for name, sections in _NOTES.items():
            path = self.folder / "notes" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(yaml.safe_dump(sections), encoding="utf-8")
        notes = new_notes(
            read_notes(self.folder / "notes" / "old"), read_notes(self.folder / "notes" / "new")
        )
        self._write_yaml(
            "heat-upgrade-notes.yaml",
            [
                {
                    "name": note.name,
                    "sections": list(note.must_be_acknowledged),
                    "sha256": note.sha256,
                    "by": "demo",
                    "at": "2026-11-22",
                    "remark": "",
                }
                for note in notes
                if note.must_be_acknowledged
            ],
        )

    def _write_yaml(self, name: str, document: object) -> None:
        (self.folder / name).write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
