"""Runs `heat-upgrade-check watch` as an operator does, and reads what it records."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.driver import COMMAND
from tests.waiting import until

Sample = dict[str, Any]


@dataclass
class Watch:
    """A running `heat-upgrade-check watch`."""

    process: subprocess.Popen[str]
    file: Path

    @property
    def samples(self) -> list[Sample]:
        """What it recorded up to now, in whole lines."""
        *lines, _ = self.file.read_bytes().split(b"\n") if self.file.exists() else [b""]
        return [json.loads(line) for line in lines]

    def wait_for(self, state: Callable[[Sample], bool]) -> Sample:
        """The first sample from now on of which this holds."""
        begin = len(self.samples)

        def found() -> Sample | None:
            assert self.process.poll() is None, self.process.communicate()
            return next(filter(state, self.samples[begin:]), None)

        sample = until(found, f"such a sample in {self.file}")
        assert sample is not None
        return sample

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Its exit code and what it printed."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=180)
        return self.process.returncode, out, err


@contextmanager
def watching(
    upgrade: str,
    *arguments: str,
    cwd: Path,
    environment: Mapping[str, str],
    program: str = COMMAND,
    stdout: int = subprocess.PIPE,
) -> Iterator[Watch]:
    """`watch` every second in a folder, ended when the block is left."""
    reports = cwd / "reports"
    command = [
        sys.executable,
        "-c",
        program,
        "watch",
        "--interval",
        "1s",
        "--reports",
        str(reports),
    ]
    process = subprocess.Popen(
        [*command, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Watch(process, reports / upgrade / "watch.jsonl")
    finally:
        process.kill()
        process.communicate()


def up(sample: Sample) -> bool:
    """Whether the API answered at last."""
    return sample["api"]["up"] is True
