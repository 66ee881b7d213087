from collections.abc import Iterable

from heat_upgrade_checks.evidence.broker.connections import Connections
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import Database, ServiceRow
from heat_upgrade_checks.evidence.stacks.in_flight import StackInFlight
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.reading.engine_hosts import (
    has_api,
    known_otherwise,
    leaving,
    not_moved,
    of_host,
)
from heat_upgrade_checks.reading.isolation import isolation_of
from heat_upgrade_checks.reading.placement import Placement
from heat_upgrade_checks.reading.unnamed_engines import at_its_hooks, at_its_snapshots
from heat_upgrade_checks.reading.work import State, Work, remedy, work_in_flight
from heat_upgrade_checks.wording import counted, some

from . import look_at

_NAMED = 3


@check("stacks.held-by-host", phases=["engine"], guide="rolling 5-6")
def check_the_host_holds_no_work(
    database: Database,
    placement: Placement,
    connections: Connections,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """The engines that are taken away hold no resource and no lock."""
    isolation = isolation_of(gate.plan, current_configuration, target_configuration).settled()
    rows = of_host(gate.host, database.services)
    # A host's new engine may run beside the old one that is taken away.
    gone = leaving(gate.host, gate.plan, database, placement, isolation)
    stay = len({row.engine_id for row in rows} - {row.engine_id for row in gone})
    look_at(
        database,
        gate,
        f"; {counted(len(gone), 'engine worker')} on {gate.host}"
        + (f", and {stay} of the target release, which stay" if stay else ""),
    )
    may_leave = not_moved(gate.plan, database, placement, isolation)
    if other_name := known_otherwise(gate.host, may_leave):
        gate.cannot_tell(other_name)
    elif not rows and not has_api(gate.plan, gate.host, connections):
        known = ", ".join(sorted({row.host for row in database.services})) or "none"
        gate.cannot_tell(
            f"no service row knows a host {gate.host}; hosts of engines are: {known}. Give one of "
            "them as --host, or, for an API's host, list its URL as api.backends in the plan, or "
            "give the address from which the broker sees it"
        )
    _judge_held([row for row in gone if row.alive], database, current_configuration, gate)
    lost = [work for work in work_in_flight(database, placement, 0) if work.state is State.LOST]
    for row in gone:
        if not row.alive:
            _judge_lost(row, [work for work in lost if row.engine_id in work.stack.holders], gate)


@check("stacks.held-by-host", phases=["last-engine"], guide="rolling 7")
def check_the_old_engines_hold_no_work(
    database: Database,
    placement: Placement,
    current_configuration: Configuration,
    target_configuration: Configuration,
    gate: Judgement,
) -> None:
    """The engines that are taken away hold no resource and no lock."""
    isolation = isolation_of(gate.plan, current_configuration, target_configuration).settled()
    if isolation.shared:
        gate.not_applicable("on a shared vhost the broker does not tell which engines are the old")
    old = placement.on(isolation.old)
    rows = [row for row in database.services if row.engine_id in old]
    look_at(database, gate, f"; {counted(len(rows), 'engine worker')} on the old vhost")
    _judge_held(rows, database, current_configuration, gate)


def _judge_held(
    rows: Iterable[ServiceRow], database: Database, configuration: Configuration, gate: Judgement
) -> None:
    grace = configuration.graceful_shutdown_timeout
    for row in rows:
        held = [words for stack in database.in_flight for words in _held(stack, row.engine_id)]
        held += [
            f"perhaps the pause of {resource.name} of stack {stack.name} at its hook "
            f"{resource.hook}, for {resource.age:.0f} s"
            for stack in database.in_flight
            for resource in at_its_hooks(stack, database).get(row.engine_id, ())
        ]
        held += [
            f"perhaps the deletion of snapshot {deletion.name} of stack {stack.name}, "
            f"for {deletion.age:.0f} s"
            for stack in database.in_flight
            for deletion in at_its_snapshots(stack, database).get(row.engine_id, ())
        ]
        if not held:
            continue
        obj, what = f"engine {row.host} ({row.engine_id})", f"holds {some(held, _NAMED)}"
        data = {"engine_id": row.engine_id, "host": row.host, "held": held}
        if grace:
            gate.block(
                obj,
                f"{what}; when it is stopped it gives up after {grace} s as heat.conf has it, or "
                "sooner where its service manager, which was not seen, ends it before, and leaves "
                "them for ever",
                hint="Wait until it holds nothing (--wait), or raise graceful_shutdown_timeout and "
                "the service manager's own limit, such as TimeoutStopSec of its unit.",
                data=data,
            )
        else:
            gate.warn(
                obj,
                f"{what}; heat.conf lets its stop wait for them without limit "
                "(graceful_shutdown_timeout = 0), but its service manager, which was not seen, may "
                "end it before",
                hint="See that the service manager waits as long.",
                data=data,
            )


def _judge_lost(row: ServiceRow, lost: list[Work], gate: Judgement) -> None:
    if not lost:
        return
    held = [words for work in lost for words in _held(work.stack, row.engine_id)]
    hint, _ = remedy(lost[0])
    roots = {work.root.id: work for work in lost}
    gate.block(
        f"engine {row.host} ({row.engine_id})",
        f"is dead and holds {some(held, _NAMED)}; nobody works on it any more",
        hint=hint,
        commands=[command for work in roots.values() for command in remedy(work)[1]],
        data={"engine_id": row.engine_id, "host": row.host, "held": held},
    )


def _held(stack: StackInFlight, engine_id: str) -> list[str]:
    if stack.abandoned:
        return []
    held = [
        f"{resource.name} of stack {stack.name} for {resource.age:.0f} s"
        for resource in stack.resources
        if resource.engine_id == engine_id
    ]
    return held + ([f"the lock of stack {stack.name}"] if stack.lock == engine_id else [])
