"""What Heat 25 and 26 answered, broken in every way, is the same facts or not observed.

The answers beside this were recorded from both releases and made shorter.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.code import (
    installation,
    libraries,
    loading,
    migration_files,
    models,
    release,
    upgrade_check,
)
from heat_upgrade_checks.evidence.code.interpreter import Interpreter, _Told
from heat_upgrade_checks.evidence.configuration import api_paste, options, policies, trustee
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.plan import Plan

RECORDED = json.loads(
    Path(__file__).with_name("answers_of_25_and_26.json").read_text(encoding="utf-8")
)
BASE = "[DEFAULT]\ntransport_url = rabbit://u:p@h/v\nauth_encryption_key = k\n"
BASE += "[database]\nconnection = sqlite:////nowhere\n[trustee]\nauth_type = password\n"
BASE += "auth_url = http://k:5000/v3\nusername = heat\npassword = p\nuser_domain_name = Default\n"
TARGET = BASE + "[DEFAULT]\nbogus = 1\n[ec2authtoken]\nauth_uri = http://k:5000/v3\n"
SOURCES: tuple[Callable[[Site], Facts], ...] = (
    options.observe,
    policies.observe,
    api_paste.observe,
    trustee.observe,
    installation.observe,
    libraries.observe,
    migration_files.observe,
    loading.observe,
    models.observe_target,
    release.observe_current,
    release.observe_target,
    upgrade_check.observe_target,
)
# Names that a release chooses: one that is gone or new makes another answer, and none is broken.
OPEN = {"files", "types", "parts", "shipped", "registered", "overrides", "libraries"}
# Where an answer may have nothing to tell.
OPTIONAL = {"now", "text", "file", "shipped", "known"}


@dataclass(frozen=True)
class Broken:
    """An answer as it came: `told` is how the script ended."""

    how: str
    output: str
    code: int = 0


class Recorded(Interpreter):
    """An interpreter that answers what was recorded."""

    def __init__(self, side: SideName, broken: dict[str, Broken]) -> None:
        self._python, self._remedy, self._limit = Path("/opt/heat/bin/python"), "mend it", 300.0
        self._side, self._broken = side, broken

    def _put(self, script: str, *_: Sequence[str]) -> Any:
        name = f"{self._side} {script}"
        said = self._broken.get(name) or Broken("whole", json.dumps(RECORDED[name]))
        answer: Future[_Told] = Future()
        answer.set_result(_Told(0, said.code, said.output))
        return answer


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value, the whole one excepted."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from _places(inner, (*path, key))


def _is_open(path: tuple[Any, ...]) -> bool:
    return bool(OPEN.intersection(path[:-1]))


def _may_be_nothing(path: tuple[Any, ...]) -> bool:
    return bool(OPTIONAL.intersection(path[-2:]))


OTHERS: tuple[Any, ...] = (None, True, -1, 1.5, "", "text", [], [[]], {}, {"a": None})


def _alike(one: Any, other: Any) -> bool:
    return type(one) is type(other) and (not isinstance(one, int) or isinstance(one, bool))


@st.composite
def broken_answers(draw: st.DrawFn, name: str) -> Broken:
    document = json.loads(json.dumps(RECORDED[name]))
    whole = json.dumps(document)
    how = draw(st.sampled_from(["cut", "around", "code", "delete", "retype", "add"]))
    if how == "cut":
        return Broken(how, whole[: draw(st.integers(0, len(whole) - 1))])
    if how == "around":
        more = draw(st.sampled_from(["{}", "null", "\x00", "warning: x\n", "]", '{"a": 1}']))
        return Broken(how, draw(st.sampled_from([more + whole, whole + more])))
    if how == "code":
        return Broken(how, whole, draw(st.integers(-64, 255).filter(bool)))
    paths = list(_places(document))
    if how in {"delete", "add"}:
        paths = [path for path in paths if isinstance(path[-1], str) and not _is_open(path)]
    path = draw(st.sampled_from(paths))
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    if how == "delete":
        del holder[path[-1]]
    elif how == "add":
        holder["unasked"] = draw(st.sampled_from(OTHERS))
    else:
        old = holder[path[-1]]
        new = draw(st.sampled_from([each for each in OTHERS if not _alike(each, old)]))
        if _may_be_nothing(path) and (old is None or new is None):
            new = 1.5
        holder[path[-1]] = new
    return Broken(how, json.dumps(document))


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Both releases, with the configurations that they were asked about."""
    folder = tmp_path_factory.mktemp("site")
    document: dict[str, Any] = {"name": "broken", "mode": "rolling"}
    for side, text in (
        ("current", BASE + "[clients]\nca_file=/ca\n[oslo_policy]\nenforce_scope=false\n"),
        ("target", TARGET),
    ):
        path = folder / f"{side}.conf"
        path.write_text(text, "utf-8")
        document[side] = {"python": "/opt/heat/bin/python", "config": [str(path)]}
    return Plan.model_validate(document)


def _observed(
    observe: Callable[[Site], Facts], plan: Plan, broken: dict[str, Broken]
) -> Facts | None:
    site = Site(plan, Path("/nowhere"))
    for side in ("current", "target"):
        site._interpreters[side] = Recorded(side, broken)
    try:
        return observe(site)
    except Unobserved:
        return None


def _asked_by(observe: Callable[[Site], Facts], plan: Plan) -> list[str]:
    """The answers that a source rests on."""
    return [
        name
        for name in RECORDED
        if _observed(observe, plan, {name: Broken("code", "{}", 1)}) is None
    ]


@pytest.mark.parametrize(
    "observe", SOURCES, ids=lambda each: f"{each.__module__.rpartition('.')[2]}.{each.__name__}"
)
def test_a_broken_answer_is_the_same_facts_or_none(
    observe: Callable[[Site], Facts], plan: Plan
) -> None:
    whole = _observed(observe, plan, {})
    assert whole is not None
    asked = _asked_by(observe, plan)
    assert asked
    seen: Counter[tuple[str, bool]] = Counter()

    @settings(max_examples=2500 // len(SOURCES))
    @given(
        st.sampled_from(asked).flatmap(lambda name: st.tuples(st.just(name), broken_answers(name)))
    )
    def breaks(case: tuple[str, Broken]) -> None:
        name, broken = case
        found = _observed(observe, plan, {name: broken})
        assert found in (None, whole), f"{name}, {broken}"
        seen[broken.how, found is None] += 1

    breaks()
    for how in ("cut", "around", "code", "delete", "retype"):
        assert seen[how, True], seen
        assert not seen[how, False], seen
    assert seen["add", False], seen
    assert not seen["add", True], seen
