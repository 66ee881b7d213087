"""Reading a gzip dump to its end, against `gzip -t` on the same file."""

import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from heat_upgrade_checks.evidence.backup import read

ROWS = 1_500_000
ROUNDS = 3
_HEAD = """\
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: heat
-- ------------------------------------------------------
CREATE TABLE `stack` (
  `id` varchar(36) NOT NULL
);
"""


def main() -> int:
    """Print both medians and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        dump = Path(name) / "heat.sql"
        _write(dump)
        size = dump.stat().st_size
        subprocess.run(("gzip", "-1", str(dump)), check=True)
        packed = dump.with_suffix(".sql.gz")
        command = ("gzip", "-t", str(packed))
        gzip = _median(lambda: subprocess.run(command, check=True))
        ours = _median(lambda: _whole(packed))
    sys.stdout.write(
        f"{size / 1e6:.0f} MB: gzip -t {gzip:.2f} s, read {ours:.2f} s, ratio {ours / gzip:.2f}\n"
    )
    return 0


def _write(dump: Path) -> None:
    chance = random.Random(1)
    with dump.open("w", encoding="utf-8") as file:
        file.write(_HEAD)
        for number in range(ROWS):
            file.write(
                f"INSERT INTO `stack` VALUES ('{chance.getrandbits(128):032x}',{number},"
                f"'CREATE','COMPLETE','{chance.getrandbits(64):016x}{'Stack CREATE done ' * 8}');\n"
            )
        file.write("-- Dump completed on 2026-11-22 12:00:00\n")


def _whole(packed: Path) -> None:
    newest = read(str(packed), "heat").newest
    if newest is None or newest.damage:
        raise SystemExit(f"the dump was not read to its end: {newest}")


def _median(action: Callable[[], object]) -> float:
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        action()
        took.append(time.perf_counter() - begun)
    return statistics.median(took)


if __name__ == "__main__":
    sys.exit(main())
