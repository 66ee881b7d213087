from collections import defaultdict

from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import Database, ServiceRow
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.engine_hosts import is_api, known_otherwise, not_moved
from heat_upgrade_checks.reading.isolation import isolation_of
from heat_upgrade_checks.reading.placement import Placement


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
    isolation = isolation_of(gate.plan, current_configuration, target_configuration).settled()
    old = isolation.old
    gate.looked_at(f"{database.extent}; {len(placement.on(old))} engine workers on vhost {old}")
    _judge_reports(database, gate)
    may_leave = not_moved(gate.plan, database, placement, isolation)
    if other_name := known_otherwise(gate.host, may_leave):
        gate.cannot_tell(other_name)
    elif all(row.host != gate.host for row in database.services):
        known = ", ".join(sorted({row.host for row in database.services})) or "none"
        gate.note(
            f"host {gate.host}",
            f"has no engine, so this gate is taken to be about its API; engine hosts: {known}",
        )
    if not isolation.shared:
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
