"""Gates judged on installations of real releases."""

from pathlib import Path
from typing import Any

import yaml

from tests.driver import Outcome, call
from tests.lab import venvs

CODE = ("code.installed", "code.python", "code.constraints", "code.upgrade-check")
ENTRY_POINTS = "code.entry-points"
SECRET = "canary-of-a-password-93ab"


def judged(
    folder: Path,
    current: int | Path,
    target: int | Path,
    *only: str,
    conf: str = "",
    phase: str = "installed",
    **section: Any,
) -> Outcome:
    """A gate of some checks; `conf` are more lines, `section` more keys of the target."""
    plan: dict[str, Any] = {"name": "code", "mode": "rolling"}
    for side, release in (("current", current), ("target", target)):
        path = folder / f"{side}.conf"
        path.write_text(
            f"[DEFAULT]\ntransport_url = rabbit://heat:{SECRET}@127.0.0.1:9/v\n"
            f"[database]\nconnection = mysql+pymysql://heat:{SECRET}@127.0.0.1:9/heat\n{conf}\n",
            "utf-8",
        )
        python = venvs.interpreter(release) if isinstance(release, int) else release
        plan[side] = {"python": str(python), "config": [str(path)]}
    plan["target"] |= section
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(plan), "utf-8")
    chosen = [word for id in only for word in ("--only", id)]
    reports = str(folder / "reports")
    arguments = ["--phase", phase, *chosen, "--plan", str(path), "--reports", reports]
    outcome = call(*arguments, cwd=folder, environment={"HOME": str(folder / "home")})
    assert not outcome.err
    assert SECRET not in outcome.written
    return outcome


def findings_of(outcome: Outcome, id: str) -> list[tuple[str, str, str]]:
    """What a check found: level, object and summary."""
    found = outcome.check(id)["findings"]
    return [(f["level"], f["object"], f["summary"]) for f in found]


def packages_of(release: int) -> Path:
    """The site-packages of a release."""
    (packages,) = venvs.interpreter(release).parents[1].glob("lib/python*/site-packages")
    return packages


def own_python(python: Path, name: str) -> Path:
    """Turns a linked folder of a copy into one of its own, of links."""
    (packages,) = python.parents[1].glob("lib/python*/site-packages")
    folder = packages / name
    real = folder.resolve()
    folder.unlink()
    folder.mkdir()
    for entry in real.iterdir():
        if entry.name != "__pycache__":
            (folder / entry.name).symlink_to(entry)
    return folder
