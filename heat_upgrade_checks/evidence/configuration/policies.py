"""The policy files of the target's configuration, as its own enforcer reads them."""

import json
from dataclasses import dataclass
from typing import Any

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

    `current` is None where the current release could not be asked; `lost` is empty then.
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
    target: Enforcement
    current: Enforcement | None

    @property
    def extent(self) -> str:
        """What was read."""
        return f"{self.rules} rules of {self.path}" if self.path else f"no file {self.wanted}"


def observe(site: Site) -> Policies:
    """What the target's enforcer makes of its policy files."""
    new = _ask(site, "target", [])
    unknown = new["unknown"]
    plan = site.plan.current
    old = _ask(site, "current", unknown) if plan.python and plan.is_configured else None
    return Policies(
        wanted=new["wanted"],
        path=new["path"],
        unread=new["unread"],
        is_json=new["is_json"],
        unreadable=new["unreadable"],
        rules=new["rules"],
        unknown=tuple(unknown),
        lost=tuple(old["registered"]) if old else (),
        undefined=tuple(new["undefined"]),
        broken=tuple(new["broken"]),
        redundant=tuple(new["redundant"]),
        target=_enforcement(new),
        current=_enforcement(old) if old else None,
    )


def _ask(site: Site, side: SideName, names: list[str]) -> dict[str, Any]:
    question = json.dumps(GivenConfiguration(site, side).question(names=names))
    return site.interpreter(side).ask(dict[str, Any], "policies.py", question, imports=SERVICES)


def _enforcement(answer: dict[str, Any]) -> Enforcement:
    return Enforcement(answer["enforce_scope"], answer["enforce_new_defaults"])
