"""What only tells what there is, against the check that Heat brings itself: the whole processes."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.lab import venvs

RELEASE = 26
COMMANDS = ("list", "--help")
ROUNDS = 9

# What would have an interpreter compile its modules anew, or keep them elsewhere, each time.
_SLOWING = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONPATH")


def main() -> int:
    """Print, for each command, both medians, their ratio and their spread."""
    heat = [str(venvs.interpreter(RELEASE).with_name("heat-status")), "upgrade", "check"]
    with tempfile.TemporaryDirectory() as folder:
        for word in COMMANDS:
            _compare(
                [str(Path(sys.executable).with_name("heat-upgrade-check")), word], heat, folder
            )
    return 0


def _compare(ours: list[str], heat: list[str], folder: str) -> None:
    # Once before it counts: the first run of each keeps what it compiled.
    _seconds(ours, folder)
    _seconds(heat, folder)
    pairs = [(_seconds(ours, folder), _seconds(heat, folder)) for _ in range(ROUNDS)]
    here, there = zip(*pairs, strict=True)
    ratios = [one / other for one, other in pairs]
    sys.stdout.write(
        f"heat-upgrade-check {ours[-1]} {_told(here)}, heat-status upgrade check {_told(there)}, "
        f"ratio {statistics.median(here) / statistics.median(there):.2f} "
        f"(pairs {min(ratios):.2f}-{max(ratios):.2f})\n"
    )
    sys.stdout.flush()


def _told(took: tuple[float, ...]) -> str:
    return f"{statistics.median(took):.3f} s ({min(took):.3f}-{max(took):.3f})"


def _seconds(command: list[str], folder: str) -> float:
    environment = {key: value for key, value in os.environ.items() if key not in _SLOWING}
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    took = time.perf_counter() - begun
    # What another tool would have said is no measure: both must have gone well.
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr!r}")
    return took


if __name__ == "__main__":
    sys.exit(main())
