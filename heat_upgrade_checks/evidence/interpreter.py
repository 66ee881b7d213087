"""A Heat release's own interpreter: started once, and asked by scripts."""

import contextlib
import itertools
import json
import os
import subprocess
import weakref
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Literal

from heat_upgrade_checks.errors import Unobserved

_TIMEOUT = 50
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
_HERE = Path(__file__).parent

# What the services load when they start, the engine's command first: from 2025.2 on it chooses how
# oslo.service runs, which cannot be chosen any more once that is loaded (heat/cmd/engine.py).
SERVICES = ("heat.cmd.engine", "heat.engine.service", "heat.engine.resources")

_Answers = dict[int, Future[dict[str, Any]]]


class Interpreter:
    """The interpreter of one release; several threads may ask it at once."""

    def __init__(
        self, python: Path, side: Literal["current", "target"], prefix: Sequence[str] = ()
    ) -> None:
        """Start it; `prefix` is a command that runs it elsewhere, such as in a container.

        :raises Unobserved: it does not run.
        """
        self._python = python
        self._remedy = f"install the release there, or correct {side}.python in the plan"
        if side == "target":
            self._remedy += "; before it is installed, target.version is enough for phase pre"
        if prefix:
            self._remedy += f" and {side}.prefix"
        self._answers: _Answers = {}
        self._asked: dict[tuple[str, ...], Future[dict[str, Any]]] = {}
        self._lock = Lock()
        self._numbers = itertools.count()
        # Nothing else of our own environment: a PYTHONPATH would make it another interpreter, and
        # variables may hold passwords.
        passed_on = (*_PASSED_ON, *(_PASSED_TO_PREFIX if prefix else ()))
        environment = {name: os.environ[name] for name in passed_on if name in os.environ}
        server = _HERE.joinpath("answer_questions.py").read_text(encoding="utf-8")
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the plan names the interpreter
                [*prefix, str(python), "-I", "-c", server],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
        except OSError as error:
            raise Unobserved(self._does_not_start(prefix, error)) from None
        listener = Thread(target=_listen, args=(self._process, self._answers), daemon=True)
        listener.start()
        weakref.finalize(self, _end, self._process, listener)

    def ask(self, script: str, *arguments: str, imports: Sequence[str] = ()) -> dict[str, Any]:
        """What a script of this folder answers there: one JSON object on standard output.

        The same question is put once. Questions with the same `imports` share the loading of these
        modules; each must import what it uses nevertheless, for a failure is its own to tell.

        :raises Unobserved: it gives no answer, or answers with an `error`.
        """
        try:
            told = self._put(script, arguments, imports).result(_TIMEOUT)
        except TooLate:
            raise Unobserved(
                f"interpreter {self._python} gave no answer within {_TIMEOUT} s; try it by hand"
            ) from None
        except (OSError, EOFError):
            raise self._no_answer(self._process.wait()) from None
        try:
            answer: dict[str, Any] = json.loads(told["output"])
        except ValueError:
            raise self._no_answer(told["code"]) from None
        if "error" in answer:
            raise Unobserved(f"interpreter {self._python}: {answer['error']}; {self._remedy}")
        return answer

    def _put(
        self, script: str, arguments: Sequence[str], imports: Sequence[str]
    ) -> Future[dict[str, Any]]:
        with self._lock:
            if (script, *arguments) in self._asked:
                return self._asked[script, *arguments]
            number, answered = next(self._numbers), Future[dict[str, Any]]()
            text = _HERE.joinpath(script).read_text(encoding="utf-8")
            question = {"id": number, "script": text, "arguments": arguments, "imports": imports}
            self._answers[number] = answered
            assert self._process.stdin is not None  # noqa: S101 - it is a pipe
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            self._asked[script, *arguments] = answered
            return answered

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
            f"interpreter {self._python} ended with code {code} and no answer; {self._remedy}"
        )


def _listen(process: subprocess.Popen[bytes], answers: _Answers) -> None:
    """Hand each answer to whoever waits for it, until the interpreter ends."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    for line in process.stdout:
        try:
            told = json.loads(line)
            answers[told["id"]].set_result(told)
        except (ValueError, LookupError, TypeError):
            break  # It is no Python, or something in it writes where only answers belong.
    process.kill()
    for waiting in tuple(answers.values()):
        if not waiting.done():
            waiting.set_exception(EOFError())


def _end(process: subprocess.Popen[bytes], listener: Thread) -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    # It ends when there are no more questions, and ends those that it still answers.
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
    listener.join()
    process.wait()
    process.stdout.close()
