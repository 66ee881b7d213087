"""Heat's database: its revision, its service rows and its work in flight, in one snapshot."""

import time
from collections.abc import Callable, Collection, Iterator, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple, get_args

import sqlalchemy as sa
from sqlalchemy.engine import URL

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.configuration.global_environment import global_environment
from heat_upgrade_checks.evidence.database.heat_tables import ALEMBIC, MIGRATE, REQUIRED, SERVICE
from heat_upgrade_checks.evidence.database.session import (
    ask_in_session,
    clock,
    relation_to_heats,
    url_of,
    utc,
)
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.stacks.in_flight import StackInFlight, in_flight
from heat_upgrade_checks.heat.revisions import tables_touched
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.secrets import shown
from heat_upgrade_checks.wording import counted

# heat/common/config.py: stack_action_timeout, seconds.
_DEFAULT_STACK_TIMEOUT = 3600
# The same: periodic_interval, seconds, which is the interval of an engine's reports.
_DEFAULT_REPORT_INTERVAL = 60
# How often a stack that nobody held is looked at again, and after how many seconds each time.
_LOOKS = 6
_BETWEEN_LOOKS = 0.5


@dataclass(frozen=True)
class ServiceRow:
    """One worker process of an engine that did not end cleanly yet.

    A clean stop marks the row deleted; it is not listed then. `alive` is Heat's own rule: it
    reported within twice its interval (heat/common/service_utils.py), by the database's clock. The
    interval is the row's word: a longer one than any configuration says tells nothing.
    """

    engine_id: str
    host: str
    hostname: str
    created_at: datetime
    reported_seconds_ago: float
    report_interval: int
    alive: bool


@dataclass(frozen=True)
class Database(Facts):
    """Heat's database at one moment: `clock` by its server, `local_clock` by this machine.

    `revisions` are alembic's, `migrate_version` is sqlalchemy-migrate's; the latter stays behind
    when alembic takes over. `tables` are the names of all that it has. `changed_at` is when db_sync
    last changed a table, where the server keeps that (MariaDB and MySQL). `incomplete` says of
    which stacks it is not known whether they are worked on. `relation` is what the server is to
    that of `[database] connection`, where the plan gives another address.
    """

    url: str
    name: str
    server: str
    clock: datetime
    local_clock: datetime
    revisions: tuple[str, ...]
    migrate_version: int | None
    tables: tuple[str, ...]
    changed_at: datetime | None
    services: tuple[ServiceRow, ...]
    in_flight: tuple[StackInFlight, ...]
    incomplete: tuple[str, ...] = ()
    relation: str = ""

    @property
    def extent(self) -> str:
        """What was read."""
        relation = f", {self.relation}" if self.relation else ""
        return (
            f"all stacks, nested, hidden and backup ones of every project included "
            f"({len(self.in_flight)} in flight), and {counted(len(self.services), 'service row')}, "
            f"database {self.name} on {self.server}{relation}; a snapshot that Heat 25 or earlier "
            "deletes leaves no row"
        )


class _Told(NamedTuple):
    """What the configuration tells: seconds, seconds, and the environment of every stack."""

    default_timeout: int
    longest_report_interval: int
    every_stacks: dict[str, Any]


def observe(site: Site) -> Database:
    """Heat's database, with the account of `heat.conf` or the one the plan gives."""
    url = url_of(site)
    address = shown(url)
    conf = site.conf("current")
    told = _Told(
        conf.number("stack_action_timeout", _DEFAULT_STACK_TIMEOUT),
        longest_report_interval(site),
        global_environment(conf),
    )

    def look() -> Database:
        return ask_in_session(site, lambda session: _read(session, url, address, told))

    return replace(_followed(look), relation=relation_to_heats(site))


def _followed(look: Callable[[], Database]) -> Database:
    """What a look shows, and of each stack that nobody held what the looks after it show.

    Between two resources of a stack nobody holds it for a moment; where users are at work there is
    nearly always such a stack, and each time another one.
    """
    found = look()
    for _ in range(_LOOKS):
        if not any(map(_is_unheld, found.in_flight)):
            break
        time.sleep(_BETWEEN_LOOKS)
        later = look()
        now = {stack.id: stack for stack in later.in_flight}
        alive = {row.engine_id for row in later.services if row.alive}
        found = replace(
            later,
            in_flight=tuple(
                stack if _passed_on(stack, now[stack.id], alive) else now[stack.id]
                for stack in found.in_flight
                if stack.id in now
            ),
        )
    return found


def _passed_on(before: StackInFlight, now: StackInFlight, alive: Set[str]) -> bool:
    """Whether nobody holds it for a moment, and who held it before still lives to go on with it."""
    return _is_unheld(now) and not _is_unheld(before) and alive >= {*before.holders}


def _is_unheld(stack: StackInFlight) -> bool:
    return (
        stack.status == "IN_PROGRESS"
        and not stack.holders
        and not stack.backup
        and not stack.paused
    )


