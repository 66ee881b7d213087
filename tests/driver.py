"""Calls `heat-upgrade-check` as an operator does, and reads what it leaves."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import showing

COMMAND = "from heat_upgrade_checks.cli import run; run()"


@dataclass
class Outcome:
    """How one call ended."""

    code: int
    out: str
    err: str

    @property
    def folder(self) -> Path:
        """The gate's folder: the last line names the report in it."""
        return Path(self.out.splitlines()[-1]).parent

    @property
    def gate(self) -> dict[str, Any]:
        """The gate document."""
        return self.show()

    def show(self) -> dict[str, Any]:
        """Read the gate document; what it says was shown to the test that runs now."""
        document: dict[str, Any] = json.loads((self.folder / "gate.json").read_bytes())
        for check in document["checks"]:
            showing.see(check["id"], check["outcome"])
        return document

    def check(self, id: str) -> dict[str, Any]:
        """One check's record."""
        (found,) = [check for check in self.gate["checks"] if check["id"] == id]
        return dict(found)

    def outcomes(self, *outcomes: str) -> set[str]:
        """The ids of the checks with one of these outcomes."""
        return {check["id"] for check in self.gate["checks"] if check["outcome"] in outcomes}

    @property
    def red(self) -> set[str]:
        """The ids of the checks that keep the gate from opening."""
        return self.outcomes("failed", "error")

    @property
    def written(self) -> str:
        """Everything that the call printed and wrote."""
        files = [path.read_bytes() for path in self.folder.iterdir()] if self.out else []
        return self.out + self.err + b"\n".join(files).decode("utf-8", "replace")


def call(
    *arguments: str | Path,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    program: str = COMMAND,
    seconds: float = 180,
    meanwhile: Callable[[], object] | None = None,
) -> Outcome:
    """Run the command in a folder; `program` is the Python that stands for the console script.

    `meanwhile` is done as soon as the command has said that it waits.
    """
    process = _started(program, arguments, cwd, environment)
    try:
        said = _said(process, "waiting: ") if meanwhile else ""
        if meanwhile:
            meanwhile()
        rest, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    outcome = Outcome(process.returncode, said + rest, err)
    if "--phase" in arguments and outcome.out and (outcome.folder / "gate.json").exists():
        outcome.show()
    return outcome


def interrupt(
    *arguments: str | Path,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    until: str = "waiting: ",
    program: str = COMMAND,
    by: signal.Signals = signal.SIGINT,
    ready: Callable[[], object] = lambda: None,
) -> Outcome:
    """Run the command until it said that it waits and all is `ready`, then press Ctrl-C.

    Or end it `by` another signal.
    """
    process = _started(program, arguments, cwd, environment)
    try:
        said = _said(process, until)
        ready()
        process.send_signal(by)
        rest, err = process.communicate(timeout=180)
    finally:
        process.kill()
    return Outcome(process.returncode, said + rest, err)


def _started(
    program: str,
    arguments: Sequence[str | Path],
    cwd: Path,
    environment: Mapping[str, str] | None,
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A parent that ignores it, as a worker of pytest-xdist does, hands that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def _said(process: "subprocess.Popen[str]", until: str) -> str:
    """What the command prints until these words are among it."""
    assert process.stdout is not None
    said = ""
    while until not in said:
        line = process.stdout.readline()
        assert line, f"it ended instead of waiting: {said}"
        said += line
    return said


def unheard(redirection: str, *arguments: str | Path, cwd: Path, shell: Mapping[str, str]) -> int:
    """The exit code of the command where nobody reads what it prints, in the words of a shell.

    Descriptor 9 is a pipe whose reader has left.
    """
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [
                *("bash", "-c", f'exec 9>&{pipe.fileno()}; exec "$@" {redirection}', "bash"),
                *(sys.executable, "-c", COMMAND, *map(str, arguments)),
            ],
            cwd=cwd,
            env=dict(shell),
            pass_fds=[pipe.fileno()],
            timeout=180,
            check=False,
        )
    return done.returncode


def timeless(gate: dict[str, Any]) -> Any:
    """A gate document without its times and digests, which a replay does not repeat."""
    dropped = {"seconds", "started_at", "finished_at", "observed_at", "digests", "previous"}
    dropped |= {"replayed_at"}

    def without(pairs: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in pairs.items() if key not in dropped}

    return json.loads(json.dumps(gate), object_hook=without)
