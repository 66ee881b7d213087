"""Runs `heat-upgrade-check watch` as an operator does, and reads what it records."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.driver import COMMAND

Sample = dict[str, Any]


@dataclass
class Watch:
    """A running `heat-upgrade-check watch`."""

    process: subprocess.Popen[str]
    file: Path

    @property
    def samples(self) -> list[Sample]:
        """What it recorded up to now."""
        lines = self.file.read_bytes().splitlines() if self.file.exists() else []
        return [json.loads(line) for line in lines]

    def wait_for(self, state: Callable[[Sample], bool], seconds: float = 20) -> Sample:
        """The first sample from now on of which this holds."""
        begin = len(self.samples)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.process.communicate()
            for sample in self.samples[begin:]:
                if state(sample):
                    return sample
            time.sleep(0.05)
        raise AssertionError(f"not in {seconds} s: {self.samples[-1:]}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Its exit code and what it printed."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
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
