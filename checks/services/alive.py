from collections.abc import Collection

from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import Database, ServiceRow
from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGate, EarlierGates
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.engine_hosts import (
    is_api,
    known_otherwise,
    leaving,
    not_moved,
    of_host,
)
from heat_upgrade_checks.reading.isolation import Isolation, isolation_of
from heat_upgrade_checks.reading.placement import Placement, releases_by_host
from heat_upgrade_checks.wording import counted, some


@check("services.alive", phases=["pre"], guide="prerequisites")
def check_engines_work(database: Database, placement: Placement, gate: Judgement) -> None:
    """Every engine that should run has reported within two intervals and reads its queues."""
    gate.looked_at(_extent(database, placement))
    _judge_engines(database, placement, (), gate)


@check("services.alive", phases=["post"], guide="cold 6, rolling 8")
def check_engines_are_back(
    database: Database, placement: Placement, earlier_gates: EarlierGates, gate: Judgement
) -> None:
    """Every engine that should run has reported within two intervals and reads its queues."""
    before = earlier_gates.with_engines("pre")
    if before is None:
        compared = "no gate of phase pre tells which hosts had engines"
    else:
        told = counted(len(before.engine_hosts), "engine host")
        compared = f"compared with the {told} of {before.folder}"
        _judge_gone(before, database, gate)
    gate.looked_at(f"{_extent(database, placement)}; {compared}")
    _judge_engines(database, placement, (), gate)


@check("services.alive", phases=["engine"], guide="rolling 5")
def check_other_engines_carry_on(
    database: Database,
    placement: Placement,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """Every engine that should run has reported within two intervals and reads its queues."""
    isolation = isolation_of(gate.plan, current_configuration, target_configuration).settled()
    gate.looked_at(
        f"{_extent(database, placement)}; {len(placement.on(isolation.old))} engine workers on "
        f"vhost {isolation.old}"
    )
    gone = leaving(gate.host, gate.plan, database, placement, isolation)
    _judge_engines(database, placement, gone, gate)
    if other_name := known_otherwise(
        gate.host, not_moved(gate.plan, database, placement, isolation)
    ):
        gate.cannot_tell(other_name)
    elif not gone:
        known = ", ".join(sorted({row.host for row in database.services})) or "none"
        gate.note(
            f"host {gate.host}",
            f"has no engine, so this gate is taken to be about its API; engine hosts: {known}",
        )
    if not isolation.shared:
        _judge_last(placement, isolation.old, gone, gate)


@check("services.alive", phases=["last-engine"], guide="rolling 7")
def check_somebody_takes_over(
    database: Database,
    placement: Placement,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """Every engine that should run has reported within two intervals and reads its queues."""
    isolation = isolation_of(gate.plan, current_configuration, target_configuration).settled()
    gate.looked_at(_extent(database, placement))
    _judge_engines(database, placement, (), gate)
    if isolation.shared:
        by_host = releases_by_host(gate.plan, current_configuration, target_configuration)
        known = {host for host, release in by_host.items() if release == "target"}
        taking_over = {each.host.casefold() for each in placement.engines if each.vhosts} & known
        where = "its hosts by the plan are: " + (", ".join(sorted(known)) or "not known")
    else:
        taking_over = placement.on(isolation.new)
        where = f"its vhost is {isolation.new}"
    if not taking_over:
        gate.block(
            "engines of the target release",
            f"none works; {where}. When the last old engine has stopped, nobody takes work over",
            hint="Start one, wait until it reports and reads its queues, and run this phase again."
            if not isolation.shared
            else "Start one on a host of its own ([DEFAULT] host), and list the hosts of both as "
            "current.engines and target.engines in the plan.",
        )
    elif isolation.shared:
        gate.note(
            "engines of the target release",
            f"that these are is concluded from the plan: {', '.join(sorted(taking_over))}",
        )
    else:
        _judge_named_hosts(placement, isolation, gate)


def _extent(database: Database, placement: Placement) -> str:
    reading = sum(bool(engine.vhosts) for engine in placement.engines)
    return f"{database.extent}; {reading} live engine workers read their queues"


def _judge_named_hosts(placement: Placement, isolation: Isolation, gate: Judgement) -> None:
    """A host whose old engine still runs may get its new one after it."""
    placed = {each.host.casefold() for each in placement.engines if each.vhosts}
    for host in gate.plan.target.engines:
        if host.casefold() not in placed:
            gate.warn(
                f"engine host {host}",
                f"has no engine that works, on vhost {isolation.new} or {isolation.old}",
                hint="Start its engine of the target release first, unless the others can carry "
                "the load.",
            )


def _judge_gone(before: EarlierGate, database: Database, gate: Judgement) -> None:
    """A clean stop leaves no service row: what was there before is all that tells of a host."""
    if gate.plan.target.engines:
        return
    left = {row.host.lower() for row in database.services}
    gone = [host for host in before.engine_hosts if host.lower() not in left]
    if not gone:
        return
    # The other release may name its hosts otherwise, and each new pod has a name of its own.
    now = len({row.host for row in database.services if row.alive})
    if now >= len(before.engine_hosts):
        gate.note(
            f"engine hosts of {before.folder}",
            f"{some(gone, 5)} had an engine then and no more; {counted(now, 'host')} have one now, "
            "under other names",
            data={"hosts": gone},
        )
        return
    for host in gone:
        gate.warn(
            f"engine host {host}",
            f"had an engine in {before.folder} and has none now",
            hint="Start its engine. If it was taken away for good, list the hosts that stay in "
            "target.engines of the plan.",
        )


def _judge_last(
    placement: Placement, old: str, gone: Collection[ServiceRow], gate: Judgement
) -> None:
    """Engines on the new vhost carry nothing on for those who still use the old one."""
    ids = {row.engine_id for row in gone}
    on_old = [each for each in placement.engines if old in each.vhosts]
    here = [each for each in on_old if each.engine_id in ids]
    if not here or len(on_old) > len(here):
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


def _judge_engines(
    database: Database, placement: Placement, gone: Collection[ServiceRow], gate: Judgement
) -> None:
    """A report alone shows little: one that was killed counts as alive for two intervals."""
    ids = {row.engine_id for row in gone}
    reading = {engine.engine_id for engine in placement.engines if engine.vhosts}
    staying = [row for row in database.services if row.engine_id not in ids]
    rows: dict[str, list[ServiceRow]] = {
        host: of_host(host, staying) for host in _listed_hosts(gate)
    }
    told = {row.engine_id for workers in rows.values() for row in workers}
    for row in staying:
        if row.engine_id not in told:
            rows.setdefault(row.host, []).append(row)
    for host, workers in sorted(rows.items()):
        _judge_host(host, workers, gate)
    for row in staying:
        if row.alive and row.engine_id not in reading:
            gate.cannot_tell(
                f"engine {row.host} ({row.engine_id}) reported {row.reported_seconds_ago:.0f} s "
                "ago, but reads no queue that the broker shows this account; it may have ended or "
                "lost the broker: look into its log, then run this phase again"
            )
    if not any(row.alive for row in staying):
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
    listed = _listed_hosts(gate)
    if len(dead) == len(workers) and (not listed or host in listed):
        last = min((row.reported_seconds_ago for row in dead), default=None)
        # Who takes over is judged by itself when the last old engine is to stop.
        say = gate.warn if gate.phase == "last-engine" else gate.block
        say(
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