def longest_report_interval(site: Site) -> int:
    """Seconds between two reports of an engine, at most: as configured, or Heat's default."""
    intervals = [_DEFAULT_REPORT_INTERVAL]
    for side in get_args(SideName):
        # A target's file may not be there yet, and what keeps the current one from being read is
        # said where more rests on it.
        with suppress(Unobserved):
            intervals.append(site.conf(side).number("periodic_interval", _DEFAULT_REPORT_INTERVAL))
    return max(intervals)


def reporting(connection: sa.Connection, longest: int) -> tuple[ServiceRow, ...]:
    """The service rows of engines that did not end cleanly.

    :raises Unobserved: whether one is alive cannot be told; its word for more than the `longest`
        interval counts for nothing.
    """
    return tuple(_services(connection, clock(connection), longest))


def _read(connection: sa.Connection, url: URL, address: str, told: _Told) -> Database:
    now, local = clock(connection), datetime.now(UTC)
    present = set(sa.inspect(connection).get_table_names())
    missing = REQUIRED - present
    if missing:
        raise Unobserved(
            f"database {address} has no table {', '.join(sorted(missing))}; it is not Heat's, or "
            "its account may not see them: correct [database] connection or grant SELECT"
        )
    revisions, migrate_version = schema_revision(connection, present)
    work = in_flight(connection, now, told.default_timeout, told.every_stacks)
    return Database(
        url=address,
        name=url.database or "",
        server=_server(connection),
        clock=now,
        local_clock=local,
        revisions=revisions,
        migrate_version=migrate_version,
        tables=tuple(sorted(present)),
        changed_at=_changed_at(connection, revisions),
        services=tuple(_services(connection, now, told.longest_report_interval)),
        in_flight=work.stacks,
        incomplete=work.illegible,
    )


def schema_revision(
    connection: sa.Connection, present: Collection[str]
) -> tuple[tuple[str, ...], int | None]:
    """Alembic's revisions and sqlalchemy-migrate's number, as far as the tables `present` tell."""
    revisions: tuple[str, ...] = ()
    migrate_version = None
    if ALEMBIC.name in present:
        rows = connection.execute(sa.select(ALEMBIC.c.version_num))
        revisions = tuple(sorted(rows.scalars()))
    if MIGRATE.name in present:
        heat = sa.select(MIGRATE.c.version).where(MIGRATE.c.repository_id == "heat")
        migrate_version = connection.execute(heat).scalar()
    return revisions, migrate_version


def _server(connection: sa.Connection) -> str:
    version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
    dialect = connection.dialect
    name = {"mysql": "MySQL", "postgresql": "PostgreSQL", "sqlite": "SQLite"}[dialect.name]
    return f"{'MariaDB' if getattr(dialect, 'is_mariadb', False) else name} {version}"


def _changed_at(connection: sa.Connection, revisions: Collection[str]) -> datetime | None:
    """When db_sync last changed a table, at the earliest.

    A table's time of creation moves with OPTIMIZE TABLE, too; db_sync moved that of all that it
    touched. Where it is not known what it touched, any table of Heat's counts.
    """
    if connection.dialect.name != "mysql":
        return None
    touched = tables_touched(revisions)
    first = sa.func.min if touched else sa.func.max
    tables = sa.table("tables", *map(sa.column, _CATALOGUE), schema="information_schema")
    value = connection.execute(
        sa.select(first(tables.c.create_time)).where(
            tables.c.table_schema == sa.func.database(),
            tables.c.table_name.in_(sorted(touched or REQUIRED)),
        )
    ).scalar()
    return None if value is None else utc(value)


_CATALOGUE = ("table_schema", "table_name", "create_time")


def _services(connection: sa.Connection, now: datetime, longest: int) -> Iterator[ServiceRow]:
    columns = SERVICE.c
    query = sa.select(SERVICE).where(columns.deleted_at.is_(None), columns.binary == "heat-engine")
    for row in connection.execute(query.order_by(columns.host, columns.engine_id)):
        if row.created_at is None:
            raise Unobserved(f"{_named(row)} does not tell when it began; {_REMEDY}")
        silent = (now - utc(row.updated_at or row.created_at)).total_seconds()
        alive = silent <= 2 * min(row.report_interval, longest)
        if not alive and silent <= 2 * row.report_interval:
            raise Unobserved(
                f"{_named(row)} is silent for {silent:.0f} s and claims to report every "
                f"{row.report_interval} s, but periodic_interval of no heat.conf in the plan is "
                f"over {longest} s, so whether the engine lives is not known; set it there as on "
                f"that host, or {_REMEDY}"
            )
        yield ServiceRow(
            engine_id=row.engine_id,
            host=row.host,
            hostname=row.hostname,
            created_at=utc(row.created_at),
            reported_seconds_ago=round(silent, 3),
            report_interval=row.report_interval,
            alive=alive,
        )


_REMEDY = "restart that engine, or remove the row from the table service where it runs no more"


def _named(row: sa.Row[Any]) -> str:
    return f"the service row of engine {row.engine_id} on {row.host}"
