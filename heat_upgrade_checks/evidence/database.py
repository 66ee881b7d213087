"""Heat's database: its revision, its service rows and its work in flight, in one snapshot."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import URL

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.database_session import (
    ask_in_session,
    clock,
    url_of,
    utc,
)
from heat_upgrade_checks.evidence.heat_tables import (
    ALEMBIC,
    MIGRATE,
    SERVICE,
    STACK,
)
from heat_upgrade_checks.evidence.in_flight import StackInFlight, in_flight
from heat_upgrade_checks.evidence.site import Site

# heat/common/config.py: stack_action_timeout, seconds.
_DEFAULT_STACK_TIMEOUT = 3600


@dataclass(frozen=True)
class ServiceRow:
    """One worker process of an engine that did not end cleanly yet.

    A clean stop marks the row deleted; it is not listed then. `alive` is Heat's own rule: it
    reported within twice its interval (heat/common/service_utils.py), by the database's clock.
    """

    engine_id: str
    host: str
    hostname: str
    created_at: datetime
    reported_seconds_ago: float
    report_interval: int
    alive: bool


@dataclass(frozen=True)
class Database:
    """Heat's database at one moment.

    `revisions` are alembic's, `migrate_version` is sqlalchemy-migrate's; the latter stays behind
    when alembic takes over. `changed_at` is when a table was last created or altered, where the
    server keeps it (MariaDB and MySQL).
    """

    url: str
    name: str
    server: str
    clock: datetime
    revisions: tuple[str, ...]
    migrate_version: int | None
    changed_at: datetime | None
    stacks: int
    projects: int
    services: tuple[ServiceRow, ...]
    in_flight: tuple[StackInFlight, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        return (
            f"{self.stacks} stacks in {self.projects} projects (nested, hidden and backup "
            f"included) and {len(self.services)} service rows, database {self.name} on "
            f"{self.server}"
        )


def observe(site: Site) -> Database:
    """Heat's database, with the account of `heat.conf` or the one the plan gives."""
    url = url_of(site)
    shown = url.render_as_string(hide_password=True)
    conf = site.conf("current")
    default_timeout = int(conf.get("stack_action_timeout") or _DEFAULT_STACK_TIMEOUT)
    return ask_in_session(site, lambda session: _read(session, url, shown, default_timeout))


def reporting(connection: sa.Connection) -> tuple[ServiceRow, ...]:
    """The service rows of engines that did not end cleanly."""
    return tuple(_services(connection, clock(connection)))


def _read(connection: sa.Connection, url: URL, shown: str, default_timeout: int) -> Database:
    now = clock(connection)
    present = set(sa.inspect(connection).get_table_names())
    missing = {"event", "resource", "service", "stack", "stack_lock", "sync_point"} - present
    if missing:
        raise Unobserved(
            f"database {shown} has no table {', '.join(sorted(missing))}; it is not Heat's, or its "
            "account may not see them: correct [database] connection or grant SELECT"
        )
    revisions: tuple[str, ...] = ()
    migrate_version = None
    if ALEMBIC.name in present:
        rows = connection.execute(sa.select(ALEMBIC.c.version_num))
        revisions = tuple(sorted(rows.scalars()))
    if MIGRATE.name in present:
        heat = sa.select(MIGRATE.c.version).where(MIGRATE.c.repository_id == "heat")
        migrate_version = connection.execute(heat).scalar()
    counts = sa.select(sa.func.count(), sa.func.count(STACK.c.tenant.distinct()))
    stacks, projects = connection.execute(counts.where(STACK.c.deleted_at.is_(None))).one()
    return Database(
        url=shown,
        name=url.database or "",
        server=_server(connection),
        clock=now,
        revisions=revisions,
        migrate_version=migrate_version,
        changed_at=_changed_at(connection),
        stacks=stacks,
        projects=projects,
        services=tuple(_services(connection, now)),
        in_flight=tuple(in_flight(connection, now, default_timeout)),
    )


def _server(connection: sa.Connection) -> str:
    version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
    dialect = connection.dialect
    name = {"mysql": "MySQL", "postgresql": "PostgreSQL", "sqlite": "SQLite"}[dialect.name]
    return f"{'MariaDB' if getattr(dialect, 'is_mariadb', False) else name} {version}"


def _changed_at(connection: sa.Connection) -> datetime | None:
    if connection.dialect.name != "mysql":
        return None
    value = connection.exec_driver_sql(
        "SELECT MAX(create_time) FROM information_schema.tables WHERE table_schema = DATABASE()"
    ).scalar()
    return None if value is None else utc(value)


def _services(connection: sa.Connection, now: datetime) -> Iterator[ServiceRow]:
    columns = SERVICE.c
    query = sa.select(SERVICE).where(columns.deleted_at.is_(None), columns.binary == "heat-engine")
    for row in connection.execute(query.order_by(columns.host, columns.engine_id)):
        silent = (now - utc(row.updated_at or row.created_at)).total_seconds()
        yield ServiceRow(
            engine_id=row.engine_id,
            host=row.host,
            hostname=row.hostname,
            created_at=utc(row.created_at),
            reported_seconds_ago=round(silent, 3),
            report_interval=row.report_interval,
            alive=silent <= 2 * row.report_interval,
        )
