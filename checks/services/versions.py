from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGates
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.reading.placement import Placement, releases_by_host


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
    engines = f"{len(placement.engines)} live engines"
    old, new = current_configuration.vhost, target_configuration.vhost
    if gate.mode == "cold" and gate.phase == "installed":
        gate.looked_at(engines)
        _judge_stopped(database, gate)
        return
    if gate.mode == "cold" and old == new:
        looked_at = target_configuration.host
        gate.looked_at(f"{engines}, by the time of their start, and the code of {looked_at}")
        _judge_cold(database, earlier_gates, looked_at, gate)
        return
    if old == new:
        gate.looked_at(f"{engines}, by the hosts that the plan gives each release")
        by_host = releases_by_host(gate.plan, current_configuration, target_configuration)
        _judge_shared(placement, by_host, gate)
        return
    gate.looked_at(f"{engines}, by the vhost they listen on")
    allowed = {"installed": {old}, "engine": {old, new}, "post": {new}}[gate.phase]
    for engine in placement.engines:
        if len(engine.vhosts) != 1 or engine.vhosts[0] not in {old, new}:
            gate.cannot_tell(
                f"the release of engine {engine} is unknown: it listens on "
                f"{', '.join(engine.vhosts) or 'no vhost that the broker shows this account'}; "
                f"expected is {old} or {new}: look into its log, then run this phase again"
            )
        elif engine.vhosts[0] not in allowed:
            gate.block(
                f"engine {engine}",
                f"runs the {'target' if engine.vhosts[0] == new else 'current'} release: "
                f"it listens on vhost {engine.vhosts[0]}",
                hint=_right_release(gate),
                data={"engine_id": engine.engine_id, "host": engine.host},
            )


def _right_release(gate: Judgement) -> str:
    if gate.phase == "installed":
        return "Stop it before the schema is migrated."
    return "Upgrade it, then run this phase again."


def _judge_shared(placement: Placement, by_host: dict[str, SideName], gate: Judgement) -> None:
    """On one vhost only the engines' hosts tell their release, where each release has its own."""
    allowed = {"installed": {"current"}, "engine": {"current", "target"}, "post": {"target"}}
    for engine in placement.engines:
        release = by_host.get(engine.host)
        if release is None:
            gate.cannot_tell(
                f"the release of engine {engine} is unknown: both releases share a vhost, and its "
                "host is not one release's alone; list the hosts in current.engines and "
                "target.engines, and give the target's engines a [DEFAULT] host of their own"
            )
        elif release not in allowed[gate.phase]:
            gate.block(
                f"engine {engine}",
                f"runs the {release} release: the plan gives its host to that one",
                hint=_right_release(gate),
                data={"engine_id": engine.engine_id, "host": engine.host},
            )


def _judge_stopped(database: Database, gate: Judgement) -> None:
    for row in database.services:
        if row.alive:
            gate.block(
                f"engine {row.host} ({row.engine_id})",
                "runs, although a cold upgrade has stopped every engine",
                hint="Stop it before the schema is migrated.",
            )


def _judge_cold(
    database: Database, earlier_gates: EarlierGates, looked_at: str, gate: Judgement
) -> None:
    """Everything was stopped once, so what started later runs what its host has by now."""
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
