"""The target release's api-paste.ini, followed by its own code from each API to its parts."""

import json
from dataclasses import dataclass

from heat_upgrade_checks.evidence.code.interpreter import SERVICES
from heat_upgrade_checks.evidence.configuration.given import GivenConfiguration
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.wording import counted


@dataclass(frozen=True)
class Problem:
    """A section of the file that cannot be used; `reason` completes a sentence about it."""

    section: str
    reason: str


@dataclass(frozen=True)
class ApiPaste(Facts):
    """What stands in the file that `[paste_deploy] api_paste_config` leads to.

    `file` is empty where there is none. `parts` tells for each API, and each section that requests
    to it go through, what makes that; `shipped` does so for the file that came with the release,
    None where it was not found beside the interpreter.
    """

    wanted: str
    file: str
    parts: dict[str, dict[str, str]]
    problems: tuple[Problem, ...]
    shipped: dict[str, dict[str, str]] | None

    @property
    def extent(self) -> str:
        """What was read."""
        if not self.file:
            return f"no file {self.wanted} was found"
        sections = {name for parts in self.parts.values() for name in parts}
        return f"{counted(len(sections), 'section')} of {self.file}"


@dataclass(frozen=True)
class _File:
    """A file that was followed; each problem is a section and what is wrong with it."""

    path: str
    parts: dict[str, dict[str, str]]
    problems: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Answer:
    """What asked/api_paste.py answers."""

    wanted: str
    file: _File | None
    shipped: dict[str, dict[str, str]] | None


def observe(site: Site) -> ApiPaste:
    """Which file the target's APIs start with, and whether its code can use it."""
    question = json.dumps(GivenConfiguration(site, "target").question())
    answer = site.interpreter("target").ask(_Answer, "api_paste.py", question, imports=SERVICES)
    file = answer.file or _File("", {}, ())
    problems = tuple(Problem(*problem) for problem in file.problems)
    return ApiPaste(answer.wanted, file.path, file.parts, problems, answer.shipped)
