"""Heat's database: its revision, its service rows and its work in flight, in one snapshot.

Only tables and columns that exist from Zed (19) to 2026.2 (27) are selected, so one reading serves
both releases (heat/db/models.py). The session is read-only and each statement has a time limit.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.database_errors import passes_by, sentence
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.retry import ask

# heat/common/config.py: stack_action_timeout, seconds.
_DEFAULT_STACK_TIMEOUT = 3600
_CONNECT_TIMEOUT = 10
_IDS_PER_QUERY = 500

Facts = TypeVar("Facts")

_SCHEMA = sa.MetaData()
_STACK = sa.Table(
    "stack",
    _SCHEMA,
    sa.Column("id", sa.String(36)),
    sa.Column("name", sa.String(255)),
    sa.Column("tenant", sa.String(256)),
    sa.Column("owner_id", sa.String(36)),
    sa.Column("action", sa.String(255)),
    sa.Column("status", sa.String(255)),
    sa.Column("timeout", sa.Integer),
    sa.Column("convergence", sa.Boolean),
    sa.Column("backup", sa.Boolean),
    sa.Column("created_at", sa.DateTime),
    sa.Column("updated_at", sa.DateTime),
    sa.Column("deleted_at", sa.DateTime),
)
_RESOURCE = sa.Table(
    "resource",
    _SCHEMA,
    sa.Column("name", sa.String(255)),
    sa.Column("stack_id", sa.String(36)),
    sa.Column("action", sa.String(255)),
    sa.Column("status", sa.String(255)),
    sa.Column("engine_id", sa.String(36)),
)
_EVENT = sa.Table(
    "event",
    _SCHEMA,
    sa.Column("stack_id", sa.String(36)),
    sa.Column("created_at", sa.DateTime),
)
_SYNC_POINT = sa.Table(
    "sync_point",
    _SCHEMA,
    sa.Column("stack_id", sa.String(36)),
    sa.Column("created_at", sa.DateTime),
    sa.Column("updated_at", sa.DateTime),
)
_STACK_LOCK = sa.Table(
    "stack_lock",
    _SCHEMA,
    sa.Column("stack_id", sa.String(36)),
    sa.Column("engine_id", sa.String(36)),
)
_SERVICE = sa.Table(
    "service",
    _SCHEMA,
    sa.Column("engine_id", sa.String(36)),
    sa.Column("host", sa.String(255)),
    sa.Column("hostname", sa.String(255)),
    sa.Column("binary", sa.String(255)),
    sa.Column("report_interval", sa.Integer),
    sa.Column("created_at", sa.DateTime),
    sa.Column("updated_at", sa.DateTime),
    sa.Column("deleted_at", sa.DateTime),
)
_ALEMBIC = sa.Table("alembic_version", _SCHEMA, sa.Column("version_num", sa.String(32)))
_MIGRATE = sa.Table(
    "migrate_version",
    _SCHEMA,
    sa.Column("repository_id", sa.String(250)),
    sa.Column("version", sa.Integer),
)


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
class ResourceInFlight:
    """A resource that is IN_PROGRESS, or that an engine holds; `engine_id` is its holder or ""."""

    name: str
    action: str
    status: str
    engine_id: str


@dataclass(frozen=True)
class StackInFlight:
    """A stack that is IN_PROGRESS or locked, of any project, nested, hidden and backup included.

    `age` and `timeout` are seconds; so is `still`, since its last event or sync_point, or since its
    action began. `lock` is the engine that holds its stack_lock, or "".
    """

    id: str
    name: str
    project: str
    owner_id: str
    action: str
    status: str
    age: float
    still: float
    timeout: int
    convergence: bool
    backup: bool
    lock: str
    resources: tuple[ResourceInFlight, ...]

    @property
    def holders(self) -> tuple[str, ...]:
        """The engine ids that hold the stack or one of its resources."""
        held = {resource.engine_id for resource in self.resources} | {self.lock}
        return tuple(sorted(held - {""}))


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


def name_of(url: str) -> str:
    """The name of the database that a connection URL points at: a file's path for SQLite."""
    return _parse(url).database or ""


def observe(site: Site) -> Database:
    """Heat's database, with the account of `heat.conf` or the one the plan gives."""
    url = url_of(site)
    shown = url.render_as_string(hide_password=True)
    conf = site.conf("current")
    default_timeout = int(conf.get("stack_action_timeout") or _DEFAULT_STACK_TIMEOUT)
    return ask_in_session(site, lambda session: _read(session, url, shown, default_timeout))


