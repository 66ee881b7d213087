"""The scratch database of a rehearsal: made or lent, set as the live one, and gone afterwards."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from heat_upgrade_checks.errors import HeatUpgradeCheckError, Unobserved, UsageError
from heat_upgrade_checks.evidence.backup.newest import Backup
from heat_upgrade_checks.evidence.database import errors as database_errors
from heat_upgrade_checks.evidence.database import session as database_session
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.rehearsal import (
    emptying,
    mariadb_server,
    postgresql_server,
    private_server,
)
from heat_upgrade_checks.rehearsal.keeper import Keeper, KeeperError
from heat_upgrade_checks.rehearsal.live_server import (
    LiveServer,
    decisive_differences,
    differences,
    look,
)
from heat_upgrade_checks.secrets import shown

_CONNECT_TIMEOUT = 10

_DRIVER = {"mysql": "mysql+pymysql", "postgresql": "postgresql+psycopg"}
_HEATS_DRIVER = {"mysql": "mysql+pymysql", "postgresql": "postgresql"}

# A restored database with its indexes, and what the migration copies.
_SPACE_PER_BYTE = 2


class NotCleanedUp(HeatUpgradeCheckError):
    """The rehearsal is over, and something of it is left; the sentence names it."""


@dataclass(frozen=True)
class Scratch:
    """An empty database of the live one's kind.

    `url` is for this process, `heats_url` for `[database] connection`: it may hold a password and
    must not be shown. `folder` is for the run's files, open to this user alone. `differs` tells how
    server and database are unlike the live ones, a phrase for each difference; `unlike` are the
    decisive ones.
    """

    url: URL = field(repr=False)
    heats_url: str = field(repr=False)
    server: str
    is_private: bool
    folder: Path
    differs: tuple[str, ...]
    unlike: tuple[str, ...]


@contextmanager
def scratch(site: Site, live: LiveServer, backup: Backup) -> Iterator[Scratch]:
    """The database that the plan lends, else one on a private server, with room for this backup.

    :raises UsageError: the database of the plan cannot be used, or there is no room.
    :raises Unobserved: no private server can be started.
    :raises NotCleanedUp: something is left afterwards.
    """
    lent = _lent_url(site, live)
    within = private_server.temporary_folder()
    if lent is None:
        _require_room(within, backup)
    keeper = Keeper()
    try:
        folder = keeper.folder(within)
        yield _lent(keeper, folder, lent, live) if lent else _private(keeper, folder, live, site)
    except KeeperError as error:
        raise Unobserved(f"{error}; TMPDIR can name another folder than {within}") from None
    finally:
        _close(keeper)


def _close(keeper: Keeper) -> None:
    try:
        keeper.close()
    except KeeperError as error:
        raise NotCleanedUp(f"the rehearsal was not cleaned up; {error}") from None


def _require_room(within: Path, backup: Backup) -> None:
    needed = _SPACE_PER_BYTE * max(backup.bytes, backup.decoded_bytes)
    free = shutil.disk_usage(within).free
    if free < needed:
        raise UsageError(
            f"{within} has {free / 1e9:.1f} GB free and the rehearsal needs {needed / 1e9:.1f} GB; "
            "set TMPDIR to a folder with more room, or rehearsal: {url: …} in the plan"
        )


def _private(keeper: Keeper, folder: Path, live: LiveServer, site: Site) -> Scratch:
    if live.backend == "sqlite":
        url = URL.create("sqlite", database=str(folder / "scratch.sqlite"))
        return Scratch(url, _text(url), live.server, True, folder, (), ())
    if live.backend == "mysql":
        url = mariadb_server.start(keeper, live, folder)
    else:
        url = postgresql_server.start(keeper, live, folder.parent, folder / "server.log")
    with _session(url) as session:
        ours = look(session, live.account)
    return _found(ours, live, url, _heats_url(url, site), folder, is_private=True)


def _lent(keeper: Keeper, folder: Path, url: URL, live: LiveServer) -> Scratch:
    """The plan's database, where it is empty and not the live one; it will be emptied."""
    address = shown(url)
    try:
        with _session(url) as session:
            ours = look(session, live.account)
            content = emptying.content(session)
    except sa.exc.DBAPIError as error:
        reason = database_errors.sentence(error, address).rpartition("; ")[0]
        raise UsageError(
            f"{reason}; correct rehearsal.url, password_env or password_file in the plan"
        ) from None
    except (SQLAlchemyError, KeyError):
        raise UsageError(f"database {address} of the plan's rehearsal.url cannot be read") from None
    if (ours.identity, ours.database) == (live.identity, live.database):
        raise UsageError(
            f"rehearsal.url {address} is Heat's live database; "
            "name an empty database, or leave it out to rehearse on a private server"
        )
    if content:
        raise UsageError(
            f"database {address} of the plan's rehearsal.url is not empty (it has "
            f"{content[0][0].lower()} {content[0][1]}); name one that is"
        )
    keeper.empty_at_end(_text(url))
    heats = url.set(drivername=_HEATS_DRIVER[live.backend])
    return _found(ours, live, url, _text(heats), folder, is_private=False)


def _found(
    ours: LiveServer, live: LiveServer, url: URL, heats: str, folder: Path, *, is_private: bool
) -> Scratch:
    differs, unlike = differences(ours, live), decisive_differences(ours, live)
    return Scratch(url, heats, ours.server, is_private, folder, differs, unlike)


def _lent_url(site: Site, live: LiveServer) -> URL | None:
    """The database that the plan names, of the live one's kind, with its password."""
    plan = site.plan.rehearsal
    if plan.url is None:
        return None
    try:
        url = sa.make_url(plan.url)
        backend = url.get_backend_name().replace("mariadb", "mysql")
    except (ArgumentError, ValueError):
        raise UsageError(
            "rehearsal.url cannot be read; write it like mysql+pymysql://heat@scratch/rehearsal"
        ) from None
    if backend != live.backend:
        raise UsageError(
            f"rehearsal.url names {backend} and Heat's database is {live.backend}; "
            "name one of the same kind"
        )
    if backend not in _DRIVER:
        raise UsageError("leave rehearsal.url out: SQLite is rehearsed in a file of its own")
    if not url.database:
        raise UsageError("rehearsal.url names no database; end it with /NAME of an empty one")
    url = url.set(drivername=_DRIVER[backend])
    password = plan.password(site.secrets)
    return url.set(password=password) if password is not None else url


def _heats_url(url: URL, site: Site) -> str:
    """A private server's URL as Heat's configuration would have it, charset included."""
    charset = database_session.url_of(site).query.get("charset")
    heats = url.set(drivername=_HEATS_DRIVER[url.get_backend_name()])
    return _text(heats.update_query_dict({"charset": charset}) if charset else heats)


def _session(url: URL) -> sa.Connection:
    arguments = {"connect_timeout": _CONNECT_TIMEOUT}
    return sa.create_engine(url, poolclass=sa.NullPool, connect_args=arguments).connect()


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
