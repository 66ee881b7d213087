"""What a source may know when it asks: the plan, what it names, the run's secrets."""

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.code.interpreter import Interpreter
from heat_upgrade_checks.evidence.configuration.heat_conf import HeatConf
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.secrets import Secrets


@dataclass
class Site:
    """One deployment as the plan describes it.

    `upgrade_folder` holds the gates of this upgrade that were written before; `gate_folder` is the
    unfinished folder of the gate that is judged now, or None where none is written.
    `refused_logins` tells of each account that Keystone refused what it said; it is not tried
    again in this run, since Keystone may lock an account that fails too often, and Heat uses it.
    """

    plan: Plan
    upgrade_folder: Path
    secrets: Secrets = field(default_factory=Secrets)
    gate_folder: Path | None = None
    refused_logins: dict[tuple[object, ...], str] = field(default_factory=dict, repr=False)
    _conf: dict[SideName, HeatConf] = field(default_factory=dict)
    _interpreters: dict[SideName, Interpreter] = field(default_factory=dict)
    _reading: Lock = field(default_factory=Lock)

    def read_again(self) -> None:
        """Forget configurations and interpreters: they may change while a gate is waited for."""
        with self._reading:
            self._conf.clear()
            self._interpreters.clear()

    def conf(self, side: SideName) -> HeatConf:
        """The configuration of one release, read once, secrets included.

        :raises Unobserved: the plan names none, or it cannot be read.
        """
        with self._reading:
            if side not in self._conf:
                self._conf[side] = HeatConf(side, self.plan.side(side), self.secrets)
            return self._conf[side]

    def interpreter(self, side: SideName) -> Interpreter:
        """The interpreter of one release, started when it is asked first.

        :raises Unobserved: the plan names none, or it does not run.
        """
        plan = self.plan.side(side)
        if plan.python is None:
            raise Unobserved(
                f"only the {side} release's code can tell; add {side}.python to the plan"
            )
        with self._reading:
            if side not in self._interpreters:
                self._interpreters[side] = Interpreter(
                    plan.python, side, plan.prefix, self.plan.timeouts.interpreter
                )
            return self._interpreters[side]
