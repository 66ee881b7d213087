"""Both releases at work on every table of a database that the target's db_sync has changed."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from time import monotonic
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import URL

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence import asked
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.records.rehearsal import Exercise, Failure, Operation, Skipped, Writer

# Seconds for one request, the start of the interpreter included where it is the first.
_TIMEOUT = 120.0
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "HOME")
# The script comes on standard input, as to `evidence.interpreter.ask`: the interpreter may be a
# wrapper that enters a container, which does not see our files.
_SCRIPT = ("exercise_tables.py", "database_errors.py", "made_up_values.py")
_START = "import json, sys; exec(json.loads(sys.stdin.readline()))"


def exercise(current: Path | None, target: Path, url: str | URL) -> Exercise:
    """Let both releases' interpreters work on a database that no one else uses.

    Each reads restored rows of every table of its models, and inserts, selects, updates and deletes
    a full and a minimal row of its own; then each does so with what the other wrote, the current
    release being the first to delete the target's rows. Only made-up rows are written to, by
    primary key, and none is left but those that even the target cannot delete.

    :param current: None for a cold upgrade, in which it never meets the new schema.
    :param url: as `[database] connection` has it: with a driver that the interpreters have.
    :raises Unobserved: an interpreter does not run, is silent for two minutes, gives no proper
        answer, or loses the database.
    """
    address = url if isinstance(url, str) else url.render_as_string(hide_password=False)
    with ExitStack() as running:
        n = running.enter_context(_started("current", current, address)) if current else None
        n1 = running.enter_context(_started("target", target, address))
        releases = [n, n1] if n else [n1]
        for release in releases:
            release.do("read", "restored")
        for release in releases:
            _work_alone(release)
        if n:
            _work_on_each_others_rows(n, n1)
    return Exercise(
        tables={release.side: release.tables for release in releases},
        restored={release.side: release.restored for release in releases},
        operations=sum(release.operations for release in releases),
        failures=tuple(dict.fromkeys(each for release in releases for each in release.failures)),
        skipped=tuple(dict.fromkeys(each for release in releases for each in release.skipped)),
    )


# A made-up row's table, kind and primary key; only the interpreters look into it.
_Row = dict[str, Any]


@dataclass(frozen=True)
class _Answer:
    tables: int
    operations: int
    restored: int
    rows: list[_Row]
    failures: list[Failure]
    skipped: list[Skipped]


_ANSWER = TypeAdapter(_Answer)


@dataclass
class _Release:
    """A release's running interpreter, and what it has told so far."""

    side: SideName
    python: Path
    process: "subprocess.Popen[bytes]"
    tables: int = 0
    restored: int = 0
    operations: int = 0
    failures: list[Failure] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def do(self, operation: Operation, wrote: Writer, rows: list[_Row] | None = None) -> list[_Row]:
        """The rows that it has inserted, or that it could not delete."""
        request = {"release": self.side, "operation": operation, "wrote": wrote, "rows": rows or []}
        answer = self._answer(request)
        self.tables = answer.tables
        self.restored += answer.restored
        self.operations += answer.operations
        self.failures += answer.failures
        self.skipped += answer.skipped
        return answer.rows

    def send(self, *lines: object) -> None:
        """Hand it lines of JSON; one that has ended is found out by its missing answer."""
        assert self.process.stdin  # noqa: S101 - a pipe, as it was started
        with suppress(BrokenPipeError):
            self.process.stdin.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
            self.process.stdin.flush()

    def _answer(self, request: object) -> _Answer:
        asked_at = monotonic()
        line = self._line(request)
        # The watchdog never kills it sooner.
        if not line and monotonic() - asked_at >= _TIMEOUT:
            raise Unobserved(
                f"interpreter {self.python} gave no answer within {_TIMEOUT:g} s; "
                "look for what it waits for in the database, or try it by hand"
            )
        try:
            answer = json.loads(line)
            if isinstance(answer, dict) and isinstance(answer.get("error"), str):
                raise Unobserved(f"interpreter {self.python}: {answer['error']}")
            return _ANSWER.validate_python(answer)
        except (ValueError, ValidationError):
            raise Unobserved(
                f"interpreter {self.python} gave no answer to a request to work on Heat's tables; "
                f"try it by hand, or correct {self.side}.python in the plan"
            ) from None

    def _line(self, request: object) -> bytes:
        """The answer, as it is; empty if the interpreter ended, or had to be ended."""
        assert self.process.stdout  # noqa: S101 - a pipe, as it was started
        watchdog = Timer(_TIMEOUT, _kill, [self.process])
        watchdog.start()
        try:
            self.send(request)
            return self.process.stdout.readline()
        finally:
            watchdog.cancel()
            watchdog.join()


@contextmanager
def _started(side: SideName, python: Path, address: str) -> Iterator[_Release]:
    """A release's interpreter, ended whatever happens."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator names the interpreter in the plan
            [str(python), "-I", "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A traceback there could quote the operator's rows or the URL.
            stderr=subprocess.DEVNULL,
            env=environment,
            # A group of its own, so that what a wrapper has started ends with it.
            start_new_session=True,
        )
    except OSError as error:
        raise Unobserved(
            f"interpreter {python}: {error.strerror}; install the release there, "
            f"or correct {side}.python in the plan"
        ) from None
    try:
        release = _Release(side, python, process)
        release.send(asked.script(*_SCRIPT), address)
        yield release
    finally:
        _kill(process)
        process.communicate()


def _kill(process: "subprocess.Popen[bytes]") -> None:
    # Not waited for before, so its number is still its own.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _work_alone(release: _Release) -> None:
    own = release.do("insert", release.side)
    release.do("select", release.side, own)
    release.do("update", release.side, own)
    release.do("select", release.side, own)
    release.do("delete", release.side, own)


def _work_on_each_others_rows(n: _Release, n1: _Release) -> None:
    newer = n1.do("insert", "target")
    n.do("select", "target", newer)
    n.do("update", "target", newer)
    older = n.do("insert", "current")
    n.do("update", "current", older)
    n1.do("select", "current", older)
    n1.do("update", "current", older)
    n1.do("delete", "current", older)
    left = n.do("delete", "target", newer)
    n1.do("delete", "target", left)
