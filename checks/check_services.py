"""Do the engines that should run report, each with the release it should have?"""

from collections import defaultdict

from heat_upgrade_checks.evidence.broker.connections import Connections
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import Database, ServiceRow
from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGates
from heat_upgrade_checks.evidence.site import SideName
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.clients import Role, in_doubt, role, tell_of_others
from heat_upgrade_checks.reading.engine_hosts import is_api, known_otherwise, not_moved
from heat_upgrade_checks.reading.placement import Placement, releases_by_host


@check("services.alive", phases=["pre", "post"], guide="prerequisites, rolling 8")
def check_engines_report(database: Database, gate: Judgement) -> None:
    """Every engine that should run has reported within two intervals."""
    gate.looked_at(database.extent)
    _judge_reports(database, gate)


@check("services.alive", phases=["engine"], guide="rolling 5")
def check_other_engines_carry_on(
    database: Database,
    placement: Placement,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """Every engine that should run has reported within two intervals."""
    old = current_configuration.vhost
    gate.looked_at(f"{database.extent}; {len(placement.on(old))} engine workers on vhost {old}")
    _judge_reports(database, gate)
    may_leave = not_moved(gate.plan, database, placement, target_configuration)
    if other_name := known_otherwise(gate.host, may_leave):
        gate.cannot_tell(other_name)
    elif all(row.host != gate.host for row in database.services):
        known = ", ".join(sorted({row.host for row in database.services})) or "none"
        gate.note(
            f"host {gate.host}",
            f"has no engine, so this gate is taken to be about its API; engine hosts: {known}",
        )
    if gate.plan.broker.isolation == "vhost":
        _judge_last(placement, old, gate)


def _judge_last(placement: Placement, old: str, gate: Judgement) -> None:
    """Engines on the new vhost carry nothing on for those who still use the old one."""
    here = [each for each in placement.engines if each.host == gate.host and old in each.vhosts]
    if not here or any(each.host != gate.host for each in placement.engines if old in each.vhosts):
        return
    both = (
        " Where only its API moves, name that by another name of the host in api.backends, such as "
        "its address, and give it as --host."
    )
    gate.block(
        f"engine host {gate.host}",
        f"has the last engine on vhost {old}; when it has stopped, nobody there answers an API or "
        "does what is left",
        hint="Move every API first, then ask phase last-engine, which looks at all that is left "
        f"on the old side.{both if is_api(gate.plan, gate.host) else ''}",
        commands=[["heat-upgrade-check", "--phase", "last-engine"]],
        data={"engine_ids": [each.engine_id for each in here]},
    )


def _judge_reports(database: Database, gate: Judgement) -> None:
    rows: dict[str, list[ServiceRow]] = defaultdict(list)
    for host in _listed_hosts(gate):
        rows[host] = []
    for row in database.services:
        rows[row.host].append(row)
    rows.pop(gate.host, None)
    for host, workers in sorted(rows.items()):
        _judge_host(host, workers, gate)
    if not any(row.alive for workers in rows.values() for row in workers):
        others = f" besides {gate.host}" if gate.host else ""
        gate.block(
            "heat-engine",
            f"no engine{others} is alive",
            hint="Start one, wait until it reports, and run this phase again.",
        )


def _listed_hosts(gate: Judgement) -> tuple[str, ...]:
    """Hosts that must have an engine now; between the steps some are rightly gone."""
    if gate.phase == "pre":
        return gate.plan.current.engines
    return gate.plan.target.engines if gate.phase == "post" else ()


def _judge_host(host: str, workers: list[ServiceRow], gate: Judgement) -> None:
    dead = [row for row in workers if not row.alive]
    needed = not _listed_hosts(gate) or host in _listed_hosts(gate)
    if len(dead) == len(workers) and needed:
        last = min((row.reported_seconds_ago for row in dead), default=None)
        gate.block(
            f"engine host {host}",
            "has no service row" if last is None else f"reported last {last:.0f} s ago",
            hint="Start its engine. If the host is gone for good, clean its service rows.",
            commands=[gate.heat_manage("service", "clean")],
            data={"engine_ids": [row.engine_id for row in dead]},
        )
    elif dead:
        gate.warn(
            f"engine host {host}",
            f"{len(dead)} of {len(workers)} workers do not report; they ended without a stop",
            hint="Look into its log for the reason, then clean the rows.",
            commands=[gate.heat_manage("service", "clean")],
            data={"engine_ids": [row.engine_id for row in dead]},
        )


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


@check("services.stopped", phases=["stopped"], guide="cold 1")
def check_nothing_of_heat_runs(
    database: Database, placement: Placement, connections: Connections, gate: Judgement
) -> None:
    """No engine and no API of Heat runs any more."""
    gate.looked_at(f"{database.extent}; {connections.extent}")
    for engine in placement.engines:
        reads = f" and reads its queue on vhost {', '.join(engine.vhosts)}" if engine.vhosts else ""
        gate.block(
            f"engine {engine}",
            f"has reported within two intervals{reads}",
            hint="Stop it. One that was killed counts as alive for two intervals: wait as long."
            if not engine.vhosts
            else "Stop it.",
            data={"engine_id": engine.engine_id, "host": engine.host},
        )
    for listener in placement.strangers:
        gate.block(
            f"engine {listener.engine_id}",
            f"reads its queue on vhost {listener.vhost}, though no service row of it is alive",
            hint="Find its process, a worker that outlived its master perhaps, and end it.",
            data={"engine_id": listener.engine_id},
        )
    for side in connections.sides:
        for client in side.clients:
            if role(client, side) in {Role.ENGINE, Role.API}:
                gate.block(
                    str(client),
                    f"has {client.connections} connections to vhost {side.vhost}",
                    hint=f"Stop it.{in_doubt(client)}",
                    data={"pid": client.pid, "peer_host": client.peer_host, "user": client.user},
                )
        tell_of_others(side, gate, "Find out what it is.")


@check("services.residue", phases=["post"], guide="rolling 8, cold 6")
def check_no_dead_engine_is_listed(database: Database, gate: Judgement) -> None:
    """No service row is left of an engine that does not run any more."""
    gate.looked_at(database.extent)
    for row in database.services:
        if not row.alive:
            gate.warn(
                f"engine {row.host} ({row.engine_id})",
                f"reported last {row.reported_seconds_ago:.0f} s ago and did not end cleanly",
                hint="Where it is gone for good, clean the rows: they change nothing, but hide "
                "an engine that is missing.",
                commands=[gate.heat_manage("service", "clean")],
                data={"engine_id": row.engine_id, "host": row.host},
            )


# Seconds. Heat compares its engines' reports with the clock of whoever asks.
_CLOCKS_DIFFER, _CLOCKS_ARE_WRONG = 2, 30


@check("services.clock", phases=["pre"], guide="prerequisites")
def check_clocks_agree(database: Database, gate: Judgement) -> None:
    """The clocks of the database's server, of the engines and of this machine agree."""
    gate.looked_at(
        f"the clocks of {database.server}, of this machine and of {len(database.services)} "
        "engine workers by their last report"
    )
    skew = (database.clock - database.local_clock).total_seconds()
    _judge_clock("this machine", -skew, gate)
    for row in database.services:
        # A report from the future tells how far that clock is ahead, one from the past nothing.
        _judge_clock(f"engine {row.host} ({row.engine_id})", -row.reported_seconds_ago, gate, False)


def _judge_clock(whose: str, ahead: float, gate: Judgement, behind_counts: bool = True) -> None:
    off = abs(ahead) if behind_counts else ahead
    if off < _CLOCKS_DIFFER:
        return
    say = gate.block if off >= _CLOCKS_ARE_WRONG else gate.warn
    say(
        f"clock of {whose}",
        f"is {off:.0f} s {'ahead of' if ahead > 0 else 'behind'} that of the database's server",
        hint="Synchronize both with NTP: who is alive and what has timed out is told by them.",
        data={"seconds_ahead": round(ahead, 3)},
    )
