"""All that is asked of the releases' own code and configuration, against the slowest question."""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import yaml

from heat_upgrade_checks.gates import catalogue
from heat_upgrade_checks.records.findings import Verdict
from tests.driver import call
from tests.lab import venvs
from tests.services.heat_databases import HeatDatabase

PAIRS = ((25, 26), (26, 27))
FAMILIES = ("release", "code", "config")
PHASE = "installed"
ROUNDS = 3


def main() -> int:
    """Print, for each pair of releases, both medians and their ratio."""
    for current, target in PAIRS:
        with tempfile.TemporaryDirectory() as name:
            _compare(Path(name), current, target)
    return 0


def _compare(folder: Path, current: int, target: int) -> None:
    _write_plan(folder, current, target)
    selected = catalogue.select(catalogue.load(), PHASE, FAMILIES)
    alone = {id: _seconds(folder, id) for id in sorted(selected)}
    slowest = max(alone, key=lambda id: alone[id])
    together = _seconds(folder, *FAMILIES)
    sys.stdout.write(
        f"{current} -> {target}: slowest alone {slowest} {alone[slowest]:.2f} s, all "
        f"{len(selected)} together {together:.2f} s, ratio {together / alone[slowest]:.2f}\n"
    )
    sys.stdout.flush()


def _write_plan(folder: Path, current: int, target: int) -> None:
    heat = HeatDatabase(f"sqlite:///{folder}/heat.sqlite", folder)
    heat.db_sync(current)
    heat.fill()
    conf = heat.configuration()
    key = "0123456789abcdef0123456789abcdef"
    transport = "rabbit://heat@127.0.0.1:5672/heat"
    with conf.open("a", encoding="utf-8") as file:
        file.write(f"[DEFAULT]\ntransport_url = {transport}\nauth_encryption_key = {key}\n")
    plan = {
        "name": "questions",
        "mode": "rolling",
        "current": {"python": str(venvs.interpreter(current)), "config": [str(conf)]},
        "target": {"python": str(venvs.interpreter(target)), "config": [str(conf)]},
    }
    (folder / "heat-upgrade.yaml").write_text(yaml.safe_dump(plan), "utf-8")


def _seconds(folder: Path, *only: str) -> float:
    """The whole tool, start to end."""
    words = [word for id in only for word in ("--only", id)]
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        done = call("--phase", PHASE, *words, cwd=folder)
        took.append(time.perf_counter() - begun)
        # A gate of one check that does not apply has judged nothing, which is incomplete (3).
        if done.code > Verdict.INCOMPLETE.exit_code:
            raise SystemExit(f"{' '.join(only)} ended with {done.code}: {done.out}{done.err}")
    return statistics.median(took)


if __name__ == "__main__":
    sys.exit(main())
