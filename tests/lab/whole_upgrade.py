"""A whole upgrade of a real Heat: the guide's steps one by one, and the gates between them.

    with Lab(folder, CURRENT_VHOST) as lab, closing(WholeUpgrade(lab, 25, 26, gates)) as upgrade:
        upgrade.prepare()
        upgrade.roll()      # or upgrade.cold(), or single steps and gates, in any wrong order

`prepare` brings release N up: an engine on each host of `HOSTS`, an API on each address of `APIS`,
HAProxy before them and a stack that rests; it makes the backup, signs the release notes and
rehearses. Engines of both releases have the same host names, as on a real site, and may run on one
host side by side; an API keeps its address. Then come the steps:

    rolling     install, sync, add_vhost, start_engine(host), stop_engine(host), take_out(api),
                upgrade_api(api) or point_api(api) and later upgrade_api(api), put_back(api)
    cold        stop_api(api), stop_engine(host) or kill_engine(host), install, sync,
                start_engine(host) or start_engines(), start_api(api), put_back(api)
    at any time start_load(), gate(phase, *arguments), start_old_engine(host), start_old_api(api)

`gate` judges and asserts nothing: it returns the outcome, which `last` keeps, and adds to `record`.
`roll` and `cold` take every step in order and raise GateShutError at the first gate that does not
open. `engines` and `new_engines` (by host) and `apis` (by name) are what runs; `load` is what
`start_load` began. All gates write into one folder of reports, so judge one at a time.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heat_upgrade_checks.phases import Mode
from tests.driver import Outcome
from tests.lab import upgrade_plan, venvs
from tests.lab.deployment import Lab
from tests.lab.gates import Gates
from tests.lab.haproxy import HAProxy
from tests.lab.heat import Api, Engine
from tests.lab.load import Load
from tests.lab.rolling import CURRENT_VHOST, TARGET_VHOST, Rolling
from tests.services import processes

HOSTS = ("control1", "control2")
# Each API has an address of its own, so that `--host` can name it.
APIS = {"api1": "127.0.0.11", "api2": "127.0.0.12"}

_VERDICTS = {0: "go", 1: "go-with-warnings", 2: "no-go", 3: "incomplete"}
_OPEN = {0, 1}


@dataclass(frozen=True)
class Judged:
    """One gate: after which step it was judged, and what it said."""

    step: str
    gate: str
    verdict: str
    red: tuple[str, ...]
    warned: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        names = ", ".join(self.red + self.warned)
        return f"after {self.step}: {self.gate}: {self.verdict} in {self.seconds:.1f} s  {names}"


class GateShutError(AssertionError):
    """A gate did not open although everything before it was done in order."""


class WholeUpgrade:
    """One Heat on its way from release N to release N+1."""

    def __init__(
        self, lab: Lab, current: int, target: int, folder: Path, mode: Mode = "rolling"
    ) -> None:
        self.lab = lab
        self.current = current
        self.target = target
        self.folder = folder
        self.mode: Mode = mode
        self.new_vhost = TARGET_VHOST if mode == "rolling" else CURRENT_VHOST
        self.engines: dict[str, Engine] = {}
        self.new_engines: dict[str, Engine] = {}
        self.apis: dict[str, Api] = {}
        self.balancer = HAProxy(
            lab.folder / "haproxy",
            {name: (address, processes.free_port()) for name, address in APIS.items()},
        )
        self.load: Load | None = None
        self.record: list[Judged] = []
        self._gates: Gates | None = None
        self._last: Outcome | None = None
        self._step = "nothing"

    def close(self) -> None:
        """End the load and HAProxy; Heat's own processes are the lab's."""
        try:
            if self.load:
                self.load.end()
        finally:
            self.balancer.end()

    @property
    def last(self) -> Outcome:
        """The outcome of the last gate."""
        if self._last is None:
            raise processes.ServerError("no gate was judged yet")
        return self._last

    @property
    def gates(self) -> Gates:
        """The driver; its `plan` is the upgrade's."""
        if self._gates is None:
            raise processes.ServerError("the upgrade was not prepared")
        return self._gates

    # --- before

    def prepare(self, rehearse: bool = True, alone: bool = False) -> None:
        """Bring release N into service behind HAProxy; backup, release notes, rehearsal.

        `alone` is one engine and one API, for what needs no second.
        """
        hosts, names = HOSTS[: 1 if alone else None], list(APIS)[: 1 if alone else None]
        venvs.interpreter(self.target)
        self.lab.db_sync(self.current)
        self.balancer.start()
        for host in hosts:
            self.start_old_engine(host)
        with ThreadPoolExecutor(len(APIS)) as pool:
            list(pool.map(self.start_old_api, names))
        self.lab.publish(self.balancer)
        for engine in self.engines.values():
            engine.wait_up()
        for name in names:
            self.put_back(name)
        self.lab.create_stack("settled")
        self.lab.wait_stack("settled", "CREATE_COMPLETE")
        backup = self.lab.dump(self.lab.folder / "backup" / "heat.sql")
        sides = self.current, self.target
        plan = upgrade_plan.write(self.lab, sides, self.mode, self.engines, self.apis, backup)
        some_engine, some_api = self.engines[HOSTS[0]], next(iter(self.apis.values()))
        rolling = Rolling(self.lab, *sides, some_engine, some_api, plan)
        self._gates = Gates.of(rolling, self.folder)
        self._gates.acknowledge()
        self._step = "prepare"
        if rehearse:
            outcome = self._gates.call("rehearse")
            if outcome.code not in _OPEN:
                raise processes.ServerError(f"rehearse: {outcome.code}\n{outcome.out}{outcome.err}")
            self._step = "rehearse"

    def start_load(self, users: int = 2) -> Load:
        """Let users make, change and delete stacks from now on, through HAProxy."""
        self.load = Load(self.lab, self.balancer, users).start()
        return self.load

    # --- gates

    def gate(self, phase: str, *arguments: str, **changes: Any) -> Outcome:
        """Judge a gate now and write it down; whatever it says."""
        began = time.monotonic()
        outcome = self._last = self.gates.call("--phase", phase, *arguments, **changes)
        if outcome.code not in _VERDICTS:
            raise processes.ServerError(f"{phase}: {outcome.code}\n{outcome.out}{outcome.err}")
        host = arguments[arguments.index("--host") + 1] if "--host" in arguments else ""
        self.record.append(
            Judged(
                self._step,
                f"{phase} {host}".strip(),
                _VERDICTS[outcome.code],
                tuple(sorted(outcome.red)),
                tuple(sorted(outcome.outcomes("warned"))),
                time.monotonic() - began,
            )
        )
        return outcome

    # --- the steps that both modes have

    def install(self) -> None:
        """Lay release N+1's configuration beside N's; its code is there already."""
        self.gates.plan["target"]["config"] = [
            str(self.lab.configuration(self.target, self.new_vhost, HOSTS[0]))
        ]
        self._step = "install"

    def sync(self, release: int | None = None) -> None:
        """db_sync by release N+1."""
        self.lab.db_sync(release or self.target)
        self._step = "sync"

    def start_engine(self, host: str, vhost: str | None = None) -> Engine:
        """Start an engine of N+1 on its vhost, beside what may still run on that host."""
        engine = self.lab.engine(self.target, vhost or self.new_vhost, host)
        self.new_engines[host] = engine
        engine.wait_up()
        self._step = f"start_engine {host}"
        return engine

    def start_engines(self) -> None:
        """Start an engine of N+1 on every host."""
        with ThreadPoolExecutor(len(HOSTS)) as pool:
            list(pool.map(self.start_engine, HOSTS))
        self._step = "start_engines"

    def stop_engine(self, host: str) -> None:
        """Stop a host's engine of N, which finishes what it has in hand."""
        self.engines.pop(host).stop()
        self._step = f"stop_engine {host}"

    def kill_engine(self, host: str) -> None:
        """SIGKILL for a host's engine of N."""
        self.engines.pop(host).kill()
        self._step = f"kill_engine {host}"

    def take_out(self, name: str) -> None:
        """Take an API out of rotation and let it answer what it was asked."""
        self.balancer.drain(name)
        self._step = f"take_out {name}"

    def put_back(self, name: str) -> None:
        """Give an API requests again."""
        self.balancer.set_state(name, "ready")
        self.balancer.wait_up(name)
        self._step = f"put_back {name}"

    def stop_api(self, name: str) -> None:
        """Stop an API, of whichever release."""
        self.apis.pop(name).stop()
        self._step = f"stop_api {name}"

    def start_api(self, name: str) -> Api:
        """Start an API of N+1 on its vhost."""
        return self._start_api(name, self.target, self.new_vhost)

    # --- the steps of a rolling upgrade

    def add_vhost(self) -> None:
        """Make N+1's vhost and give Heat's account its permissions there."""
        self.lab.add_vhost(self.new_vhost)
        self._step = "add_vhost"

    def upgrade_api(self, name: str) -> Api:
        """Replace an API that is out of rotation by one of N+1 on the new vhost."""
        self.stop_api(name)
        return self.start_api(name)

    def point_api(self, name: str) -> Api:
        """Restart an API of N that is out of rotation on the new vhost, to upgrade it later."""
        self.stop_api(name)
        return self._start_api(name, self.current, self.new_vhost)

    # --- steps back

    def start_old_engine(self, host: str, **options: str) -> Engine:
        """Start an engine of N; it is up when its `wait_up()` says so."""
        engine = self.engines[host] = self.lab.engine(
            self.current, CURRENT_VHOST, host, workers=1, **options
        )
        self._step = f"start_old_engine {host}"
        return engine

    def start_old_api(self, name: str) -> Api:
        """Start an API of N on the old vhost."""
        return self._start_api(name, self.current, CURRENT_VHOST)

    # --- all of it

    def roll(self, apis_first: bool = False) -> None:
        """Every step of the rolling upgrade, each behind its gate.

        The guide takes an old engine away before the APIs move. An engine that stops while it is
        given new work may lose some of it, so under load the APIs go first.
        """
        first, last = HOSTS
        pointed = list(APIS)[-1]
        self._pass("pre", "--wait", "60s", "--interval", "3s")
        self.install()
        self._pass("installed")
        self.sync()
        self._pass("synced")
        self.add_vhost()
        self._pass("vhost")
        if apis_first:
            self.start_engines()
        else:
            self.start_engine(first)
            self._take_away(first)
        for name in APIS:
            self.take_out(name)
            self._pass("engine", "--host", APIS[name])
            if name == pointed:
                self.point_api(name)
            else:
                self.upgrade_api(name)
            self.put_back(name)
        if apis_first:
            self._take_away(first)
        else:
            self.start_engine(last)
        self._pass("last-engine", "--wait", "60s", "--interval", "3s")
        self.stop_engine(last)
        self.take_out(pointed)
        self.upgrade_api(pointed)
        self.put_back(pointed)
        self._pass("post", "--wait", "60s", "--interval", "3s")

    def cold(self) -> None:
        """Every step of the cold upgrade, each behind its gate."""
        self._pass("pre", "--wait", "60s", "--interval", "3s")
        self.stop_all()
        self._pass("stopped", "--wait", "60s", "--interval", "3s")
        self.finish_cold()

    def stop_all(self) -> None:
        """Stop every API, then every engine of N."""
        for name in list(self.apis):
            self.stop_api(name)
        with ThreadPoolExecutor(len(HOSTS)) as pool:
            list(pool.map(self.stop_engine, list(self.engines)))

    def finish_cold(self) -> None:
        """What follows once everything is stopped, each step behind its gate."""
        self.install()
        self._pass("installed")
        self.sync()
        self._pass("synced")
        with ThreadPoolExecutor(1) as pool:
            apis = pool.submit(lambda: [self.start_api(name) for name in APIS])
            self.start_engines()
            apis.result()
        for name in APIS:
            self.put_back(name)
        self._pass("post", "--wait", "60s", "--interval", "3s")

    def _take_away(self, host: str) -> None:
        self._pass("engine", "--host", host, "--wait", "60s", "--interval", "3s")
        self.stop_engine(host)

    def _pass(self, phase: str, *arguments: str) -> None:
        """Judge a gate; go on only if it opens."""
        outcome = self.gate(phase, *arguments)
        if outcome.code not in _OPEN:
            raise GateShutError(f"{self.record[-1]}\n{outcome.out}{outcome.err}")

    def _start_api(self, name: str, release: int, vhost: str) -> Api:
        address, port = self.balancer.servers[name]
        api = self.apis[name] = self.lab.api(release, vhost, name, address, port)
        self._step = f"start_api {name}"
        return api
