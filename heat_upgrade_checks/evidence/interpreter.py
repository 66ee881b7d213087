"""A Heat release's own interpreter, asked with a script on its standard input."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.site import SideName

_TIMEOUT = 50
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "HOME")


def ask(python: Path, side: SideName, script: str, *arguments: str) -> dict[str, Any]:
    """What a script of this folder answers there: one JSON object on standard output.

    :raises Unobserved: the interpreter does not run, gives no answer, or answers with an `error`.
    """
    remedy = f"install the release there, or correct {side}.python in the plan"
    # Nothing of our own environment: a PYTHONPATH would make it another interpreter, and
    # variables may hold passwords.
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603 - the operator names the interpreter in the plan
            [str(python), "-I", "-", *arguments],
            input=Path(__file__).with_name(script).read_bytes(),
            capture_output=True,
            timeout=_TIMEOUT,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unobserved(
            f"interpreter {python} gave no answer within {_TIMEOUT} s; try it by hand"
        ) from None
    except OSError as error:
        raise Unobserved(f"interpreter {python}: {error.strerror}; {remedy}") from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise Unobserved(
            f"interpreter {python} ended with code {done.returncode} and no answer; {remedy}"
        ) from None
    if "error" in answer:
        raise Unobserved(f"interpreter {python}: {answer['error']}; {remedy}")
    return answer
