"""The policy files of the target's configuration, as its own enforcer reads them."""

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from heat_upgrade_checks.evidence.answers import Count
from heat_upgrade_checks.evidence.code.interpreter import SERVICES
from heat_upgrade_checks.evidence.configuration.given import GivenConfiguration
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.phases import SideName


@dataclass(frozen=True)
class Enforcement:
    """`[oslo_policy]` as one release takes it."""

    scope: bool
    new_defaults: bool


@dataclass(frozen=True)
class Policies(Facts):
    """What the site's policy files say to the target release.

    `path` is the file that it reads, empty where `wanted` is not there; `unread` is one in JSON
    of the same name, which it leaves aside. `unreadable` tells why the file cannot be read, and in
    which line. Of the `rules` that it overrides, `unknown` are registered nowhere and used by no
    other, `lost` are those of them that the current release registers; `undefined` are referred to
    and stand nowhere; `broken` are no rules; `redundant` say what the release says itself.

    `left_out` are rules of the target that the current release's policy files override and the
    target's do not, where that makes a difference.

    `current` is None where the current release could not be asked; `lost` and `left_out` are empty
    then.
    """

    wanted: str
    path: str
    unread: str
    is_json: bool
    unreadable: str
    rules: int
    unknown: tuple[str, ...]
    lost: tuple[str, ...]
    undefined: tuple[str, ...]
    broken: tuple[str, ...]
    redundant: tuple[str, ...]
    left_out: tuple[str, ...]
    target: Enforcement
    current: Enforcement | None

    @property
    def extent(self) -> str:
        """What was read."""
        return f"{self.rules} rules of {self.path}" if self.path else f"no file {self.wanted}"


@dataclass(frozen=True)
class _Answer:
    """What asked/policies.py answers; `overrides` are a file's rules, with fingerprints."""

    wanted: str
    path: str
    unread: str
    is_json: bool
    unreadable: str
    rules: Count
    unknown: tuple[str, ...]
    undefined: tuple[str, ...]
    redundant: tuple[str, ...]
    broken: tuple[str, ...]
    overrides: dict[str, str]
    registered: dict[str, str]
    enforce_scope: bool
    enforce_new_defaults: bool


def observe(site: Site) -> Policies:
    """What the target's enforcer makes of its policy files."""
    plan = site.plan.current
    # Of this run alone, and kept nowhere: rules are compared, never shown.
    key = secrets.token_hex(32)
    sides: list[SideName] = ["target"]
    if plan.python and plan.is_configured:
        sides.append("current")
    with ThreadPoolExecutor(len(sides)) as pool:
        answers = dict(zip(sides, pool.map(lambda side: _ask(site, side, key), sides), strict=True))
    new, old = answers["target"], answers.get("current")
    return Policies(
        wanted=new.wanted,
        path=new.path,
        unread=new.unread,
        is_json=new.is_json,
        unreadable=new.unreadable,
        rules=new.rules,
        unknown=new.unknown,
        lost=tuple(name for name in new.unknown if old and name in old.registered),
        undefined=new.undefined,
        broken=new.broken,
        redundant=new.redundant,
        left_out=tuple(sorted(_left_out(old, new))) if old else (),
        target=_enforcement(new),
        current=_enforcement(old) if old else None,
    )


def _left_out(old: _Answer, new: _Answer) -> Iterator[str]:
    if new.unread or new.unreadable:
        return  # All of its rules are, for a reason that is told.
    for name, override in old.overrides.items():
        default = new.registered.get(name)
        if default is not None and name not in new.overrides and override != default:
            yield name


def _ask(site: Site, side: SideName, key: str) -> _Answer:
    interpreter = site.interpreter(side)
    question = json.dumps(GivenConfiguration(site, side).question(key=key))
    answer = interpreter.ask(_Answer, "policies.py", question, imports=SERVICES)
    if len(answer.overrides) != answer.rules:
        raise interpreter.left_out("the rules of its policy files")
    return answer


def _enforcement(answer: _Answer) -> Enforcement:
    return Enforcement(answer.enforce_scope, answer.enforce_new_defaults)
