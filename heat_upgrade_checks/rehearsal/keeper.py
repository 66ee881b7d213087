"""The keeper: a small process that owns what a rehearsal makes and removes it, however that ends.

It runs in a session of its own, so that Ctrl-C on the terminal misses it, and waits for its
standard input to close. The tool alone holds the other end, so that a normal end, an exception,
a signal and SIGKILL all look the same to it: it ends the servers it started, empties the database
it was told to empty, and removes its folders. One JSON object in a line asks it for something, one
answers. Started as a script and before it knows the tool's `sys.path`, it uses the standard library
alone.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

# Seconds that a server has for its own end, and then for its beginning.
_END = 10.0
_START = 120.0
_PREFIX = "heat-rehearsal-"
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH")


class KeeperError(Exception):
    """What the keeper was asked for did not come about; the text names it."""


class Keeper:
    """The tool's side: asks, and ends the keeper by closing the pipe."""

    def __init__(self) -> None:
        # Python makes the pipes close-on-exec: no other child keeps the write end open.
        self._process = subprocess.Popen(  # noqa: S603 - this very file
            [sys.executable, "-I", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            # The tool's own environment may hold passwords (`password_env`).
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            start_new_session=True,
        )

    def folder(self, within: Path, owner: tuple[int, int] | None = None) -> Path:
        """A new folder that only its owner may enter; `owner` is a user's and a group's number."""
        return Path(self._ask(do="folder", within=str(within), owner=owner))

    def run(
        self, command: Sequence[str | Path], log: Path, owner: tuple[int, int] | None = None
    ) -> int:
        """Run a program to its end, its words in `log`; the exit code."""
        return int(self._ask(do="run", command=_words(command), log=str(log), owner=owner))

    def start(
        self,
        command: Sequence[str | Path],
        log: Path,
        socket: Path,
        end_by: signal.Signals,
        owner: tuple[int, int] | None = None,
    ) -> None:
        """Start a server and wait until its socket is there; `end_by` will end it."""
        self._ask(
            do="start",
            command=_words(command),
            log=str(log),
            socket=str(socket),
            end_by=int(end_by),
            owner=owner,
        )

    def empty_at_end(self, url: str) -> None:
        """Drop all that is in this database when the run is over; `url` holds the password."""
        self._ask(do="empty", url=url, path=[entry for entry in sys.path if entry])

    def close(self) -> None:
        """End the run: wait until everything is gone.

        :raises KeeperError: something is left; the text names it.
        """
        words = self._process.communicate()[0]
        if code := self._process.returncode:
            # Before its last words there may be an answer that an interrupted tool did not read.
            lines = words.decode(errors="replace").splitlines() or [f"the keeper ended with {code}"]
            raise KeeperError(lines[-1])

    def _ask(self, **question: object) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise AssertionError("the keeper is started with pipes")
        try:
            stdin.write(json.dumps(question).encode() + b"\n")
            stdin.flush()
            answer = json.loads(stdout.readline())
        except (OSError, ValueError):
            raise KeeperError("the process that keeps the scratch database went away") from None
        if "error" in answer:
            raise KeeperError(answer["error"])
        return answer["answer"]


def _words(command: Sequence[str | Path]) -> list[str]:
    return [str(word) for word in command]


class _ToolEnded(Exception):
    """The tool closed the pipe, or is gone."""


class _Kept:
    """The keeper's own side: everything that has to go."""

    def __init__(self) -> None:
        self._folders: list[Path] = []
        self._servers: list[tuple[subprocess.Popen[bytes], int]] = []
        self._url = ""

    def obey(self, question: dict[str, Any]) -> object:
        """Do one thing that the tool asks for."""
        orders: dict[str, Callable[..., object]] = {
            "folder": self._folder,
            "run": self._run,
            "start": self._start,
            "empty": self._empty,
        }
        return orders[question.pop("do")](**question)

    def remove(self) -> list[str]:
        """End and remove everything; what is left, a phrase for each thing."""
        left = [phrase for server, end_by in self._servers if (phrase := _ended(server, end_by))]
        if self._url and (phrase := _emptied(self._url)):
            left.append(phrase)
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
            if folder.exists():
                left.append(f"folder {folder}")
        return left

    def _folder(self, within: str, owner: Sequence[int] | None) -> str:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=within))
        self._folders.append(folder)
        if owner:
            os.chown(folder, *owner)
        return str(folder)

    def _run(self, command: list[str], log: str, owner: Sequence[int] | None) -> int:
        process = _started(command, log, owner)
        try:
            while process.poll() is None:
                _raise_if_tool_ended(0.02)
        except _ToolEnded:
            # A script's own children are in its group.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        return process.returncode

    def _start(
        self, command: list[str], log: str, socket: str, end_by: int, owner: Sequence[int] | None
    ) -> None:
        process = _started(command, log, owner)
        self._servers.append((process, end_by))
        deadline = time.monotonic() + _START
        while not Path(socket).exists():
            if process.poll() is not None:
                raise KeeperError(f"it ended with code {process.returncode} when it was started")
            if time.monotonic() > deadline:
                raise KeeperError(f"it does not listen after {_START:g} s")
            _raise_if_tool_ended(0.02)

    def _empty(self, url: str, path: list[str]) -> None:
        self._url = url
        sys.path[:] = path


def _started(
    command: list[str], log: str, owner: Sequence[int] | None
) -> "subprocess.Popen[bytes]":
    with Path(log).open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - the server's programs, found by this package
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            # What the user set for clients and servers of the same kind is not for this one.
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            start_new_session=True,
            user=owner[0] if owner else None,
            group=owner[1] if owner else None,
            extra_groups=[] if owner else None,
        )


def _ended(server: "subprocess.Popen[bytes]", end_by: int) -> str:
    """End a server; "" or what is left of it."""
    for number in (end_by, signal.SIGKILL):
        server.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(_END)
            return ""
    return f"server process {server.pid}"


def _emptied(url: str) -> str:
    """Empty the database; "" or what is left in it."""
    try:
        from heat_upgrade_checks.rehearsal import emptying

        return emptying.empty(url)
    except Exception as error:
        # Whatever it is, the folders have to go and the operator has to know.
        return (
            f"tables in the scratch database of the plan's rehearsal.url ({type(error).__name__})"
        )


def _raise_if_tool_ended(seconds: float) -> None:
    """Wait a moment. A tool that waits for its answer is silent: to hear from it is its end."""
    if select.select([0], [], [], seconds)[0]:
        raise _ToolEnded


def _questions() -> Iterator[dict[str, Any]]:
    while line := sys.stdin.buffer.readline():
        if not line.endswith(b"\n"):
            return
        yield json.loads(line)


def _main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A handler that does nothing: the servers would inherit that a signal is ignored.
        signal.signal(number, lambda *_: None)
    kept = _Kept()
    with contextlib.suppress(_ToolEnded, BrokenPipeError):
        for question in _questions():
            try:
                answer = {"answer": kept.obey(question)}
            except KeeperError as error:
                answer = {"error": str(error)}
            except OSError as error:
                answer = {"error": f"{error.filename}: {error.strerror}"}
            print(json.dumps(answer), flush=True)
    left = kept.remove()
    if left:
        words = f"left behind: {', '.join(left)}; remove it by hand"
        try:
            print(words, flush=True)
        except BrokenPipeError:
            print(words, file=sys.stderr)
    # Python would flush a broken pipe once more, and complain.
    os._exit(1 if left else 0)


if __name__ == "__main__":
    _main()
