"""A Heat release's own interpreter: started once, and asked by scripts."""

import contextlib
import itertools
import json
import os
import shlex
import subprocess
import weakref
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import Literal, TypeVar

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence import asked
from heat_upgrade_checks.evidence.answers import read

_GRACE = 5
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "HOME")
# Where podman, docker and kubectl find what they talk to.
_PASSED_TO_PREFIX = (
    "XDG_RUNTIME_DIR",
    "CONTAINER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "KUBECONFIG",
)

# What the services load when they start, the engine's command first: from 2025.2 on it chooses how
# oslo.service runs, which cannot be chosen any more once that is loaded (heat/cmd/engine.py).
SERVICES = ("heat.cmd.engine", "heat.engine.service", "heat.engine.resources")

Shape = TypeVar("Shape")


@dataclass(frozen=True)
class _Told:
    """What a script printed, and how it ended: its exit code, or a signal's number below zero."""

    id: int
    code: int
    output: str


@dataclass(frozen=True)
class _Refusal:
    """What a script answers where it cannot; every answer that is one lacks `error`."""

    error: str = ""


_Answer = Future[_Told]
_Answers = dict[int, _Answer]
# Lines to write, each with its answer; None is the end.
_Questions = SimpleQueue[tuple[bytes, _Answer] | None]


