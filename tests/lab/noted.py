"""Plans with the release notes of real releases, and gates judged on them."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from heat_upgrade_checks.evidence.notes.note_files import read_notes
from tests.driver import Outcome, call
from tests.lab import venvs
from tests.services.heat_databases import PASSWORD

ID = "release.notes-acknowledged"
ALARM = "OS::Monasca::AlarmDefinition"
CANARY = "canary-of-a-template-91d3"

WSGI, MONASCA = (
    "drop-heat-wsgi-scripts-using-eventlet-fb27d7912ffbd0a4.yaml",
    "remove-monasca-dece91171a385669.yaml",
)


@cache
def notes_of(release: int) -> dict[str, bytes]:
    """The notes in a release's sdist, by name."""
    return read_notes(venvs.sdist(release))


def write_plan(folder: Path, current: int, target: int, url: str = "", /, **changes: Any) -> Path:
    """A plan with the notes of both releases; `changes` replace sections of it."""
    conf = folder / "heat.conf"
    conf.write_text(
        f"[DEFAULT]\ndebug = true\n[heat_api]\nbind_host = {CANARY}\n"
        f"[database]\nconnection = {url}\n",
        "utf-8",
    )
    plan: dict[str, Any] = {
        "name": "notes",
        "mode": "rolling",
        "current": {"version": venvs.version(current), "config": [str(conf)]},
        "target": {"version": venvs.version(target)},
        "notes": {"current": str(venvs.sdist(current)), "target": str(venvs.sdist(target))},
    }
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump({**plan, **changes}), "utf-8")
    return path


def asked(plan: Path, *words: str | Path, **environment: str) -> Outcome:
    """The command's outcome on a plan, which holds no secret."""
    outcome = call(*words, "--plan", plan, cwd=plan.parent, environment=environment)
    assert PASSWORD not in outcome.out + outcome.err
    assert CANARY not in outcome.out + outcome.err
    return outcome


def judged(plan: Path, id: str) -> Outcome:
    """One check at its gate."""
    reports = plan.parent / "reports"
    outcome = asked(plan, "--phase", "pre", "--only", id, "--reports", reports)
    assert CANARY not in outcome.written
    return outcome


def folder_of(folder: Path, notes: dict[str, bytes]) -> dict[str, str]:
    """What a plan says of the notes of 24 and of these."""
    changed = folder / "changed"
    changed.mkdir()
    for name, content in notes.items():
        (changed / name).write_bytes(content)
    return {"current": str(venvs.sdist(24)), "target": str(changed)}


def sign(plan: Path) -> None:
    """Sign every note, as an operator does."""
    path = plan.parent / "heat-upgrade-notes.yaml"
    entries = yaml.safe_load(path.read_text("utf-8"))
    for entry in entries:
        entry.update(by="Ann Example", at="2026-11-22", remark="rehearsed")
    path.write_text(yaml.safe_dump(entries), "utf-8")
