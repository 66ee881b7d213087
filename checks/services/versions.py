from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGates
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.reading.isolation import Isolation, isolation_of
from heat_upgrade_checks.reading.placement import Placement, releases_by_host

_ALLOWED: dict[str, set[SideName]] = {
    "installed": {"current"},
    "engine": {"current", "target"},
    "post": {"target"},
}


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
        _by_vhost(placement, isolation, gate)
    elif gate.mode == "cold":
        _by_start(placement, database, earlier_gates, target_configuration.host, gate)
    else:
        by_host = releases_by_host(gate.plan, current_configuration, target_configuration)
        _by_host(placement, by_host, gate)


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


def _by_vhost(placement: Placement, isolation: Isolation, gate: Judgement) -> None:
    """Where each release has a vhost of its own, that tells what an engine runs."""
    gate.looked_at(f"{_engines(placement)}, by the vhost they listen on")
    releases: dict[str, SideName] = {isolation.old: "current", isolation.new: "target"}
    for engine in placement.engines:
        if len(engine.vhosts) != 1 or engine.vhosts[0] not in releases:
            gate.cannot_tell(
                f"the release of engine {engine} is unknown: it listens on "
                f"{', '.join(engine.vhosts) or 'no vhost that the broker shows this account'}; "
                f"expected is {isolation.old} or {isolation.new}: look into its log, then run this "
                "phase again"
            )
        elif (release := releases[engine.vhosts[0]]) not in _ALLOWED[gate.phase]:
            gate.block(
                f"engine {engine}",
                f"runs the {release} release: it listens on vhost {engine.vhosts[0]}",
                hint=_right_release(gate),
                data={"engine_id": engine.engine_id, "host": engine.host},
            )


def _by_host(placement: Placement, by_host: dict[str, SideName], gate: Judgement) -> None:
    """On one vhost only the engines' hosts tell their release, where each release has its own."""
    gate.looked_at(f"{_engines(placement)}, by the hosts that the plan gives each release")
    for engine in placement.engines:
        release = by_host.get(engine.host.casefold())
        if release is None:
            gate.cannot_tell(
                f"the release of engine {engine} is unknown: both releases share a vhost, and its "
                "host is not one release's alone; list the hosts in current.engines and "
                "target.engines, and give the target's engines a [DEFAULT] host of their own"
            )
        elif release not in _ALLOWED[gate.phase]:
            gate.block(
                f"engine {engine}",
                f"runs the {release} release: the plan gives its host to that one",
                hint=_right_release(gate),
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
    gate.looked_at(
        f"{_engines(placement)}, by the time of their start, and the code of {looked_at}"
    )
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
    return f"{len(placement.engines)} live engines"


def _right_release(gate: Judgement) -> str:
    if gate.phase == "installed":
        return "Stop it before the schema is migrated."
    return "Upgrade it, then run this phase again."
