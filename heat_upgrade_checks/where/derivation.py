"""What the sources answered, put together to where the upgrade stands.

The journal of gates is no source: it tells what was asked, not what was done.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker.connections import Client, Connections, VhostClients
from heat_upgrade_checks.evidence.broker.listeners import Broker
from heat_upgrade_checks.evidence.broker.old_queues import OldQueues
from heat_upgrade_checks.evidence.broker.waiting_messages import WaitingMessages
from heat_upgrade_checks.evidence.code.migration_files import Migrations
from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.live_schema import LiveSchema
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.heat import releases
from heat_upgrade_checks.heat.queues import addressed_engine, holds_work
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.plan import Plan, Side
from heat_upgrade_checks.reading.clients import Role, only_sends, role
from heat_upgrade_checks.reading.isolation import Isolation, isolation_of
from heat_upgrade_checks.reading.placement import (
    Engine,
    Placement,
    not_told,
    place,
    releases_by_host,
)
from heat_upgrade_checks.reading.work import Work, work_in_flight
from heat_upgrade_checks.where.position import (
    ApiProcess,
    EngineGroup,
    Position,
    ReleaseSide,
    Section,
)
from heat_upgrade_checks.where.schema import schema_of

# What every position rests on; the others tell only of a target that is installed.
_ALWAYS = (
    "current_configuration",
    "database",
    "broker",
    "connections",
    "old_queues",
    "waiting_work",
)
_OF_THE_TARGET = ("target_configuration", "target_release")


@dataclass(frozen=True)
class Evidence:
    """What the sources answered, each under its own name.

    A source that gave no facts is None here and has its reason in `unobserved`. `absent` is what
    the plan does not name of the target release yet, or names and is not there.
    """

    current_configuration: Configuration | None = None
    target_configuration: Configuration | None = None
    current_release: Release | None = None
    target_release: Release | None = None
    database: Database | None = None
    live_schema: LiveSchema | None = None
    target_migrations: Migrations | None = None
    broker: Broker | None = None
    connections: Connections | None = None
    old_queues: OldQueues | None = None
    waiting_work: WaitingMessages | None = None
    unobserved: Mapping[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


def position(plan: Plan, evidence: Evidence) -> Position:
    """Put together what the sources answered."""
    old, new = evidence.current_configuration, evidence.target_configuration
    queues, clients = evidence.old_queues, evidence.connections
    # Read between two looks at the queues, so that no work slips from one to the other unseen.
    database = queues.database if queues and queues.database else evidence.database
    isolation = isolation_of(plan, old, new)
    shared = plan.mode == "rolling" and isolation.shared
    current, target = _sides(plan, evidence)
    engines: tuple[EngineGroup, ...] | None = None
    messages: int | None = None
    work: tuple[Work, ...] | None = None
    ending: tuple[str, ...] = ()
    orphaned = 0
    placement, unplaced = _placement(database, evidence.broker)
    if database and placement and old:
        by_host = releases_by_host(plan, old, new)
        engines = tuple(_groups(placement, database, by_host, current.vhost, target.vhost))
        ending = tuple(_ending(placement, clients, {current.vhost, target.vhost}))
        if queues:
            messages, orphaned = _waiting(queues, engines, shared)
        if waiting := evidence.waiting_work:
            read = _read_now(waiting, messages, engines, current.vhost, target.vhost)
            work = tuple(work_in_flight(database, placement, read))
    sections: dict[Section, object] = {
        "engines": engines,
        "apis": clients,
        "messages": messages,
        "work": work,
    }
    return Position(
        mode=plan.mode,
        shared=shared,
        contradicted=bool(isolation.contradiction),
        absent=evidence.absent,
        current=current,
        target=target,
        worker_rpc=(_rpc(evidence.current_release), _rpc(evidence.target_release)),
        schema=schema_of(
            database,
            (current.name, evidence.current_release),
            (target.name, evidence.target_release),
            evidence.target_migrations,
            evidence.live_schema,
            evidence.unobserved,
        ),
        engines=engines or (),
        apis=tuple(_apis(clients)) if clients else (),
        others=tuple(_strangers(clients)) if clients else (),
        messages=messages,
        orphaned=orphaned,
        work=work or (),
        unknown=(*_unknown(plan, evidence, isolation), *unplaced, *ending),
        unseen=frozenset(name for name, found in sections.items() if found is None),
    )


def _placement(
    database: Database | None, broker: Broker | None
) -> tuple[Placement | None, tuple[str, ...]]:
    """Where the engines work; None where a source is missing, or with the reason why."""
    if database is None or broker is None:
        return None, ()
    try:
        return place(database.services, broker.listeners), ()
    except Unobserved as reason:
        return None, (str(reason),)


def _unknown(plan: Plan, evidence: Evidence, isolation: Isolation) -> Iterator[str]:
    needed = _ALWAYS if evidence.absent else (*_ALWAYS, *_OF_THE_TARGET)
    yield from dict.fromkeys(
        evidence.unobserved[name] for name in needed if name in evidence.unobserved
    )
    old, new = evidence.current_configuration, evidence.target_configuration
    if old and new and not plan.broker.management and not {*old.brokers} & {*new.brokers}:
        yield (
            f"vhost {new.vhost} is on other brokers ({', '.join(new.brokers)}) than the current "
            "release's; give the URLs of their management API as broker.management in the plan"
        )
    elif isolation.alike and plan.mode == "rolling":
        yield isolation.alike


def _sides(plan: Plan, evidence: Evidence) -> tuple[ReleaseSide, ReleaseSide]:
    clients = evidence.connections
    current = _side(
        plan.current,
        "the current release",
        evidence.current_release,
        evidence.current_configuration,
        clients.old if clients else None,
    )
    target = _side(
        plan.target,
        "the target release",
        evidence.target_release,
        evidence.target_configuration,
        clients.new if clients else None,
    )
    if current.name != target.name:
        return current, target
    # A later point release of the same series.
    return _by_version(current), _by_version(target)


def _side(
    plan: Side,
    words: str,
    release: Release | None,
    configuration: Configuration | None,
    clients: VhostClients | None,
) -> ReleaseSide:
    version, series = (release.version, release.series) if release else ("", "")
    if not version and plan.version is not None:
        parsed = releases.parse(plan.version)
        version, series = str(parsed.version), parsed.series
    return ReleaseSide(
        name=series or words,
        version=version,
        series=series,
        vhost=configuration.vhost if configuration else "",
        vhost_exists=clients.exists if clients else None,
    )


def _by_version(side: ReleaseSide) -> ReleaseSide:
    return ReleaseSide(
        side.version or side.name, side.version, side.series, side.vhost, side.vhost_exists
    )


def _rpc(release: Release | None) -> str:
    return release.worker_rpc if release else ""


def _groups(
    placement: Placement,
    database: Database,
    by_host: Mapping[str, SideName],
    old: str,
    new: str,
) -> Iterator[EngineGroup]:
    found: dict[tuple[str, SideName | None, tuple[str, ...]], list[str]] = defaultdict(list)
    for engine in placement.engines:
        if engine.vhosts:
            release = by_host.get(engine.host.casefold()) or _by_vhost(engine, old, new)
            found[engine.host, release, engine.vhosts].append(engine.engine_id)
    for (host, release, vhosts), ids in sorted(found.items(), key=str):
        yield EngineGroup(host, release, vhosts, tuple(ids), tuple(_held(database, set(ids))))


def _by_vhost(engine: Engine, old: str, new: str) -> SideName | None:
    """The release whose own vhost it is; a vhost that both use tells nothing."""
    of_vhosts: dict[tuple[str, ...], SideName] = {}
    if old != new:
        of_vhosts = {(old,): "current", (new,): "target"}
    return of_vhosts.get(engine.vhosts)


def _held(database: Database, engine_ids: set[str]) -> Iterator[str]:
    for stack in database.in_flight:
        for resource in stack.resources:
            if resource.engine_id in engine_ids:
                yield f"{resource.name} of stack {stack.name} ({stack.id})"
        if stack.lock in engine_ids:
            yield f"the lock of stack {stack.name} ({stack.id})"


def _ending(
    placement: Placement, connections: Connections | None, vhosts: set[str]
) -> Iterator[str]:
    """Engines of which only a part is seen: those that start, end, or were killed or lost."""
    again = "it starts or ends, or was killed: ask again after two of its report intervals"
    for engine in placement.engines:
        if not engine.vhosts:
            yield (
                f"engine {engine} reports, but reads no queue that the broker shows this account; "
                f"{again}"
            )
    for listener in placement.uncounted:
        if listener.vhost in vhosts:
            yield not_told(listener)
    working = {vhost for engine in placement.engines for vhost in engine.vhosts}
    for listener in placement.strangers:
        if listener.vhost in vhosts:
            working.add(listener.vhost)
            yield (
                f"engine {listener.engine_id} reads its queue on vhost {listener.vhost}, but no "
                "live service row is its; it starts or ends: ask again, and if it stays find its "
                "process and end it"
            )
    if connections is None:
        return
    for side in connections.sides:
        for client in side.clients:
            if (
                role(client, side) is Role.ENGINE
                and side.vhost not in working
                and not only_sends(client, connections)
            ):
                yield (
                    f"{client} is connected to vhost {side.vhost}, where no engine works; it "
                    "starts or ends: ask again, and if it stays find its process and end it"
                )


def _waiting(
    queues: OldQueues, engines: Iterable[EngineGroup], shared: bool
) -> tuple[int | None, int]:
    """Messages for engines on the old vhost, and those for engines that are gone.

    Of several samples the fullest counts. On a shared vhost the common queues are read by either
    release, so only those of the current release's own engines count.
    """
    readers = {
        engine_id
        for group in engines
        if not shared or group.release == "current"
        for engine_id in group.engine_ids
    }
    alive = {engine_id for group in engines for engine_id in group.engine_ids}
    fullest: dict[str, float] = {}
    for sample in queues.samples:
        for queue in sample.queues:
            told = queue.ready is not None and queue.unacknowledged is not None
            count = (queue.ready or 0) + (queue.unacknowledged or 0) if told else float("inf")
            fullest[queue.name] = max(count, fullest.get(queue.name, 0))
    waiting, orphaned = 0.0, 0.0
    for name, count in fullest.items():
        owner = addressed_engine(name)
        if not holds_work(name):
            continue
        if owner is not None and owner not in alive:
            orphaned += count
        elif owner in readers or (owner is None and not shared):
            waiting += count
    if waiting + orphaned == float("inf"):
        return None, 0
    return int(waiting), int(orphaned)


def _read_now(
    waiting: WaitingMessages,
    messages: int | None,
    engines: Iterable[EngineGroup],
    old: str,
    new: str,
) -> int:
    """Messages in the queues that engines read now: work that nobody holds may be among them."""
    vhosts = {vhost for group in engines for vhost in group.vhosts}
    if old == new:
        return waiting.current if vhosts else 0
    read = (waiting.current if messages is None else messages) if old in vhosts else 0
    return read + ((waiting.target or 0) if new in vhosts else 0)


def _apis(connections: Connections) -> Iterator[ApiProcess]:
    apart = connections.new is None or connections.new.vhost != connections.old.vhost
    for side in connections.sides:
        release: SideName | None = "current" if apart and side is connections.old else None
        for client in side.clients:
            if role(client, side) is Role.API:
                yield ApiProcess(client, side.vhost, release)


def _strangers(connections: Connections) -> Iterator[Client]:
    for side in connections.sides:
        yield from (client for client in side.clients if role(client, side) is Role.UNKNOWN)
