"""Whether the server that a plan lets one read is the one to which Heat writes.

A replica that lags or a restored copy would have what is judged be another time's. By the servers'
own word, then: one process, one Galera cluster, or a replica that has reached the position at which
the other one was.
"""

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL

_PORTS = {"mysql": 3306, "mariadb": 3306, "postgresql": 5432, "postgres": 5432}
_LOCAL = {"localhost", "127.0.0.1", "::1"}
# Seconds. A server tells how long it runs in whole ones.
_SAME_START = 3.0
# Seconds that a replica may take to come to where the other server was; it holds a session so long.
_CATCHES_UP = 5


@dataclass(frozen=True)
class Identity:
    """A server and the database in it.

    `process` tells one server from another, with `started`, the second of its epoch in which it
    began, where it does not tell that exactly. `cluster` is of Galera, and `position` is what it
    has written. What a server does not have is "" or 0.
    """

    process: str
    started: float
    schema: str
    cluster: str
    position: str


def place(url: URL) -> tuple[str, str, int | None, str, str]:
    """Where a database is, without its account: one tuple for all spellings of one address."""
    backend = url.get_backend_name().replace("mariadb", "mysql")
    host = (url.host or "localhost").lower()
    socket = str(url.query.get("unix_socket") or url.query.get("host") or "")
    return (
        backend,
        "localhost" if host in _LOCAL else host,
        url.port or _PORTS.get(backend),
        url.database or "",
        socket,
    )


def identity(connection: sa.Connection) -> Identity:
    """What the server of this session says that it is."""
    of = {"mysql": _mysql, "postgresql": _postgresql, "sqlite": _sqlite}
    return of[connection.dialect.name](connection)


def relation(connection: sa.Connection, heats: Identity) -> str:
    """What the server of this session is to the one that Heat writes to; "" for nothing shown.

    In a Galera cluster this session waits from here on for what the other nodes have written.
    """
    mine = identity(connection)
    if mine.schema != heats.schema:
        return ""
    if mine.process == heats.process and abs(mine.started - heats.started) <= _SAME_START:
        return "the same server"
    if mine.cluster and mine.cluster == heats.cluster:
        connection.exec_driver_sql("SET SESSION wsrep_sync_wait = 1")
        return "a node of the same Galera cluster"
    if heats.position and _has_reached(connection, heats):
        return f"a replica of it that has reached {heats.position}"
    return ""


def _mysql(connection: sa.Connection) -> Identity:
    is_mariadb = getattr(connection.dialect, "is_mariadb", False)
    position = "@@global.gtid_binlog_pos" if is_mariadb else "@@global.gtid_executed"
    host, port, folder, number, schema, now, written = connection.exec_driver_sql(
        "SELECT @@hostname, @@port, @@datadir, @@server_id, DATABASE(), "
        f"UNIX_TIMESTAMP(SYSDATE()), {position}"
    ).one()
    status = connection.exec_driver_sql(
        "SHOW GLOBAL STATUS WHERE variable_name IN ('Uptime', 'wsrep_cluster_state_uuid')"
    )
    told: dict[str, str] = {name: value for name, value in status}
    return Identity(
        process=f"{host}:{port}:{folder}:{number}",
        started=float(now) - float(told["Uptime"]),
        schema=schema,
        cluster=told.get("wsrep_cluster_state_uuid", ""),
        position="".join(str(written or "").split()),
    )


def _postgresql(connection: sa.Connection) -> Identity:
    system, started, schema, is_replica = connection.exec_driver_sql(
        "SELECT (SELECT system_identifier FROM pg_control_system()), "
        "extract(epoch FROM pg_postmaster_start_time())::text, "
        "current_database() || '.' || coalesce(current_schema(), ''), pg_is_in_recovery()"
    ).one()
    # Only asked where it is answered: a replica writes nothing of its own.
    written = "" if is_replica else "SELECT pg_current_wal_lsn()::text"
    position = connection.exec_driver_sql(written).scalar_one() if written else ""
    # A replica and a copy of the files have the system's number too. To the microsecond.
    return Identity(f"{system}:{started}", 0.0, schema, "", position)


def _sqlite(connection: sa.Connection) -> Identity:
    (*_, path) = connection.exec_driver_sql("PRAGMA database_list").one()
    return Identity(str(Path(path).resolve()), 0.0, "", "", "")


def _has_reached(connection: sa.Connection, heats: Identity) -> bool:
    """Whether this server is a replica which has replayed what Heat's had written.

    It is given a moment: where users are at work a replica is always some milliseconds behind.
    """
    if connection.dialect.name == "postgresql":
        mine, its = (each.process.partition(":")[0] for each in (identity(connection), heats))
        return mine == its and _replays(connection, heats)
    if connection.dialect.name != "mysql":
        return False
    is_mariadb = getattr(connection.dialect, "is_mariadb", False)
    wait = "MASTER_GTID_WAIT" if is_mariadb else "WAIT_FOR_EXECUTED_GTID_SET"
    query = sa.text(f"SELECT {wait}(:position, {_CATCHES_UP})")
    return bool(connection.execute(query, {"position": heats.position}).scalar_one() == 0)


def _replays(connection: sa.Connection, heats: Identity) -> bool:
    reached = sa.text(
        "SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= CAST(:position AS pg_lsn)"
    )
    for _ in range(_CATCHES_UP * 10):
        if connection.execute(reached, {"position": heats.position}).scalar_one():
            return True
        connection.exec_driver_sql("SELECT pg_sleep(0.1)")
    return False
