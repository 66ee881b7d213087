"""Evidence as the sources give it, for the judgement on what a lab shows only rarely."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from heat_upgrade_checks.evidence.broker.asked_apis import AskedApis
from heat_upgrade_checks.evidence.broker.connections import Client, Connections, VhostClients
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.evidence.database.state import Database, ServiceRow
from heat_upgrade_checks.evidence.gates.earlier_gates import EarlierGate, Identity
from heat_upgrade_checks.evidence.stacks.in_flight import ResourceInFlight, StackInFlight
from heat_upgrade_checks.records.findings import Verdict
from heat_upgrade_checks.records.gate import NOTHING
from heat_upgrade_checks.records.rehearsal import Rehearsal, RehearsedBackup
from tests.judging import NOW

OLD, NEW = "heat-n", "heat-n1"


def a_row(engine_id: str, host: str, *, silent: float = 1, created: datetime = NOW) -> ServiceRow:
    """A worker that reported `silent` seconds ago."""
    return ServiceRow(engine_id, host, host, created, silent, 60, silent <= 120)


def a_database(**changes: Any) -> Database:
    """A database at 2025.2's head, with changes."""
    made = Database(
        url="mysql+pymysql://heat:***@db/heat",
        name="heat",
        server="MariaDB 10.11",
        clock=NOW,
        local_clock=NOW,
        revisions=("c6214ca60943",),
        migrate_version=None,
        tables=(),
        changed_at=None,
        services=(a_row("e1", "control1"),),
        in_flight=(),
    )
    return replace(made, **changes)


def a_rehearsal(**changes: Any) -> Rehearsal:
    """A rehearsal of 25 -> 26 of which nothing is told yet, with changes."""
    made = Rehearsal(
        tool="0",
        started_at=NOW,
        seconds=10.0,
        database="heat",
        backup=RehearsedBackup("/var/backups/heat.sql", "mariadb-dump", 1000, "digest"),
        current_version="25.0.2",
        target_version="26.0.2",
        server="MariaDB 10.11",
        differs=(),
        unlike=(),
    )
    return replace(made, **changes)


def a_stack(*holders: str, age: float = 60, lock: str = "", **changes: Any) -> StackInFlight:
    """A stack in CREATE of which each holder holds one resource."""
    resources = tuple(ResourceInFlight("r", "CREATE", "IN_PROGRESS", id) for id in holders)
    made = StackInFlight(
        id="s1",
        name="web",
        project="p1",
        owner_id="",
        action="CREATE",
        status="IN_PROGRESS",
        age=age,
        still=age,
        timeout=3600,
        convergence=True,
        backup=False,
        lock=lock,
        resources=resources,
    )
    return replace(made, **changes)


def a_configuration(vhost: str, host: str) -> Configuration:
    """The configuration of a release on a vhost."""
    return Configuration((f"/etc/{vhost}.conf",), host, ("rabbit:5672",), vhost, host_is_set=True)


def connections_of(old: tuple[Client, ...] = (), new: tuple[Client, ...] = ()) -> Connections:
    """The clients of both vhosts."""
    return Connections(
        "http://rabbit:15672",
        VhostClients(OLD, ("heat",), True, old),
        VhostClients(NEW, ("heat",), True, new),
    )


def an_identity(**changes: Any) -> Identity:
    """The upgrade that the gates of a test belong to."""
    return replace(Identity("unit", "rolling", "25.0.2", "26.0.2", "e" * 64), **changes)


def an_earlier_gate(phase: str, ended: datetime, **changes: Any) -> EarlierGate:
    """A gate of that upgrade that opened, after a minute."""
    gate = EarlierGate(
        folder=f"01-{phase}",
        phase=phase,
        host="",
        verdict=Verdict.GO,
        started_at=ended - timedelta(minutes=1),
        finished_at=ended,
        identity=an_identity(),
        digests=NOTHING,
    )
    return replace(gate, **changes)


API_URL = "http://api1:8004"


def apis_asked(connections: Connections, **changes: Any) -> AskedApis:
    """These connections, looked at when one backend of the API had answered, with changes."""
    return replace(AskedApis((API_URL,), (), "", connections), **changes)
