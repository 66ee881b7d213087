"""A whole rehearsal, against the bare restore and the bare db_sync of the same dump."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.work_in_flight import NAME, USER, seed
from heat_upgrade_checks.evidence.backup.newest import read
from tests.driver import call
from tests.lab import venvs
from tests.services.heat_databases import PASSWORD, HeatDatabase
from tests.services.mariadb import MariaDB
from tests.services.processes import interrupted_by_sigterm

CURRENT, TARGET = 25, 26

# As careless of a crash as the rehearsal's own server, and with as much memory.
_SERVER = (
    "--innodb-buffer-pool-size=1G",
    "--innodb-log-file-size=1G",
    "--innodb-doublewrite=OFF",
    "--skip-log-bin",
)


def main() -> int:
    """Print both times and their ratio."""
    with interrupted_by_sigterm(), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dump = folder / "heat.sql"
        with MariaDB(folder / "live", *_SERVER) as live:
            heat = _database(live, folder)
            heat.db_sync(CURRENT)
            seed(live)
            live.dump(NAME, dump)
            _say(f"dump of {dump.stat().st_size / 1e6:.0f} MB")
            bare = _bare(folder, dump)
            rehearsed = _rehearsed(heat, folder, dump)
        _say(f"bare {bare:.1f} s, rehearsed {rehearsed:.1f} s, ratio {rehearsed / bare:.2f}")
    return 0


def _database(server: MariaDB, folder: Path) -> HeatDatabase:
    server.add_database(NAME, USER, PASSWORD)
    return HeatDatabase(server.url(NAME, USER, PASSWORD), folder)


def _bare(folder: Path, dump: Path) -> float:
    """The client reads the dump into a server that runs already, then db_sync."""
    with MariaDB(folder / "bare", *_SERVER) as server:
        heat = _database(server, folder / "bare-heat")
        command = ["mariadb", "--no-defaults", f"--socket={server.socket}", "--user=root", NAME]
        begun = time.perf_counter()
        with dump.open("rb") as statements:
            subprocess.run(command, stdin=statements, check=True)
        restored = time.perf_counter()
        heat.db_sync(TARGET)
        ended = time.perf_counter()
    _say(f"bare restore {restored - begun:.1f} s, bare db_sync {ended - restored:.1f} s")
    return ended - begun


def _rehearsed(heat: HeatDatabase, folder: Path, dump: Path) -> float:
    conf = [str(heat.configuration())]
    plan = {
        "name": "rehearsal",
        "mode": "rolling",
        "current": {"python": str(venvs.interpreter(CURRENT)), "config": conf},
        "target": {"python": str(venvs.interpreter(TARGET)), "config": conf},
        "backup": {"path": str(dump)},
    }
    (folder / "heat-upgrade.yaml").write_text(yaml.safe_dump(plan), "utf-8")
    begun = time.perf_counter()
    if read(str(dump), NAME).newest is None:
        raise SystemExit("the dump is not there")
    _say(f"of it reading the backup alone {time.perf_counter() - begun:.1f} s")
    begun = time.perf_counter()
    done = call("rehearse", cwd=folder, seconds=1800)
    took = time.perf_counter() - begun
    _say(done.out)
    if done.code != 1:
        raise SystemExit(f"the rehearsal ended with {done.code}: {done.err}")
    return took


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
