"""A session on Heat's database in which nothing can be written and nothing takes for ever."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.database.errors import passes_by, sentence
from heat_upgrade_checks.evidence.database.identity import identity, place, relation
from heat_upgrade_checks.evidence.retry import ask
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.secrets import shown

_CONNECT_TIMEOUT = 10
_IDS_PER_QUERY = 500

Facts = TypeVar("Facts")
_Id = TypeVar("_Id")


def ask_in_session(site: Site, read: Callable[[sa.Connection], Facts]) -> Facts:
    """What `read` finds in one read-only session, begun anew where that may help.

    :raises Unobserved: the database cannot be reached, or not be read, or is not shown to be the
        one to which Heat writes.
    """
    url, timeout = url_of(site), site.plan.database.statement_timeout
    heats = _heats_own(site, url)
    if heats is None:
        return ask_at(url, timeout, read)
    try:
        own = ask_at(heats, timeout, identity)
    except Unobserved as reason:
        raise Unobserved(f"{_elsewhere(url, heats)}: {reason}") from None

    def read_heats(connection: sa.Connection) -> Facts:
        if not relation(connection, own):
            raise Unobserved(_elsewhere(url, heats))
        # What is read begins here, not before that was shown.
        connection.commit()
        return read(connection)

    return ask_at(url, timeout, read_heats)


def relation_to_heats(site: Site) -> str:
    """What the server that is read is to that of `[database] connection`; "" where it is that one.

    :raises Unobserved: as `ask_in_session`.
    """
    url, timeout = url_of(site), site.plan.database.statement_timeout
    heats = _heats_own(site, url)
    if heats is None:
        return ""
    own = ask_at(heats, timeout, identity)
    return ask_at(url, timeout, lambda connection: relation(connection, own))


def ask_at(url: URL, timeout: timedelta, read: Callable[[sa.Connection], Facts]) -> Facts:
    """What `read` finds at an address in one read-only session.

    :raises Unobserved: the database cannot be reached, or not be read.
    """
    address = shown(url)

    def question() -> Facts:
        with _session(url, timeout) as connection:
            return read(connection)

    try:
        return ask(question, again_on=passes_by)
    except DBAPIError as error:
        raise Unobserved(sentence(error, address)) from None
    except (SQLAlchemyError, OSError, ValueError) as error:
        raise Unobserved(
            f"database {address}: {type(error).__name__} while it was read; "
            "check that it is Heat's database and that its rows are not damaged"
        ) from None


def url_of(site: Site) -> URL:
    """Where Heat's database is and with which account it is read."""
    plan = site.plan.database
    url = parsed(plan.url or site.conf("current").database_url())
    password = plan.password(site.secrets)
    return url.set(password=password) if password is not None else url


def _heats_own(site: Site, url: URL) -> URL | None:
    """Where `[database] connection` leads, if that is known and another address than this."""
    if site.plan.database.url is None or not site.plan.current.is_configured:
        return None
    conf = site.conf("current")
    if conf.get("connection", "database") is None:
        return None
    heats = parsed(conf.database_url())
    return None if place(heats) == place(url) else heats


def _elsewhere(url: URL, heats: URL) -> str:
    return (
        f"database.url in the plan reads {shown(url)}, and [database] connection names "
        f"{shown(heats)}: that both are one server, one cluster, or a replica that has caught up "
        "is not shown; let database.url name the server that connection names, and run this where "
        "that can be reached"
    )


def parsed(text: str, what: str = "the database URL") -> URL:
    """A database's address, with the driver that reads it here.

    :raises Unobserved: it is no URL, or of no database that Heat runs on.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise Unobserved(
            f"{what} cannot be read; write it like "
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
        with _connected(engine, url) as connection:
            for statement in _restrictions(connection, timeout):
                connection.exec_driver_sql(statement)
            connection.commit()
            yield connection
    finally:
        engine.dispose()


def _connected(engine: sa.Engine, url: URL) -> sa.Connection:
    """A connection; what a driver makes of a wrong parameter is no error of a database to it."""
    try:
        return engine.connect()
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise Unobserved(
            f"database {shown(url)}: its driver cannot use a parameter of the URL "
            f"({type(error).__name__}); correct what stands after `?` in [database] connection "
            "(database.url in the plan)"
        ) from None


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


def clock(connection: sa.Connection) -> datetime:
    """The server's time."""
    expression = {
        "mysql": "SELECT UTC_TIMESTAMP(6)",
        "postgresql": "SELECT clock_timestamp() AT TIME ZONE 'UTC'",
        "sqlite": "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')",
    }[connection.dialect.name]
    value = connection.exec_driver_sql(expression).scalar_one()
    return utc(datetime.fromisoformat(value) if isinstance(value, str) else value)


def portions(ids: Sequence[_Id], at_most: int = _IDS_PER_QUERY) -> Iterator[Sequence[_Id]]:
    """The ids in lots that one statement, or the memory for its answer, can hold."""
    return (ids[at : at + at_most] for at in range(0, len(ids), at_most))


def utc(value: datetime) -> datetime:
    """A time as Heat stores it, without a zone, is in UTC."""
    return value.replace(tzinfo=UTC)
