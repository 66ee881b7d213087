"""The proof that each check was seen to fail and to pass by a real source.

`shown.json` names the tests that show it, for each id:

    "red"       a test in which the check fails, or
    "warned"    a test in which it warns, for a check that can never block
    "green"     a test in which it passes

A test is named as pytest names it, without parameters: each of its cases shows it. What a check
said counts for the test that had it judged (`tests/judging.py`, `tests/driver.py`), and a gate for
each test that reads its document; `tests/conftest.py` fails a named test that saw nothing of it.

`HEAT_SHOWN=FILE tox -e tests -- tests/services` writes what each test saw, a line of JSON for each
test: where the tests for a new row of the table are found.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from heat_upgrade_checks.records.findings import Outcome

TABLE = Path(__file__).with_name("shown.json")
OUTCOMES = {"red": Outcome.FAILED, "warned": Outcome.WARNED, "green": Outcome.PASSED}

_RECORD = "HEAT_SHOWN"
_seen: set[tuple[str, str]] = set()


def see(id: str, outcome: str) -> None:
    """A check said this while the running test had it judged, or read its gate."""
    _seen.add((id, outcome))


@contextmanager
def watched(test: str) -> Iterator[None]:
    """The course of one test, as pytest names it.

    :raises AssertionError: it did not see what the table says of it.
    """
    _seen.clear()
    yield
    if os.environ.get(_RECORD) and _seen:
        with Path(os.environ[_RECORD]).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"test": test, "saw": sorted(_seen)}) + "\n")
    unseen = _promised()[test.partition("[")[0]] - _seen
    assert not unseen, f"{TABLE.name}: {test} did not show {sorted(unseen)}"


def table() -> dict[str, dict[str, str]]:
    """For each id: the kind of what is shown, and the test that shows it."""
    read: dict[str, dict[str, str]] = json.loads(TABLE.read_bytes())
    return read


@cache
def _promised() -> defaultdict[str, set[tuple[str, str]]]:
    """What each test that the table names must see."""
    promised: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for id, tests in table().items():
        for kind, test in tests.items():
            promised[test].add((id, OUTCOMES[kind]))
    return promised