class Interpreter:
    """The interpreter of one release; several threads may ask it at once."""

    def __init__(
        self,
        python: Path,
        side: Literal["current", "target"],
        prefix: Sequence[str] = (),
        limit: timedelta = timedelta(minutes=5),
    ) -> None:
        """Start it; `prefix` is a command that runs it elsewhere, such as in a container.

        `limit` is the longest that one answer is waited for. A release that was never compiled is
        compiled by the first question, into a folder of this tool's own, which takes a slow
        machine a minute and more.

        :raises Unobserved: it does not run.
        """
        self._python = python
        self._prefix = prefix
        self._limit = limit.total_seconds()
        self._remedy = f"install the release there, or correct {side}.python in the plan"
        if side == "target":
            self._remedy += "; before it is installed, target.version is enough for phase pre"
        if prefix:
            self._remedy += f" and {side}.prefix"
        self._answers: _Answers = {}
        self._asked: dict[tuple[str, ...], _Answer] = {}
        self._questions: _Questions = SimpleQueue()
        self._lock = Lock()
        self._numbers = itertools.count()
        # Nothing else of our own environment: a PYTHONPATH would make it another interpreter, and
        # variables may hold passwords.
        passed_on = (*_PASSED_ON, *(_PASSED_TO_PREFIX if prefix else ()))
        environment = {name: os.environ[name] for name in passed_on if name in os.environ}
        server = asked.script("answer_questions.py")
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the plan names the interpreter
                [*prefix, str(python), "-I", "-c", server, *self._conditions()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
        except OSError as error:
            raise Unobserved(self._does_not_start(prefix, error)) from None
        self._ended = Event()
        heard = (self._process, self._answers, self._ended)
        listener = Thread(target=_listen, args=heard, daemon=True)
        writer = Thread(target=_write, args=(self._process, self._questions), daemon=True)
        for thread in (listener, writer):
            thread.start()
        weakref.finalize(self, _end, self._process, self._questions, (listener, writer))

    def ask(
        self, shape: type[Shape], script: str, *arguments: str, imports: Sequence[str] = ()
    ) -> Shape:
        """What a script of `asked/` answers there: one JSON object on standard output.

        The same question is put once. Questions with the same `imports` share the loading of these
        modules; each must import what it uses nevertheless, for a failure is its own to tell.

        :param shape: what `answers.read` knows; keys that it does not name are left alone.
        :raises Unobserved: it does not end well, or answers with an `error` or in another shape.
        """
        try:
            told = self._put(script, arguments, imports).result(self._limit)
        except TooLate:
            raise Unobserved(self._late(imports)) from None
        except EOFError:
            raise self._no_answer(self._process.wait()) from None
        # What it printed before it was ended may be whole by chance, and rest on half of its work.
        if told.code != 0 or not told.output.strip():
            raise self._no_answer(told.code)
        who = f"interpreter {self._python}"
        refusal = read(_Refusal, told.output, who, self._remedy)
        if refusal.error:
            raise Unobserved(f"{who}: {refusal.error}; {self._remedy}")
        return read(shape, told.output, who, self._remedy)

    def left_out(self, what: str) -> Unobserved:
        """An answer that does not tell of everything that it was asked for."""
        return Unobserved(
            f"interpreter {self._python} was asked for {what} and did not tell all of it; "
            f"{self._remedy}"
        )

    def _put(self, script: str, arguments: Sequence[str], imports: Sequence[str]) -> _Answer:
        with self._lock:
            if (script, *arguments) in self._asked:
                return self._asked[script, *arguments]
            number, answered = next(self._numbers), _Answer()
            text = asked.script(script)
            question = {"id": number, "script": text, "arguments": arguments, "imports": imports}
            self._answers[number] = answered
            self._questions.put((json.dumps(question).encode() + b"\n", answered))
            # Its end was heard before this question stood among those that wait.
            if self._ended.is_set():
                _leave_unanswered(answered)
            self._asked[script, *arguments] = answered
            return answered

    @property
    def hung_after(self) -> int:
        """Seconds after which what still runs there counts as hung, so that it is named in time."""
        return max(1, int(self._limit / 2))

    def _conditions(self) -> tuple[str, ...]:
        """Seconds after which modules that still load count as hung, and where bytecode is kept."""
        # In a container our folder would be another one.
        return (str(self.hung_after), "" if self._prefix else _bytecode_folder())

    def _late(self, imports: Sequence[str]) -> str:
        loading = f"import {', '.join(imports or ('heat.version',))}"
        by_hand = shlex.join([*self._prefix, str(self._python), "-I", "-c", loading])
        return (
            f"interpreter {self._python} gave no answer within {self._limit:g} s; see how long "
            f"this takes: {by_hand}; and give it longer with timeouts.interpreter in the plan, or "
            "mend what keeps it"
        )

    def _does_not_start(self, prefix: Sequence[str], error: OSError) -> str:
        if prefix:
            return f"{prefix[0]}, the prefix of {self._python}: {error.strerror}; {self._remedy}"
        if self._python.is_symlink() and not self._python.exists():
            return (
                f"interpreter {self._python} is a link to {self._python.readlink()}, which leads "
                "nowhere: the Python that its virtualenv was made from is gone; make the "
                "virtualenv anew"
            )
        return f"interpreter {self._python}: {error.strerror}; {self._remedy}"

    def _no_answer(self, code: int) -> Unobserved:
        return Unobserved(
            f"interpreter {self._python} ended with code {code} before it had answered; "
            f"{self._remedy}"
        )


def _bytecode_folder() -> str:
    """Where modules that a release's own folders have no bytecode of are kept compiled.

    Empty where there is no such folder that only we can write: what lies in it is executed.
    """
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = folder.absolute() / "heat-upgrade-checks" / "bytecode"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except (OSError, RuntimeError):
        return ""
    ours = found.st_uid == os.geteuid() and not found.st_mode & 0o022
    return str(folder) if ours else ""


def _write(process: subprocess.Popen[bytes], questions: _Questions) -> None:
    """Write each question; what does not read, such as a hung `podman exec`, keeps this waiting."""
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    while question := questions.get():
        rest, answered = question
        try:
            # Not through the buffer, whose lock would be held meanwhile.
            while rest:
                rest = rest[os.write(process.stdin.fileno(), rest) :]
        except OSError:
            _leave_unanswered(answered)
    process.stdin.close()


def _listen(process: subprocess.Popen[bytes], answers: _Answers, ended: Event) -> None:
    """Hand each answer to whoever waits for it, until the interpreter ends."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    for line in process.stdout:
        try:
            told = read(_Told, line, "interpreter", "")
            answers[told.id].set_result(told)
        except (Unobserved, LookupError, InvalidStateError):
            break  # It is no Python, or something in it writes where only answers belong.
    process.kill()
    ended.set()
    for waiting in tuple(answers.values()):
        _leave_unanswered(waiting)


def _leave_unanswered(answer: _Answer) -> None:
    with contextlib.suppress(InvalidStateError):
        answer.set_exception(EOFError())


def _end(
    process: subprocess.Popen[bytes], questions: _Questions, threads: Sequence[Thread]
) -> None:
    # It ends when there are no more questions, and ends those that it still answers.
    questions.put(None)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
    # What hangs in the kernel, or left its pipes to a child, is not waited for.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    for thread in threads:
        thread.join(_GRACE)
    if process.stdout is not None and not any(thread.is_alive() for thread in threads):
        process.stdout.close()
