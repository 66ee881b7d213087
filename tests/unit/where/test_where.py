"""Where an upgrade stands, at every point of both modes and after each way to leave the guide."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from heat_upgrade_checks.evidence import gather
from heat_upgrade_checks.evidence.broker.connections import Client, Connections, VhostClients
from heat_upgrade_checks.evidence.broker.listeners import Broker, Listener
from heat_upgrade_checks.evidence.broker.old_queues import OldQueues, Queue, Sample
from heat_upgrade_checks.evidence.broker.waiting_messages import WaitingMessages
from heat_upgrade_checks.evidence.code.migration_files import Migrations
from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.live_schema import LiveSchema
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.gather import Observation
from heat_upgrade_checks.evidence.stacks.in_flight import StackInFlight
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.schema.description import Column, Table
from heat_upgrade_checks.schema.migrations import CREATES_TABLE, Migration, Operation
from heat_upgrade_checks.where import command
from heat_upgrade_checks.where.cold import COLD
from heat_upgrade_checks.where.derivation import Evidence, position
from heat_upgrade_checks.where.next_step import Step, next_step
from heat_upgrade_checks.where.position import Position
from heat_upgrade_checks.where.rolling import ROLLING
from heat_upgrade_checks.where.rules import Kind, Rule
from heat_upgrade_checks.where.schema import At, Schema
from heat_upgrade_checks.where.telling import document, text
from tests.driver import call
from tests.facts import NEW, OLD, a_database, a_row, a_stack
from tests.judging import NOW, plan

HEAD_25, HEAD_26 = "c6214ca60943", "97b2a986f922"
SAFE, REPAIR, UNKNOWN = Kind.SAFE, Kind.REPAIR, Kind.UNKNOWN


def _release(version: str, series: str, head: str, worker_rpc: str) -> Release:
    return Release(version, series, "/v/bin/python", "3.11", (head,), None, "1.36", worker_rpc)


RELEASE_25 = _release("25.0.2", "2025.2", HEAD_25, "1.4")
RELEASE_26 = _release("26.0.2", "2026.1", HEAD_26, "1.9")


def _expands(table: str, column: str = "") -> Operation:
    does = f"adds column {column}" if column else CREATES_TABLE
    return Operation("expand", table, (column,) if column else (), (), does, "", 1)


MIGRATIONS = Migrations(
    "/v/bin/python",
    (
        Migration(HEAD_25, (), "a.py", (_expands("stack"),)),
        Migration("d2db381e3324", (HEAD_25,), "b.py", (_expands("sync_point", "extra_data"),)),
        Migration("88be64598c0f", ("d2db381e3324",), "c.py", (_expands("resource_snapshot"),)),
        Migration(HEAD_26, ("88be64598c0f",), "d.py", (_expands("snapshot", "action"),)),
    ),
)


def _tables(*more: str) -> LiveSchema:
    """A schema of 25, with tables or `table.column` added."""
    columns = {"stack": ["id"], "sync_point": ["id"], "snapshot": ["id"]}
    for name in more:
        table, _, column = name.partition(".")
        columns.setdefault(table, ["id"]).append(column or "x")
    return LiveSchema(
        "heat",
        "mysql",
        tuple(
            Table(name, tuple(Column(c, "TEXT", True, False, False) for c in cs), (), ())
            for name, cs in columns.items()
        ),
    )


@dataclass(frozen=True)
class World:
    """A deployment; engines are `host@vhost`, and e-<host> is the id of the one worker of each."""

    engines: tuple[str, ...] = (f"control1@{OLD}",)
    apis: tuple[str, ...] = (OLD,)
    revision: str = HEAD_25
    tables: LiveSchema = field(default_factory=_tables)
    messages: dict[str, int | None] = field(default_factory=dict)
    stacks: tuple[StackInFlight, ...] = ()
    vhosts: tuple[str, ...] = (OLD, NEW)
    configured: tuple[str, str] = (OLD, NEW)
    current: Release = RELEASE_25
    target: Release = RELEASE_26
    absent: tuple[str, ...] = ()
    mode: str = "rolling"
    isolation: str = "vhost"
    hosts: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def plan(self) -> Plan:
        return plan(
            mode=self.mode,
            broker={"isolation": self.isolation, "management": ["http://rabbit:15672"]},
            current={"version": "25.0.2", "engines": self.hosts[0]},
            target={"version": "26.0.2", "engines": self.hosts[1]},
        )

    @property
    def database(self) -> Database:
        rows = [a_row(f"e-{host}", host) for host, _ in self._placed()]
        return a_database(revisions=(self.revision,), services=tuple(rows), in_flight=self.stacks)

    @property
    def evidence(self) -> Evidence:
        old, new = (Configuration(("/c",), "here", ("r:5672",), v) for v in self.configured)
        queues = {f"heat-engine-listener.e-{host}": 0 for host, v in self._placed() if v == OLD}
        counts = tuple(
            Queue(name, "classic", count, None if count is None else 0)
            for name, count in {**queues, **self.messages}.items()
        )
        waiting = sum(count or 0 for count in self.messages.values())
        target = None if self.absent else new
        return Evidence(
            current_configuration=old,
            target_configuration=target,
            current_release=self.current,
            target_release=None if self.absent else self.target,
            database=self.database,
            live_schema=self.tables,
            target_migrations=MIGRATIONS,
            broker=Broker(
                "http://rabbit:15672",
                "3.10.8",
                self.vhosts,
                (),
                tuple(Listener(f"e-{host}", v, 1) for host, v in self._placed() if v),
            ),
            connections=Connections(
                "http://rabbit:15672",
                self._clients(self.configured[0]),
                None if target is None else self._clients(self.configured[1]),
            ),
            old_queues=OldQueues(
                "http://rabbit:15672", OLD, True, True, (Sample(NOW, counts),), 0.0, None, ""
            ),
            waiting_work=WaitingMessages(
                "http://rabbit:15672", waiting, None if self.absent else 0
            ),
            absent=self.absent,
        )

    def _placed(self) -> list[tuple[str, str]]:
        return [(host, v) for host, _, v in (each.partition("@") for each in self.engines)]

    def _clients(self, vhost: str) -> VhostClients:
        apis = [
            Client("uwsgi", 100 + number, f"10.0.0.{number}", "heat", 2, ("reply_1",))
            for number, at in enumerate(self.apis)
            if at == vhost
        ]
        engines = [
            Client("heat-engine", 200 + number, "10.0.1.1", "heat", 4, ("engine",))
            for number, (_, at) in enumerate(self._placed())
            if at == vhost
        ]
        return VhostClients(vhost, ("heat",), vhost in self.vhosts, (*apis, *engines))


def _stands(world: World, **changes: Any) -> tuple[Position, Step]:
    found = position(world.plan, replace(world.evidence, **changes))
    return found, next_step(found)


def _calls(step: Step) -> list[str]:
    return [" ".join(gate) for gate in step.gates]


ABSENT = ("/v/bin/python is not there",)
SYNCED = World(revision=HEAD_26)
BESIDE = replace(SYNCED, engines=(f"control1@{OLD}", f"control2@{NEW}"))
API_MOVED = replace(BESIDE, apis=(NEW,))
NEW_ONLY = replace(SYNCED, engines=(f"control2@{NEW}",), apis=(NEW,))
SAME = _release("26.0.2", "2026.1", HEAD_25, "1.4")
SHARED = World(
    isolation="shared", configured=(OLD, OLD), target=SAME, hosts=(("control1",), ("control2",))
)
SHARED_BOTH = replace(SHARED, engines=(f"control1@{OLD}", f"control2@{OLD}"))
COLD_RUNS = World(mode="cold", configured=(OLD, OLD))
STOPPED = replace(COLD_RUNS, engines=(), apis=())
COLD_NEW = replace(
    COLD_RUNS,
    revision=HEAD_26,
    engines=(f"control2@{OLD}",),
    hosts=(("control1",), ("control2",)),
)
HELD = (a_stack("e-control1"),)
NEW_HELD = (a_stack("e-control2"),)
LOST = (a_stack(age=500),)
MOVING = (a_stack(age=3),)
LEGACY = (a_stack("e-control1", convergence=False, lock="e-control1"),)

# A name, the deployment, the kind of step, gates, words of the sentence, words of what must not be.
POINTS: list[tuple[str, World, Kind, list[str], str, str]] = [
    # rolling, in the guide's order
    ("not installed", World(absent=ABSENT), SAFE, ["pre"],
     "Put 2026.1's code and configuration in place beside 2025.2: /v/bin/python is not there",
     "Do not run 2026.1's db_sync before phase installed"),
    ("not synced", World(), SAFE, ["pre", "installed"],
     "Run 2026.1's db_sync while 2025.2 goes on", "Do not start an engine of 2026.1: on the"),
    ("no vhost", replace(SYNCED, vhosts=(OLD,)), SAFE, ["synced"],
     "Make vhost heat-n1", "Do not start an engine of 2026.1 on vhost heat-n:"),
    ("no vhost and the same schema", World(vhosts=(OLD,), target=SAME), SAFE,
     ["pre", "installed", "synced"], "Make vhost heat-n1", "Do not stop an engine or API"),
    ("first engine", SYNCED, SAFE, ["synced", "vhost"],
     "Start the first engine of 2026.1 on vhost heat-n1", "Do not run 2025.2's db_sync"),
    ("first engine, same schema", World(target=SAME), SAFE,
     ["pre", "installed", "synced", "vhost"], "Start the first engine", "Do not point an API at"),
    ("legacy in flight", replace(SYNCED, stacks=LEGACY), SAFE, ["synced", "vhost"],
     "Wait until stack web (s1) has ended, then start the first engine",
     "Do not start an engine of 2026.1 while a legacy stack"),
    ("two old engines", replace(BESIDE, engines=(*BESIDE.engines, f"control3@{OLD}"),
     stacks=HELD), SAFE, ["engine --host control3"],
     "Stop engine control3 of 2025.2 gracefully, and start one of 2026.1 on vhost heat-n1",
     "Do not stop an engine that holds work (control1: r of stack web (s1))"),
    ("two busy old engines", replace(BESIDE, engines=(*BESIDE.engines, f"control3@{OLD}"),
     stacks=(a_stack("e-control1", "e-control3"),)), SAFE, ["engine --host control1"],
     "Wait until engine control1 holds nothing", "Do not stop all engines of 2025.2"),
    ("api left", BESIDE, SAFE, ["engine --host 10.0.0.0"],
     "Take uwsgi (pid 100) on 10.0.0.0 out of the load balancer and move it onto vhost heat-n1",
     "Do not stop engine control1, the last of 2025.2: nobody else answers uwsgi (pid 100)"),
    ("one of two apis left", replace(BESIDE, apis=(NEW, OLD)), SAFE, ["engine --host 10.0.0.1"],
     "Take uwsgi (pid 101)", "Do not stop engine control1"),
    ("work held", replace(API_MOVED, stacks=HELD), SAFE, ["last-engine"],
     "Wait until engine control1, the last of 2025.2, has done what is left, then stop it "
     "gracefully: 1 stack in flight, such as stack web (s1)", "Do not stop engine control1"),
    ("messages wait", replace(API_MOVED, messages={"engine_worker": 7}), SAFE, ["last-engine"],
     "has done what is left, then stop it gracefully: 7 messages in the queues", "nobody else"),
    ("drained", API_MOVED, SAFE, ["last-engine"],
     "Stop engine control1, the last of 2025.2, gracefully", "Do not delete vhost heat-n"),
    ("the new side works", replace(API_MOVED, stacks=NEW_HELD), SAFE, ["last-engine"],
     "Stop engine control1", "Do not take it for certain that every API has moved"),
    ("finished", NEW_ONLY, SAFE, ["post"],
     "See that every API runs 2026.1", "Do not delete vhost heat-n before phase post"),
    ("finished, a dead engine's message", replace(NEW_ONLY, messages={"engine_worker.e-9": 1}),
     SAFE, ["post"], "let phase post judge", "Do not start an engine or API of 2025.2"),
    ("finished, at work", replace(NEW_ONLY, stacks=NEW_HELD), SAFE, ["post"], "let phase post",
     "Do not run 2025.2's db_sync"),
    ("finished, old vhost gone", replace(NEW_ONLY, vhosts=(NEW,)), SAFE, ["post"], "let phase post",
     "Do not run 2025.2's db_sync"),
    # rolling, out of order
    ("new engine before db_sync", replace(BESIDE, revision=HEAD_25), REPAIR, ["installed"],
     "Stop engine control2 of 2026.1", "Do not run db_sync while an engine of 2026.1"),
    ("new engine, half-way", replace(BESIDE, revision="d2db381e3324"), REPAIR, [],
     "Stop engine control2 of 2026.1", "Do not run 2025.2's db_sync"),
    ("new engine on the old vhost", replace(SYNCED, engines=(f"control1@{OLD}", f"control2@{OLD}"),
     hosts=(("control1",), ("control2",))), REPAIR, ["vhost"],
     "Stop engine control2 of 2026.1, which works on vhost heat-n of 2025.2",
     "Do not begin or update stacks"),
    ("old engine on the new vhost", replace(SYNCED, engines=(f"control1@{NEW}", f"control3@{OLD}"),
     hosts=(("control1", "control3"), ("control2",))), REPAIR, [],
     "Stop engine control1 of 2025.2, which works on vhost heat-n1 of 2026.1",
     "Do not start an engine of 2026.1 on vhost heat-n1"),
    ("an engine elsewhere", replace(SYNCED, engines=(f"control1@{OLD}", "control2@third")),
     REPAIR, [], "Stop engine control2 (on third)", "Do not delete vhost heat-n"),
    ("api ahead of engines", replace(SYNCED, apis=(OLD, NEW)), REPAIR, [],
     "Point uwsgi (pid 101) on 10.0.0.1 back at vhost heat-n", "Do not point an API at vhost"),
    ("half-way", replace(SYNCED, revision="d2db381e3324"), REPAIR, [],
     "Find in its log why 2026.1's db_sync stopped, remove the reason, and run it again: database "
     "heat is at d2db381e3324, and 88be64598c0f, 97b2a986f922 did not run",
     "Do not start an engine of 2026.1"),
    ("cut off within a step", World(tables=_tables("sync_point.extra_data")), REPAIR, [],
     "Restore the backup, or remove column sync_point.extra_data", "Do not start an engine"),
    ("cut off after a table", replace(SYNCED, revision="d2db381e3324",
     tables=_tables("resource_snapshot")), REPAIR, [],
     "Restore the backup, or remove table resource_snapshot", "Do not stop an engine or API"),
    ("last engine gone, messages left", replace(NEW_ONLY, messages={"engine_worker": 2}), REPAIR,
     [], "Start an engine of 2025.2 on vhost heat-n again, so that it does what was left there and "
     "nobody else reads: 2 messages in the queues", "Do not update or delete these stacks"),
    ("last engine gone, api left", replace(NEW_ONLY, apis=(OLD, NEW)), REPAIR, [],
     "Move uwsgi (pid 100) on 10.0.0.0 from vhost heat-n onto heat-n1 at once",
     "Do not leave it in the load balancer"),
    ("last engine gone, work lost", replace(NEW_ONLY, stacks=LOST), REPAIR, [],
     "Help what nobody works on any more, stack web (s1), CREATE IN_PROGRESS for 500 s: no engine "
     "holds any of it, and nothing moved for 500 s: Update it",
     "Do not delete vhost heat-n"),
    ("lost work before the last stop", replace(API_MOVED, stacks=LOST), REPAIR, [],
     "Help what nobody works on any more, stack web (s1)", "Do not stop engine control1"),
    ("no engine, work left", replace(SYNCED, engines=(), apis=(NEW,), stacks=LOST), REPAIR, [],
     "Start an engine of 2025.2 on vhost heat-n again, for nobody works any more on what is left "
     "there: 1 stack in flight", "Do not delete vhost heat-n"),
    ("no engine, api on the old vhost", replace(SYNCED, engines=()), REPAIR, [],
     "is left there: requests of uwsgi (pid 100)", "Do not start an engine of 2026.1 on vhost"),
    ("no engine, nothing left", replace(SYNCED, engines=(), apis=(NEW,)), REPAIR, ["vhost"],
     "Start an engine of 2026.1 on vhost heat-n1, for no engine runs", "Do not run 2025.2's"),
    ("no engine before db_sync", World(engines=(), apis=()), REPAIR, [],
     "Start an engine of 2025.2 on vhost heat-n again, for nobody answers", "Do not delete"),
    ("one vhost for both", World(configured=(OLD, OLD)), REPAIR, ["installed"],
     "Name a vhost of its own in the transport_url of 2026.1's configuration", "Do not start an"),
    # rolling, not to be told
    ("no api seen", replace(API_MOVED, apis=()), UNKNOWN, [], "no API is connected to vhost", ""),
    ("uncounted queue", replace(API_MOVED, messages={"engine_worker": None}), UNKNOWN, [],
     "does not say how many messages", ""),
    ("uncounted queue at the end", replace(NEW_ONLY, messages={"engine_worker": None}), UNKNOWN,
     [], "does not say how many messages", ""),
    ("unheld work that moved", replace(API_MOVED, stacks=MOVING), UNKNOWN, [], "ask again", ""),
    ("the same at the end", replace(NEW_ONLY, stacks=MOVING), UNKNOWN, [], "ask again", ""),
    ("an engine that reads nothing", replace(SYNCED, engines=(f"control1@{OLD}", "control2@")),
     UNKNOWN, [], "engine control2 (e-control2) reports, but reads no queue", ""),
    ("a revision of neither", World(revision="ffff"), UNKNOWN, [], "do not know", ""),
    ("not installed, strange revision", World(revision=HEAD_26, absent=ABSENT), UNKNOWN, [],
     "which is not the head of 2025.2", ""),
    ("not installed, engine elsewhere", World(engines=(f"control1@{NEW}",), absent=ABSENT),
     UNKNOWN, [], "the configuration of 2026.1 is not there", ""),
    # a shared vhost
    ("shared, not installed", replace(SHARED, absent=ABSENT), SAFE, ["pre"], "Put 2026.1", ""),
    ("shared, before db_sync", replace(SHARED, target=replace(SAME, schema_heads=(HEAD_26,))),
     SAFE, ["pre", "installed"], "Run 2026.1's db_sync", ""),
    ("shared, first engine", SHARED, SAFE, ["pre", "installed", "synced", "vhost"],
     "Start the first engine of 2026.1 on vhost heat-n", "Do not stop an engine or API of 2025.2"),
    ("shared, last engine", SHARED_BOTH, SAFE, ["last-engine"],
     "Stop engine control1, the last of 2025.2", ""),
    ("shared, last engine works", replace(SHARED_BOTH, stacks=HELD), SAFE, ["last-engine"],
     "Wait until engine control1", "Do not stop engine control1"),
    ("shared, its own queue", replace(SHARED_BOTH, messages={"engine_worker.e-control1": 1}),
     SAFE, ["last-engine"], "Wait until engine control1", ""),
    ("shared, the common queue", replace(SHARED_BOTH, messages={"engine_worker": 1}), SAFE,
     ["last-engine"], "Stop engine control1", ""),
    ("shared, finished", replace(SHARED, engines=(f"control2@{OLD}",)), SAFE, ["post"],
     "See that every API runs 2026.1", ""),
    ("shared, other RPC", replace(SHARED, target=replace(SAME, worker_rpc="1.9")), REPAIR, [],
     "Give 2026.1 a vhost of its own", "Do not start an engine of 2026.1 on vhost heat-n: the "
     "worker RPC is 1.4 in 2025.2 and 1.9 in 2026.1"),
    ("shared, other RPC, engines", replace(SHARED_BOTH, target=replace(SAME, worker_rpc="1.9")),
     REPAIR, [], "Stop engine control2 of 2026.1", ""),
    ("shared, RPC unknown", replace(SHARED, target=replace(SAME, worker_rpc="")), UNKNOWN, [],
     "the worker RPC version of one release is not known", ""),
    ("shared, hosts not listed", replace(SHARED, hosts=((), ())), UNKNOWN, [],
     "list the [DEFAULT] host of each engine", ""),
    ("shared in the plan only", replace(SHARED, configured=(OLD, NEW)), REPAIR, [],
     "Set broker.isolation: vhost", ""),
    # cold, in the guide's order
    ("cold, runs", COLD_RUNS, SAFE, ["pre"],
     "Stop every API and then every engine: engine control1, uwsgi (pid 100) on 10.0.0.0",
     "Do not run db_sync"),
    ("cold, runs, not installed", replace(COLD_RUNS, absent=ABSENT), SAFE, ["pre"], "Stop every",
     ""),
    ("cold, works", replace(COLD_RUNS, stacks=HELD), SAFE, ["pre"],
     "Stop every API, wait until stack web (s1) has ended, then stop every engine",
     "Do not stop the engines while a stack is in flight"),
    ("cold, engines stopped", replace(COLD_RUNS, engines=()), SAFE, ["pre"], "Stop every API", ""),
    ("cold, stopped, not installed", replace(STOPPED, absent=ABSENT), SAFE, ["stopped"],
     "Put 2026.1's code and configuration in place: /v/bin/python", "Do not start an engine"),
    ("cold, stopped", STOPPED, SAFE, ["stopped", "installed"], "Run 2026.1's db_sync",
     "see on each host that none runs"),
    ("cold, synced", replace(STOPPED, revision=HEAD_26), SAFE, ["synced"],
     "Start every engine and then every API of 2026.1", "Do not start an engine or API of 2025.2"),
    ("cold, stopped, the same schema", replace(STOPPED, target=SAME), SAFE,
     ["stopped", "installed", "synced"], "Start every engine", ""),
    ("cold, finished", COLD_NEW, SAFE, ["post"], "let phase post judge", ""),
    ("cold, finished on a new vhost", replace(NEW_ONLY, mode="cold"), SAFE, ["post"],
     "let phase post judge", ""),
    ("cold, not begun, the same schema", replace(COLD_NEW, target=SAME, revision=HEAD_25,
     engines=(f"control1@{OLD}",)), SAFE, ["pre"], "Stop every API", ""),
    # cold, out of order or not to be told
    ("cold, old on the new schema", replace(COLD_NEW, engines=(f"control1@{OLD}",)), REPAIR, [],
     "Stop engine control1 of 2025.2", "Do not start an engine or API of 2026.1 before"),
    ("cold, both run", replace(COLD_NEW, engines=(f"control1@{OLD}", f"control2@{OLD}")), REPAIR,
     [], "Stop engine control1 of 2025.2", ""),
    ("cold, new before db_sync", replace(COLD_NEW, revision=HEAD_25), REPAIR,
     ["stopped", "installed"], "Stop every API and every engine", "Do not run db_sync"),
    ("cold, half-way, runs", replace(COLD_RUNS, revision="d2db381e3324"), REPAIR, [],
     "then bring 2026.1's db_sync to its end", "Do not run db_sync"),
    ("cold, half-way", replace(STOPPED, revision="d2db381e3324"), REPAIR, [],
     "Find in its log why", "Do not start an engine or API before"),
    ("cold, cut off step", replace(STOPPED, tables=_tables("resource_snapshot")), REPAIR, [],
     "or remove table resource_snapshot", ""),
    ("cold, work cut off", replace(STOPPED, stacks=LOST), REPAIR, [],
     "heat-manage reset_stack_status s1", "Do not start an engine before"),
    ("cold, work cut off that waits", replace(STOPPED, stacks=LOST,
     messages={"engine_worker": 3}), REPAIR, [],
     "Start an engine of 2025.2 on vhost heat-n again, so that it ends what was cut off: "
     "3 messages", "Do not run 2026.1's db_sync"),
    ("cold, apis alone", replace(STOPPED, revision=HEAD_26, apis=(OLD,)), REPAIR, [],
     "Stop uwsgi (pid 100)", "Do not leave an API of 2025.2"),
    ("cold, work lost", replace(COLD_NEW, stacks=LOST), REPAIR, [], "Help what nobody works on",
     ""),
    ("cold, work uncertain", replace(COLD_NEW, stacks=MOVING), UNKNOWN, [], "ask again", ""),
    ("cold, release unknown", replace(COLD_RUNS, revision=HEAD_26), UNKNOWN, [],
     "the release of the engine control1 (on heat-n) is not known", ""),
    ("cold, api on the old vhost", replace(NEW_ONLY, mode="cold", apis=(OLD,)), REPAIR, [],
     "Move uwsgi (pid 100)", ""),
    ("cold, elsewhere", replace(COLD_RUNS, engines=("control1@third",)), REPAIR, [],
     "Stop engine control1 (on third)", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("world", "kind", "gates", "words", "not_now"),
    [point[1:] for point in POINTS],
    ids=[point[0] for point in POINTS],
)
def test_the_next_step(
    world: World, kind: Kind, gates: list[str], words: str, not_now: str
) -> None:
    _, step = _stands(world)
    assert words in step.sentence
    assert (step.kind, _calls(step)) == (kind, [f"--phase {gate}" for gate in gates])
    assert any(not_now in sentence for sentence in step.must_not) or not not_now
    # An operator acts on these: whole sentences, nothing left to fill in, no step on a guess.
    for sentence in (step.point, step.sentence, *step.must_not):
        assert sentence
        assert not set(sentence) & set("{}\n")
    assert all(s.startswith("Do not ") and s.endswith(".") for s in step.must_not)
    assert bool(step.must_not) == (kind is not UNKNOWN)


def test_every_row_of_the_guide_is_reached() -> None:
    reached: set[tuple[str, int]] = set()
    for _, world, *_ in POINTS:
        found, _ = _stands(world)
        rows: tuple[Rule, ...] = ROLLING if found.mode == "rolling" else COLD
        row = next(number for number, rule in enumerate(rows) if rule.holds(found))
        reached.add((found.mode, row))
    unobserved, schema = {"rolling": 0, "cold": 0}, {("cold", 2)}
    missed = {
        (mode, n) for mode, rows in (("rolling", ROLLING), ("cold", COLD)) for n in range(len(rows))
    } - reached
    assert missed <= {*unobserved.items()} | schema


# --- what cannot be observed

SOURCES = [
    "broker", "connections", "current_configuration", "database", "old_queues",
    "target_configuration", "target_release", "waiting_work",
]  # fmt: skip


@pytest.mark.parametrize("world", [World(), API_MOVED, NEW_ONLY, COLD_RUNS, STOPPED, COLD_NEW])
@pytest.mark.parametrize("source", SOURCES)
def test_without_a_source_no_step_is_safe(world: World, source: str) -> None:
    why = f"{source}: no answer; try again"
    found, step = _stands(world, **{source: None}, unobserved={source: why})
    assert step.kind is UNKNOWN
    assert why in step.sentence
    assert (step.gates, step.must_not) == ((), ())
    told = document(found, step, None)
    assert (told["next"], told["unknown"], told["exit_code"]) == (None, [why], 3)
    assert "Cannot tell, so no step is safe:" in list(text(found, step, None))


@pytest.mark.parametrize("source", ["current_release", "target_migrations", "live_schema"])
def test_without_what_tells_the_schema_no_step_rests_on_it(source: str) -> None:
    _, step = _stands(World(), **{source: None}, unobserved={source: "why not"})
    assert (step.kind, step.sentence) == (UNKNOWN, "why not")


def test_what_was_not_seen_is_null_and_not_empty() -> None:
    found, step = _stands(World(), broker=None, unobserved={"broker": "down"})
    told = document(found, step, None)
    assert told["engines"] is None
    assert told["in_flight"] is None
    assert told["old_vhost"]["messages"] is None
    assert [api["host"] for api in told["apis"]] == ["10.0.0.0"]
    lines = list(text(found, step, None))
    assert lines[lines.index("Engines") + 1] == "  not known"


def test_an_engine_that_ends_is_neither_here_nor_gone() -> None:
    broker = NEW_ONLY.evidence.broker
    assert broker is not None
    listeners = (*broker.listeners, Listener("e-control1", OLD, 1))
    _, step = _stands(NEW_ONLY, broker=replace(broker, listeners=listeners))
    assert step.kind is UNKNOWN
    assert "engine e-control1 reads its queue on vhost heat-n, but no live service row" in (
        step.sentence
    )


def test_a_connected_engine_without_a_queue_is_not_a_stopped_one() -> None:
    client = Client("heat-engine", 7, "10.0.1.1", "heat", 1, ())
    side = VhostClients(OLD, ("heat",), True, (client,))
    connections = Connections("http://rabbit:15672", side, side)
    _, step = _stands(replace(STOPPED, configured=(OLD, OLD)), connections=connections)
    assert step.kind is UNKNOWN
    assert "heat-engine (pid 7) on 10.0.1.1 is connected to vhost heat-n" in step.sentence


def test_an_engine_that_sends_notifications_to_the_old_vhost_is_not_ending() -> None:
    found = NEW_ONLY.evidence.connections
    assert found is not None
    sender = Client("heat-engine", 7, "10.0.1.1", "heat", 1, ())
    reader = replace(sender, reads=("engine_worker",))
    assert found.new is not None
    old = replace(found.old, clients=(*found.old.clients, sender))
    for clients, ending in (((reader,), False), ((), True)):
        new = replace(found.new, clients=(*found.new.clients, *clients))
        here, _ = _stands(NEW_ONLY, connections=replace(found, old=old, new=new))
        assert any(str(sender) in said for said in here.unknown) is ending


def test_other_brokers_of_the_target_are_not_asked() -> None:
    elsewhere = Configuration(("/c",), "here", ("other:5672",), NEW)
    world = World()
    unnamed = world.plan.model_copy(
        update={"broker": world.plan.broker.model_copy(update={"management": ()})}
    )
    found = position(unnamed, replace(world.evidence, target_configuration=elsewhere))
    assert "is on other brokers (other:5672)" in next_step(found).sentence


def test_vhosts_of_one_name_on_other_brokers_tell_no_release() -> None:
    elsewhere = Configuration(("/c",), "here", ("other:5672",), OLD)
    world = World()
    found = position(world.plan, replace(world.evidence, target_configuration=elsewhere))
    assert "give the target's vhost another name" in next_step(found).sentence


# --- the schema


@pytest.mark.parametrize(
    ("current", "target", "database", "expected"),
    [
        # 2023.1 -> 2023.2: alembic takes over, and changes nothing else.
        ((None, 86), ((HEAD_25,), None), ((), 86), At.CURRENT),
        ((None, 86), ((HEAD_25,), None), ((HEAD_25,), 86), At.TARGET),
        ((None, 86), ((), 86), ((), 86), At.BOTH),
        ((None, 86), ((HEAD_25,), None), ((), 79), At.UNKNOWN),
        (((HEAD_25,), None), ((HEAD_26,), None), ((), None), At.UNKNOWN),
        (((HEAD_26,), None), ((HEAD_26,), None), ((HEAD_25,), None), At.UNKNOWN),
    ],
)
def test_the_schema(
    current: tuple[Any, int | None],
    target: tuple[Any, int | None],
    database: tuple[tuple[str, ...], int | None],
    expected: At,
) -> None:
    sides = [
        replace(made, schema_heads=heads or (), migrate_head=number)
        for made, (heads, number) in ((World().current, current), (World().target, target))
    ]
    found, _ = _stands(
        World(),
        current_release=sides[0],
        target_release=sides[1],
        database=a_database(revisions=database[0], migrate_version=database[1]),
    )
    assert found.schema.at is expected
    assert bool(found.schema.why) == (expected is At.UNKNOWN)


# --- what is told


def test_point_releases_are_told_apart_by_their_version() -> None:
    world = replace(World(), target=_release("25.0.3", "2025.2", HEAD_25, "1.4"))
    found, _ = _stands(world)
    assert (found.current.name, found.target.name) == ("25.0.2", "25.0.3")
    assert found.schema == Schema(At.BOTH, (HEAD_25,))


def test_the_document() -> None:
    found, step = _stands(replace(BESIDE, stacks=HELD, messages={"engine_worker.gone": 2}))
    told = document(found, step, Path("my plan.yaml"))
    assert json.loads(json.dumps(told)) == told
    assert set(told) == {
        "position", "current", "target", "engines", "apis", "unknown_clients", "database",
        "old_vhost", "in_flight", "next", "must_not", "unknown", "exit_code",
    }  # fmt: skip
    assert told["current"] == {
        "version": "25.0.2", "series": "2025.2", "vhost": OLD, "vhost_exists": True,
    }  # fmt: skip
    assert told["target"]["absent"] == []
    assert told["engines"][0] == {
        "host": "control1",
        "release": "current",
        "vhosts": [OLD],
        "workers": 1,
        "engine_ids": ["e-control1"],
        "holds": ["r of stack web (s1)"],
    }
    assert told["engines"][1]["release"] == "target"
    assert told["apis"] == [
        {
            "program": "uwsgi",
            "pid": 100,
            "host": "10.0.0.0",
            "release": "current",
            "vhost": OLD,
            "connections": 2,
            "consumers": 1,
        }
    ]
    assert told["database"] == {"at": "target", "revisions": [HEAD_26], "why": ""}
    assert told["old_vhost"] == {"messages": 0, "messages_to_dead_engines": 2}
    (stack,) = told["in_flight"]
    assert (stack["id"], stack["state"], stack["old_side"]) == ("s1", "worked-on", True)
    assert told["next"]["repair"] is False
    assert told["next"]["gates"] == [
        ["heat-upgrade-check", "--phase", "engine", "--host", "10.0.0.0", "--plan", "my plan.yaml"]
    ]
    assert told["must_not"]
    assert (told["unknown"], told["exit_code"]) == ([], 0)


def test_an_api_on_the_new_vhost_may_run_either_release() -> None:
    found, step = _stands(API_MOVED)
    assert document(found, step, None)["apis"][0]["release"] is None
    assert any("unknown release on heat-n1" in line for line in text(found, step, None))


def test_the_text() -> None:
    found, step = _stands(replace(BESIDE, stacks=HELD))
    lines = list(text(found, step, Path("my plan.yaml")))
    assert lines[0].startswith("  2025.2 -> 2026.1: one engine of 2025.2 is left, and an API")
    assert "  control1: 2025.2 on heat-n, 1 worker, holds r of stack web (s1)" in lines
    assert "  control2: 2026.1 on heat-n1, 1 worker, holds nothing" in lines
    assert "  uwsgi (pid 100) on 10.0.0.0: 2025.2 on heat-n, 2 connections, 1 consumer" in lines
    assert f"  at the head of 2026.1 ({HEAD_26})" in lines
    after = lines[lines.index("Next:") :]
    assert "  $ heat-upgrade-check --phase engine --host 10.0.0.0 --plan 'my plan.yaml'" in after
    assert "Not now:" in after


def test_a_long_list_is_cut_in_the_text_alone() -> None:
    hosts = tuple(f"control{number:02}@{OLD}" for number in range(30))
    found, step = _stands(World(engines=hosts))
    assert any("and 10 more; --json lists all" in line for line in text(found, step, None))
    assert len(document(found, step, None)["engines"]) == 30


# --- the command


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[[Evidence, str], None]:
    """Let the sources answer with these facts, after one has read a secret."""

    def answers(evidence: Evidence, secret: str) -> None:
        def observations(gatherer: gather.Gatherer) -> dict[str, Observation]:
            gatherer._site.secrets.add(secret)
            return {
                name: Observation(
                    name,
                    datetime.now(UTC),
                    0.1,
                    1,
                    "",
                    evidence.unobserved.get(name, ""),
                    True,
                    getattr(evidence, name),
                )
                for name in command._SOURCES
            }

        monkeypatch.setattr(gather.Gatherer, "start", lambda *_: None)
        monkeypatch.setattr(gather.Gatherer, "observations", observations)

    return answers


def _installed(folder: Path) -> Plan:
    """The plan of a target of which everything is there."""
    there = folder / "there"
    there.touch()
    made = World().plan
    target = made.target.model_copy(update={"python": there, "config": (there,)})
    return made.model_copy(update={"target": target})


@pytest.mark.parametrize("as_json", [True, False])
def test_no_secret_leaves(
    answering: Callable[[Evidence, str], None], tmp_path: Path, as_json: bool
) -> None:
    secret = 'canary"of\\quotes'
    stack = a_stack("e-control1", name=f"a {secret}\x1b[31m")
    answering(
        replace(
            World(stacks=(stack,)).evidence,
            target_release=None,
            unobserved={"target_release": f"said {secret}"},
        ),
        secret,
    )
    answer = command.run(_installed(tmp_path), None, as_json=as_json)
    assert answer.exit_code == 3
    assert "canary" not in answer.text
    assert "said ***" in answer.text
    assert "\x1b" not in answer.text


def test_the_json_object(answering: Callable[[Evidence, str], None], tmp_path: Path) -> None:
    answering(SYNCED.evidence, "")
    answer = command.run(_installed(tmp_path), None, as_json=True)
    told = json.loads(answer.text)
    assert (told["schema"], told["exit_code"], answer.exit_code) == ("1", 0, 0)
    assert told["upgrade"] == {"name": "unit", "mode": "rolling", "isolation": "vhost"}
    assert told["next"]["gates"] == [
        ["heat-upgrade-check", "--phase", "synced"],
        ["heat-upgrade-check", "--phase", "vhost"],
    ]
    assert {each["source"] for each in told["evidence"]} == set(command._SOURCES)


@pytest.mark.parametrize(
    ("target", "absent"),
    [
        ({}, ["target.python is not in the plan", "target.config is not in the plan"]),
        ({"python": "no", "config": ("yes",)}, ["no is not there"]),
        ({"python": "yes", "config": ("no",)}, ["no is not there"]),
        ({"python": "yes", "config_dirs": ("no",)}, ["no is not there"]),
        ({"python": "yes", "config": ("yes",)}, []),
        # Behind a prefix it is in a container.
        ({"python": "no", "prefix": ("podman", "exec"), "config": ("yes",)}, []),
    ],
)
def test_what_is_missing_of_the_target(
    tmp_path: Path, target: dict[str, Any], absent: list[str]
) -> None:
    (tmp_path / "yes").touch()

    def under(value: Any) -> Any:
        if isinstance(value, str):
            return tmp_path / value
        return tuple(under(each) for each in value)

    changes = {key: value if key == "prefix" else under(value) for key, value in target.items()}
    made = World().plan.target.model_copy(update=changes)
    there, missing = command._what_is_there(World().plan.model_copy(update={"target": made}))
    assert [each.replace(f"{tmp_path}/", "") for each in missing] == absent
    if not absent:
        assert there.target == made
    assert "no is" in str(absent) or there.target.python == made.python


def test_a_plan_that_cannot_be_read_is_wrong_usage(tmp_path: Path) -> None:
    outcome = call("where", "--plan", "none.yaml", cwd=tmp_path)
    assert (outcome.code, outcome.out) == (64, "")
    assert "plan none.yaml: No such file" in outcome.err


def test_a_deployment_that_nobody_answers_for(tmp_path: Path) -> None:
    (tmp_path / "heat-upgrade.yaml").write_text(
        "name: nowhere\n"
        "mode: cold\n"
        "current: {version: 25.0.2, config: [gone.conf]}\n"
        "target: {version: 26.0.2}\n",
        "utf-8",
    )
    outcome = call("where", "--json", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (3, "")
    told = json.loads(outcome.out)
    assert (told["next"], told["must_not"], told["engines"]) == (None, [], None)
    assert any("gone.conf: No such file or directory" in sentence for sentence in told["unknown"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heat-upgrade.yaml"]
