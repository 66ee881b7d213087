from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGates
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.reading.isolation import Isolation, isolation_of
from heat_upgrade_checks.reading.placement import Engine, Placement, releases_by_host
from heat_upgrade_checks.wording import counted

_ALLOWED: dict[str, set[SideName]] = {
    "installed": {"current"},
    "engine": {"current", "target"},
    "post": {"target"},
}
# The gate before which no process can run the target release: after it the target's code is put in
# place, or its first engine is started.
_BEFORE_THE_TARGET = {"installed": "pre", "engine": "vhost", "post": "vhost"}


@dataclass(frozen=True)
class _Before:
    """The gate of a phase before which nothing runs the target; it may have been asked again."""

    phase: str
    first: datetime
    last: datetime

    @classmethod
    def of(cls, phase: str, earlier_gates: EarlierGates) -> "_Before | None":
        first, last = earlier_gates.first_opened(phase), earlier_gates.opened(phase)
        return cls(phase, first.finished_at, last.finished_at) if first and last else None


@check("services.versions", phases=["installed", "engine", "post"], guide="rolling 5, 8, cold 6")
def check_engines_run_their_release(
    placement: Placement,
    current_configuration: Configuration,
    target_configuration: Configuration,
    earlier_gates: EarlierGates,
    database: Database,
    gate: Judgement,
) -> None:
    """Each engine runs the release that it should run now."""
    isolation = isolation_of(gate.plan, current_configuration, target_configuration)
    if gate.mode == "cold" and gate.phase == "installed":
        _none_runs(placement, database, gate)
    elif isolation.apart_by_name:
        phase = "stopped" if gate.mode == "cold" else _BEFORE_THE_TARGET[gate.phase]
        _by_vhost(placement, isolation, _Before.of(phase, earlier_gates), gate)
    elif gate.mode == "cold":
        _by_start(placement, database, earlier_gates, target_configuration.host, gate)
    else:
        by_host = releases_by_host(gate.plan, current_configuration, target_configuration)
        before = _Before.of(_BEFORE_THE_TARGET[gate.phase], earlier_gates)
        _by_host(placement, by_host, before, gate)


def _none_runs(placement: Placement, database: Database, gate: Judgement) -> None:
    """A cold upgrade has stopped every engine before."""
    gate.looked_at(_engines(placement))
    for row in database.services:
        if row.alive:
            gate.block(
                f"engine {row.host} ({row.engine_id})",
                "runs, although a cold upgrade has stopped every engine",
                hint="Stop it before the schema is migrated.",
            )


def _by_vhost(
    placement: Placement, isolation: Isolation, before: "_Before | None", gate: Judgement
) -> None:
    """Where each release has a vhost of its own, that tells what an engine should run."""
    gate.looked_at(
        f"{_engines(placement)}, by the vhost they listen on and the time of their start"
    )
    releases: dict[str, SideName] = {isolation.old: "current", isolation.new: "target"}
    supported = []
    for engine in placement.engines:
        if len(engine.vhosts) != 1 or engine.vhosts[0] not in releases:
            gate.cannot_tell(
                f"the release of engine {engine} is unknown: it listens on "
                f"{', '.join(engine.vhosts) or 'no vhost that the broker shows this account'}; "
                f"expected is {isolation.old} or {isolation.new}: look into its log, then run this "
                "phase again"
            )
        elif (release := releases[engine.vhosts[0]]) not in _ALLOWED[gate.phase]:
            _wrong(engine, f"{release} release: it listens on vhost {engine.vhosts[0]}", gate)
        elif before is None or _fits(engine, release, before):
            supported.append(engine)
        else:
            _doubt(engine, release, f"its vhost {engine.vhosts[0]}", before, gate)
    _conclude(supported, "vhost", before, gate)