def ask_in_session(site: Site, read: Callable[[sa.Connection], Facts]) -> Facts:
    """What `read` finds in one read-only session, begun anew where that may help.

    :raises Unobserved: the database cannot be reached, or not be read.
    """
    url = url_of(site)
    shown = url.render_as_string(hide_password=True)
    timeout = site.plan.database.statement_timeout

    def question() -> Facts:
        with _session(url, timeout) as connection:
            return read(connection)

    try:
        return ask(question, again_on=passes_by)
    except DBAPIError as error:
        raise Unobserved(sentence(error, shown)) from None
    except (SQLAlchemyError, OSError, ValueError) as error:
        raise Unobserved(
            f"database {shown}: {type(error).__name__} while it was read; "
            "check that it is Heat's database and that its rows are not damaged"
        ) from None


def reporting(connection: sa.Connection) -> tuple[ServiceRow, ...]:
    """The service rows of engines that did not end cleanly."""
    return tuple(_services(connection, _clock(connection)))


def url_of(site: Site) -> URL:
    """Where Heat's database is and with which account it is read."""
    plan = site.plan.database
    url = _parse(plan.url or site.conf("current").database_url())
    password = plan.password(site.secrets)
    return url.set(password=password) if password is not None else url


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise Unobserved(
            "the database URL cannot be read; write it like "
            "mysql+pymysql://heat@controller/heat in database.url or [database] connection"
        ) from None
    drivers = {"mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}
    drivers |= {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    drivers |= {"sqlite": "sqlite"}
    backend = url.drivername.partition("+")[0]
    if backend not in drivers:
        raise Unobserved(f"database {backend} is not one that Heat runs on; correct database.url")
    # oslo.db's own parameter for its test plugins; no driver of ours knows it.
    return url.set(drivername=drivers[backend]).difference_update_query(["plugin"])


@contextmanager
def _session(url: URL, timeout: timedelta) -> Iterator[sa.Connection]:
    """A connection in which the server refuses every write and ends every long statement."""
    backend = url.get_backend_name()
    arguments: dict[str, object] = {"connect_timeout": _CONNECT_TIMEOUT}
    if backend == "mysql":
        arguments["read_timeout"] = _CONNECT_TIMEOUT + int(timeout.total_seconds())
    elif backend == "sqlite":
        url, arguments = _read_only_file(url), {}
    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=arguments)
    except ModuleNotFoundError as error:
        raise Unobserved(
            f"the Python driver {error.name} for this database is not installed; "
            "install heat-upgrade-checks[postgresql]"
        ) from None
    try:
        with engine.connect() as connection:
            for statement in _restrictions(connection, timeout):
                connection.exec_driver_sql(statement)
            connection.commit()
            yield connection
    finally:
        engine.dispose()


def _restrictions(connection: sa.Connection, timeout: timedelta) -> Sequence[str]:
    milliseconds = int(timeout.total_seconds() * 1000)
    dialect = connection.dialect
    if dialect.name == "mysql":
        limit = (
            f"SET SESSION max_statement_time = {milliseconds / 1000}"
            if getattr(dialect, "is_mariadb", False)
            else f"SET SESSION max_execution_time = {milliseconds}"
        )
        return (
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            "SET SESSION time_zone = '+00:00'",
            limit,
        )
    if dialect.name == "postgresql":
        return (
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            f"SET SESSION statement_timeout = {milliseconds}",
        )
    return ("PRAGMA query_only = ON",)


def _read_only_file(url: URL) -> URL:
    return url.set(
        database=f"file:{quote(url.database or '')}",
        query={"mode": "ro", "uri": "true", **url.query},
    )


def _read(connection: sa.Connection, url: URL, shown: str, default_timeout: int) -> Database:
    clock = _clock(connection)
    present = set(sa.inspect(connection).get_table_names())
    missing = {"event", "resource", "service", "stack", "stack_lock", "sync_point"} - present
    if missing:
        raise Unobserved(
            f"database {shown} has no table {', '.join(sorted(missing))}; it is not Heat's, or its "
            "account may not see them: correct [database] connection or grant SELECT"
        )
    revisions: tuple[str, ...] = ()
    migrate_version = None
    if _ALEMBIC.name in present:
        rows = connection.execute(sa.select(_ALEMBIC.c.version_num))
        revisions = tuple(sorted(rows.scalars()))
    if _MIGRATE.name in present:
        heat = sa.select(_MIGRATE.c.version).where(_MIGRATE.c.repository_id == "heat")
        migrate_version = connection.execute(heat).scalar()
    counts = sa.select(sa.func.count(), sa.func.count(_STACK.c.tenant.distinct()))
    stacks, projects = connection.execute(counts.where(_STACK.c.deleted_at.is_(None))).one()
    return Database(
        url=shown,
        name=url.database or "",
        server=_server(connection),
        clock=clock,
        revisions=revisions,
        migrate_version=migrate_version,
        changed_at=_changed_at(connection),
        stacks=stacks,
        projects=projects,
        services=tuple(_services(connection, clock)),
        in_flight=tuple(_in_flight(connection, clock, default_timeout)),
    )


def _clock(connection: sa.Connection) -> datetime:
    expression = {
        "mysql": "SELECT UTC_TIMESTAMP(6)",
        "postgresql": "SELECT clock_timestamp() AT TIME ZONE 'UTC'",
        "sqlite": "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')",
    }[connection.dialect.name]
    value = connection.exec_driver_sql(expression).scalar_one()
    return _utc(datetime.fromisoformat(value) if isinstance(value, str) else value)


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
    return None if value is None else _utc(value)


def _services(connection: sa.Connection, clock: datetime) -> Iterator[ServiceRow]:
    columns = _SERVICE.c
    query = sa.select(_SERVICE).where(columns.deleted_at.is_(None), columns.binary == "heat-engine")
    for row in connection.execute(query.order_by(columns.host, columns.engine_id)):
        silent = (clock - _utc(row.updated_at or row.created_at)).total_seconds()
        yield ServiceRow(
            engine_id=row.engine_id,
            host=row.host,
            hostname=row.hostname,
            created_at=_utc(row.created_at),
            reported_seconds_ago=round(silent, 3),
            report_interval=row.report_interval,
            alive=silent <= 2 * row.report_interval,
        )


def _in_flight(
    connection: sa.Connection, clock: datetime, default_timeout: int
) -> Iterator[StackInFlight]:
    locks = _STACK.outerjoin(_STACK_LOCK, _STACK_LOCK.c.stack_id == _STACK.c.id)
    query = (
        sa.select(_STACK, _STACK_LOCK.c.engine_id.label("lock"))
        .select_from(locks)
        .where(_STACK.c.deleted_at.is_(None))
        .where((_STACK.c.status == "IN_PROGRESS") | _STACK_LOCK.c.engine_id.is_not(None))
        .order_by(_STACK.c.created_at, _STACK.c.id)
    )
    stacks = connection.execute(query).all()
    ids = [stack.id for stack in stacks]
    resources = _resources_in_flight(connection, ids)
    moved = _last_movements(connection, ids)
    for stack in stacks:
        begun = _utc(stack.updated_at or stack.created_at)
        last = max([begun, *moved[stack.id]])
        yield StackInFlight(
            id=stack.id,
            name=stack.name,
            project=stack.tenant or "",
            owner_id=stack.owner_id or "",
            action=stack.action,
            status=stack.status,
            age=round((clock - begun).total_seconds(), 3),
            still=round((clock - last).total_seconds(), 3),
            timeout=default_timeout if stack.timeout is None else stack.timeout * 60,
            convergence=bool(stack.convergence),
            backup=bool(stack.backup),
            lock=stack.lock or "",
            resources=tuple(resources[stack.id]),
        )


def _resources_in_flight(
    connection: sa.Connection, stack_ids: Sequence[str]
) -> dict[str, list[ResourceInFlight]]:
    found: dict[str, list[ResourceInFlight]] = defaultdict(list)
    columns = _RESOURCE.c
    for ids in _portions(stack_ids):
        query = sa.select(_RESOURCE).where(
            columns.stack_id.in_(ids),
            (columns.status == "IN_PROGRESS") | columns.engine_id.is_not(None),
        )
        for row in connection.execute(query.order_by(columns.name)):
            found[row.stack_id].append(
                ResourceInFlight(row.name, row.action, row.status, row.engine_id or "")
            )
    return found


def _last_movements(
    connection: sa.Connection, stack_ids: Sequence[str]
) -> dict[str, list[datetime]]:
    """When each stack's newest event and sync_point were written."""
    found: dict[str, list[datetime]] = defaultdict(list)
    for ids in _portions(stack_ids):
        for table, column in (
            (_EVENT, _EVENT.c.created_at),
            (_SYNC_POINT, _SYNC_POINT.c.created_at),
            (_SYNC_POINT, _SYNC_POINT.c.updated_at),
        ):
            newest = sa.select(table.c.stack_id, sa.func.max(column).label("newest"))
            query = newest.where(table.c.stack_id.in_(ids)).group_by(table.c.stack_id)
            for row in connection.execute(query):
                if row.newest is not None:
                    found[row.stack_id].append(_utc(row.newest))
    return found


def _portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[at : at + _IDS_PER_QUERY] for at in range(0, len(ids), _IDS_PER_QUERY))


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)
