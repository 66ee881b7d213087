"""Heat's own `heat-status upgrade check`, run by the release's interpreter."""

import re
from contextlib import suppress
from dataclasses import dataclass

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.answers import Count
from heat_upgrade_checks.evidence.configuration.heat_conf import HeatConf
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.phases import SideName

_KEPT = 4000
_TOLD = (0, 1, 2)
_RESULT = re.compile(r"Check: (?P<check>.*?)\s*\|\s*\|?\s*Result: (?P<result>\w+)")


@dataclass(frozen=True)
class UpgradeCheck(Facts):
    """How it ended: 0 success, 1 warning, 2 failure, 255 it broke (oslo_upgradecheck).

    `exit_code` is None where the plan names no interpreter to run it. `text` is what it printed,
    without secrets, at most 4000 characters; "" where it broke, for a traceback may hold anything.
    """

    interpreter: str
    exit_code: int | None
    text: str

    @property
    def results(self) -> tuple[str, ...]:
        """What it says of each of its checks that did not succeed."""
        found = _RESULT.finditer(self.text)
        return tuple(
            f"{match['check']}: {match['result']}"
            for match in found
            if match["result"] != "Success"
        )

    @property
    def extent(self) -> str:
        """What was run."""
        if self.exit_code is None:
            return "no heat-status: the plan names no interpreter"
        return f"heat-status upgrade check by {self.interpreter}, exit code {self.exit_code}"


def observe_current(site: Site) -> UpgradeCheck:
    """What the current release's says."""
    return _observe(site, "current")


def observe_target(site: Site) -> UpgradeCheck:
    """What the target release's says."""
    return _observe(site, "target")


@dataclass(frozen=True)
class _Ended:
    """How the command ended, and what it prCounted."""

    exit_code: Count
    text: str


def _observe(site: Site, side: SideName) -> UpgradeCheck:
    plan = site.plan.side(side)
    if plan.python is None:
        return UpgradeCheck("", None, "")
    _know_secrets(site.conf(side))
    arguments = [f"--config-file={path}" for path in plan.config]
    arguments += [f"--config-dir={path}" for path in plan.config_dirs]
    interpreter = site.interpreter(side)
    limit = str(interpreter.hung_after)
    ended = interpreter.ask(_Ended, "upgrade_check.py", limit, *arguments)
    text = site.secrets.redact(ended.text) if ended.exit_code in _TOLD else ""
    return UpgradeCheck(str(plan.python), ended.exit_code, text[:_KEPT])


def _know_secrets(conf: HeatConf) -> None:
    for read in (conf.database_url, conf.transport, conf.notification_transport):
        # One that is not set has no password.
        with suppress(Unobserved):
            read()
