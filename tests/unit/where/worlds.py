"""Deployments at the points of an upgrade."""

from dataclasses import dataclass, field, replace
from typing import Any

from heat_upgrade_checks.evidence.broker.connections import Client, Connections, VhostClients
from heat_upgrade_checks.evidence.broker.listeners import Broker, Listener
from heat_upgrade_checks.evidence.broker.old_queues import OldQueues, Queue, Sample
from heat_upgrade_checks.evidence.broker.waiting_messages import WaitingMessages
from heat_upgrade_checks.evidence.code.migration_files import Migrations
from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.live_schema import LiveSchema
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.evidence.stacks.in_flight import StackInFlight
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.schema.description import Column, Table
from heat_upgrade_checks.schema.migrations import CREATES_TABLE, Migration, Operation
from heat_upgrade_checks.where.derivation import Evidence, position
from heat_upgrade_checks.where.next_step import Step, next_step
from heat_upgrade_checks.where.position import Position
from heat_upgrade_checks.where.rules import Kind
from tests.facts import NEW, OLD, a_database, a_row, a_stack
from tests.judging import NOW, plan

HEAD_25, HEAD_26 = "c6214ca60943", "97b2a986f922"
SAFE, REPAIR, UNKNOWN = Kind.SAFE, Kind.REPAIR, Kind.UNKNOWN


def a_release(version: str, series: str, head: str, worker_rpc: str) -> Release:
    """A release that is there, as its interpreter tells of it."""
    return Release(version, series, "/v/bin/python", "3.11", (head,), None, "1.36", worker_rpc)


RELEASE_25 = a_release("25.0.2", "2025.2", HEAD_25, "1.4")
RELEASE_26 = a_release("26.0.2", "2026.1", HEAD_26, "1.9")


def expands(table: str, column: str = "") -> Operation:
    """A table, or a column of one, that a migration adds."""
    does = f"adds column {column}" if column else CREATES_TABLE
    return Operation("expand", table, (column,) if column else (), (), does, "", 1)


MIGRATIONS = Migrations(
    "/v/bin/python",
    (
        Migration(HEAD_25, (), "a.py", (expands("stack"),)),
        Migration("d2db381e3324", (HEAD_25,), "b.py", (expands("sync_point", "extra_data"),)),
        Migration("88be64598c0f", ("d2db381e3324",), "c.py", (expands("resource_snapshot"),)),
        Migration(HEAD_26, ("88be64598c0f",), "d.py", (expands("snapshot", "action"),)),
    ),
)


def tables_and(*more: str) -> LiveSchema:
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
    tables: LiveSchema = field(default_factory=tables_and)
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


def stands(world: World, **changes: Any) -> tuple[Position, Step]:
    found = position(world.plan, replace(world.evidence, **changes))
    return found, next_step(found)


SYNCED = World(revision=HEAD_26)
BESIDE = replace(SYNCED, engines=(f"control1@{OLD}", f"control2@{NEW}"))
API_MOVED = replace(BESIDE, apis=(NEW,))
NEW_ONLY = replace(SYNCED, engines=(f"control2@{NEW}",), apis=(NEW,))
COLD_RUNS = World(mode="cold", configured=(OLD, OLD))
STOPPED = replace(COLD_RUNS, engines=(), apis=())
COLD_NEW = replace(
    COLD_RUNS,
    revision=HEAD_26,
    engines=(f"control2@{OLD}",),
    hosts=(("control1",), ("control2",)),
)
HELD = (a_stack("e-control1"),)
