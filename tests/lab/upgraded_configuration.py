"""Two releases, each with a heat.conf of its own, and what the checks say of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from heat_upgrade_checks.evidence.code.interpreter import Interpreter
from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.configuration import api_paste, options, policies, trustee
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.stacks.cfn_signals import CfnSignals
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.records.findings import Finding
from tests.judging import check_at, judge
from tests.lab import venvs

VALID = check_at("config.valid", "installed")
CONTINUITY = check_at("config.continuity", "installed")
STILL = check_at("config.continuity", "vhost")
POLICY = check_at("config.policy", "installed")
EC2_TOKEN = check_at("config.ec2-token", "installed")
PUBLIC_KEY = "notgood but just long enough i t"
KEY = "canary-key-51c0a9d2e87b4f36-end."
OTHER = "canary-key-0f3b7a61c2d94e58-end."

BASE = f"""\
[DEFAULT]
transport_url = rabbit://heat:canary-of-the-broker@127.0.0.1/heat
auth_encryption_key = {KEY}
[database]
connection = mysql+pymysql://heat:canary-of-the-database@db.example/heat
[trustee]
auth_type = password
auth_url = http://k:5000/v3
username = heat
password = canary-of-the-trustee
user_domain_name = Default
"""

UNUSED = CfnSignals(0, ())
USED = CfnSignals(2, ("web (s1)", "db (s2)"))


class Upgrade:
    """Two releases, each with a heat.conf of its own."""

    def __init__(
        self, folder: Path, interpreter: Callable[[int], Interpreter], current: int, target: int
    ) -> None:
        self.folder, self.target, self._interpreter = folder, target, interpreter
        self.releases = {"current": current, "target": target}
        self.plan: dict[str, Any] = {"name": "config", "mode": "rolling"}
        for side, release in self.releases.items():
            python = str(venvs.interpreter(release))
            self.plan[side] = {"python": python, "config": [str(self.conf(side))]}
        self.write("current", BASE)
        self.write("target", BASE)

    def conf(self, side: str) -> Path:
        return self.folder / side / "heat.conf"

    def write(self, side: str, text: str) -> None:
        self.conf(side).parent.mkdir(parents=True, exist_ok=True)
        self.conf(side).write_text(text, "utf-8")

    @property
    def site(self) -> Site:
        site = Site(Plan.model_validate(self.plan), self.folder)
        for side in ("current", "target"):
            site._interpreters[side] = self._interpreter(self.releases[side])
        return site

    def valid(self, facts: options.Options | None = None) -> Judgement:
        """config.valid on what the two releases say now."""
        site = self.site
        version = venvs.version(self.target)
        release = Release(version, "", "", "", (), None, "", "")
        return judge(
            VALID,
            "installed",
            options=facts or options.observe(site),
            api_paste=api_paste.observe(site),
            trustee=trustee.observe(site),
            target_release=release,
        )

    def continuity(
        self, phase: str = "installed", facts: options.Options | None = None
    ) -> Judgement:
        """config.continuity on what they say now."""
        check = CONTINUITY if phase == "installed" else STILL
        return judge(check, phase, options=facts or options.observe(self.site))

    def policy(self, signals: CfnSignals = UNUSED) -> Judgement:
        return judge(POLICY, "installed", policies=policies.observe(self.site), cfn_signals=signals)

    def ec2_token(self, signals: CfnSignals) -> Judgement:
        facts = options.observe(self.site)
        return judge(EC2_TOKEN, "installed", options=facts, cfn_signals=signals)


Make = Callable[..., Upgrade]


def told(gate: Judgement, obj: str) -> Finding:
    """The one finding about an object."""
    (found,) = [each for each in gate.findings if each.object == obj]
    return found


def loud(gate: Judgement) -> list[tuple[str, str]]:
    """Everything above a note."""
    return [(each.level, each.object) for each in gate.findings if each.level != "note"]
