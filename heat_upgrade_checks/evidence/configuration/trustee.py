"""The account that trusts are given to, as each release's own code makes it of `[trustee]`."""

import json
from dataclasses import dataclass

from heat_upgrade_checks.evidence.code.interpreter import SERVICES
from heat_upgrade_checks.evidence.configuration.given import GivenConfiguration
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.phases import SideName


@dataclass(frozen=True)
class Account:
    """What a release's code makes of `[trustee]`.

    `refused` completes a sentence about why it can use no trust with it, and is empty where it can,
    or where `deferred_auth_method` lets Heat use none. It never holds a value.
    """

    uses_trusts: bool
    refused: str


@dataclass(frozen=True)
class Trustee(Facts):
    """`current` is None where the current release could not be asked."""

    files: tuple[str, ...]
    target: Account
    current: Account | None

    @property
    def extent(self) -> str:
        """What was asked."""
        return f"[trustee] of {', '.join(self.files)}"


def observe(site: Site) -> Trustee:
    """Whether each release could use a trust; Keystone is not asked."""
    plan = site.plan.current
    current = _ask(site, "current") if plan.python and plan.is_configured else None
    return Trustee(site.conf("target").files, _ask(site, "target"), current)


def _ask(site: Site, side: SideName) -> Account:
    question = json.dumps(GivenConfiguration(site, side).question())
    return site.interpreter(side).ask(Account, "trustee.py", question, imports=SERVICES)
