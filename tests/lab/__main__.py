"""The lab by hand: `python -m tests.lab up 25 26`, or `install 25 26` to fill the cache only.

`disasters` brings about what goes wrong in upgrades, and tells of it in docs/disasters.md.
"""

import argparse
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab import disaster_runs, venvs
from tests.lab.deployment import Lab
from tests.lab.disasters import DISASTERS
from tests.lab.rolling import Rolling
from tests.services.processes import interrupted_by_sigterm


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="run release N, prepared for the upgrade to N+1")
    up.add_argument("current", type=int, choices=venvs.RELEASES)
    up.add_argument("target", type=int, choices=venvs.RELEASES)
    up.add_argument("--folder", type=Path, help="where files are kept (default: a temporary one)")
    install = commands.add_parser("install", help="install releases and Keystone into the cache")
    install.add_argument("releases", type=int, nargs="*", choices=venvs.RELEASES)
    known = [each.number for each in DISASTERS]
    disasters = commands.add_parser("disasters", help="bring about what goes wrong in upgrades")
    disasters.add_argument("numbers", type=int, nargs="*", choices=known, metavar="NUMBER")
    disasters.add_argument("--folder", type=Path, help="where files are kept (default: nowhere)")
    arguments = parser.parse_args()
    if arguments.command == "install":
        return _install(arguments.releases)
    if arguments.command == "disasters":
        return _disasters(arguments.numbers or known, arguments.folder)
    if arguments.folder:
        return _up(arguments.folder.resolve(), arguments.current, arguments.target)
    with tempfile.TemporaryDirectory(prefix="heat-lab-") as folder:
        return _up(Path(folder), arguments.current, arguments.target)


def _install(releases: list[int]) -> int:
    # Two at a time: one downloads while the other unpacks.
    with ThreadPoolExecutor(2) as pool:
        keystone = pool.submit(venvs.keystone_interpreter)
        for python in pool.map(venvs.interpreter, releases):
            sys.stdout.write(f"{python}\n")
        sys.stdout.write(f"{keystone.result()}\n")
    return 0


def _disasters(numbers: list[int], kept: Path | None) -> int:
    wrong = 0
    for disaster in (each for each in DISASTERS if each.number in numbers):
        sys.stdout.write(f"{disaster.name}\n")
        try:
            with tempfile.TemporaryDirectory(prefix="heat-lab-") as folder:
                told = disaster_runs.run(disaster, _empty(kept, disaster.name) or Path(folder))
        except Exception as error:
            disaster_runs.strike(disaster)
            problems = [f"broke off: {error}"]
        else:
            disaster_runs.enter(told)
            for each in (*told.before, told.judged, f"remedied: {told.remedied}"):
                sys.stdout.write(f"  {each}\n")
            problems = [*told.wrong]
        wrong += bool(problems)
        for problem in problems:
            sys.stdout.write(f"  WRONG: {problem}\n")
        sys.stdout.flush()
    return 1 if wrong else 0


def _empty(kept: Path | None, name: str) -> Path | None:
    if kept is None:
        return None
    folder = kept.resolve() / name
    folder.mkdir(parents=True)
    return folder


def _up(folder: Path, current: int, target: int) -> int:
    began = time.monotonic()
    try:
        with interrupted_by_sigterm(), Lab(folder) as lab:
            rolling = Rolling.prepare(lab, current, target)
            sys.stdout.write(f"# {rolling.plan}\n{rolling.plan.read_text(encoding='utf-8')}")
            sys.stdout.write(f"# export OS_CLIENT_CONFIG_FILE={rolling.clouds_yaml}\n")
            sys.stdout.write(f"# up in {time.monotonic() - began:.0f} s; Ctrl-C takes it down\n")
            sys.stdout.flush()
            while True:
                signal.pause()
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