def _by_host(
    placement: Placement,
    by_host: Mapping[str, SideName],
    before: "_Before | None",
    gate: Judgement,
) -> None:
    """On one vhost the plan's hosts tell the release, where each has its own, and their start."""
    gate.looked_at(f"{_engines(placement)}, by the hosts that the plan gives each and their start")
    supported = []
    for engine in placement.engines:
        planned = by_host.get(engine.host.casefold())
        began_before = before is not None and engine.started_at <= before.first
        release = planned or ("current" if began_before else None)
        if release is None and (before is None or gate.phase == "installed"):
            gate.cannot_tell(
                f"the release of engine {engine} is unknown: both releases share a vhost, and its "
                "host is not one release's alone; list the hosts in current.engines and "
                "target.engines, and give the target's engines a [DEFAULT] host of their own"
            )
        elif release is None and before is not None:
            _doubt(engine, "target", "its start", before, gate)
        elif release not in _ALLOWED[gate.phase]:
            why = "the plan gives its host to that one" if planned else "its start tells"
            _wrong(engine, f"{release} release: {why}", gate)
        elif before is not None and _fits(engine, release, before):
            supported.append(engine)
        else:
            _doubt(engine, release, "the plan", before, gate)
    _conclude(supported, "host in the plan", before, gate)


def _fits(engine: Engine, release: SideName, before: "_Before") -> bool:
    """Whether the start of an engine supports what else tells its release."""
    if release == "current":
        return engine.started_at <= before.last
    return engine.started_at > before.first


def _doubt(
    engine: Engine, release: SideName, told_by: str, before: "_Before | None", gate: Judgement
) -> None:
    when = ""
    if before:
        after = "after" if release == "current" or told_by == "its start" else "before"
        when = f" {after} phase {before.phase} had opened,"
    gate.warn(
        f"engine {engine}",
        f"that it runs the {release} release is concluded from {told_by} alone; it was started"
        f"{when} at {engine.started_at:%Y-%m-%d %H:%M:%S} UTC",
        hint="Where the target's code took the place of the current one's, a restart is enough to "
        "run it: see on its host which release the heat-engine is that its service starts.",
        commands=[["heat-engine", "--version"]],
        data={"engine_id": engine.engine_id, "host": engine.host},
    )


def _conclude(
    engines: Iterable[Engine], told_by: str, before: "_Before | None", gate: Judgement
) -> None:
    """Heat tells nobody which release a process runs."""
    hosts = sorted({engine.host for engine in engines})
    if hosts:
        start = f" and the time of their start (phase {before.phase})" if before else ""
        gate.note(
            f"release of the engines on {counted(len(hosts), 'host')}",
            f"is concluded from their {told_by}{start}: no node was looked at",
            data={"hosts": hosts},
        )


def _wrong(engine: Engine, why: str, gate: Judgement) -> None:
    gate.block(
        f"engine {engine}",
        f"runs the {why}",
        hint="Stop it before the schema is migrated."
        if gate.phase == "installed"
        else "Upgrade it, then run this phase again.",
        data={"engine_id": engine.engine_id, "host": engine.host},
    )


def _by_start(
    placement: Placement,
    database: Database,
    earlier_gates: EarlierGates,
    looked_at: str,
    gate: Judgement,
) -> None:
    """Everything was stopped once, so what started later runs what its host has by now."""
    gate.looked_at(f"{_engines(placement)}, by their start, and the code of {looked_at}")
    alive = [row for row in database.services if row.alive]
    stopped = earlier_gates.opened("stopped")
    if stopped is None:
        gate.cannot_tell(
            "no gate of phase stopped has opened, so nothing shows that these engines were "
            f"started after the code was replaced ({earlier_gates.folder}); "
            "run each phase with the same --reports"
        )
        return
    for row in alive:
        if row.created_at < stopped.finished_at:
            gate.block(
                f"engine {row.host} ({row.engine_id})",
                f"has run since {row.created_at:%Y-%m-%d %H:%M:%S} UTC, before phase stopped; "
                "it runs the current release",
                hint="Stop it and start it with the target release.",
            )
    if unseen := sorted({row.host for row in alive} - {looked_at}):
        gate.warn(
            "code of other hosts",
            f"was not looked at: {', '.join(unseen)}; that their engines were started after phase "
            "stopped does not show that they run the target release",
            hint="See on each of them which release the heat-engine is that its service starts.",
            commands=[["heat-engine", "--version"]],
            data={"hosts": unseen},
        )


def _engines(placement: Placement) -> str:
    return counted(len(placement.engines), "live engine")
