"""A private PostgreSQL, set as the live server is, on a socket in a folder of its own."""

import re
import signal
from pathlib import Path

from sqlalchemy.engine import URL

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.rehearsal import private_server
from heat_upgrade_checks.rehearsal.keeper import Keeper, KeeperError
from heat_upgrade_checks.rehearsal.live_server import LiveServer

_NEEDED = (
    "no PostgreSQL server is installed on this machine to rehearse on; install one "
    "(apt-get install postgresql) or name an empty database in the plan: rehearsal: {url: …}"
)
_SOCKET = ".s.PGSQL.5432"

# Nothing has to survive a crash, so nothing waits for the disk. Shared memory in the data folder,
# for that is removed in any case.
_HASTE = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "checkpoint_timeout=1h",
    "max_wal_size=2GB",
    "maintenance_work_mem=256MB",
    "dynamic_shared_memory_type=mmap",
)


def start(keeper: Keeper, live: LiveServer, within: Path, log: Path) -> URL:
    """Start a server with an empty database of the live one's name, encoding and locale.

    The role of the live URL owns it and may do everything, as restoring an extension demands.

    :raises Unobserved: no server is installed, or it does not start.
    """
    server = private_server.program(["postgres"], _folders(live.version))
    initdb = private_server.program(["initdb"], [server.parent] if server else [])
    if server is None or initdb is None:
        raise Unobserved(_NEEDED)
    # It refuses to run as root.
    owner = private_server.unprivileged(("postgres", "nobody"))
    home = keeper.folder(within, owner)
    sockets = private_server.socket_folder(keeper, home, _SOCKET, owner)
    account = live.account or "heat"
    make: list[str | Path] = [
        initdb,
        f"--pgdata={home / 'data'}",
        f"--username={account}",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]
    if code := keeper.run(make, log, owner):
        raise Unobserved(f"{initdb} made no data folder (exit code {code}){_reason(log)}")
    settings = (
        *_HASTE,
        "listen_addresses=",
        "port=5432",
        f"unix_socket_directories={sockets}",
        f"shared_buffers={private_server.cache_bytes() // 2**20}MB",
    )
    switches = [word for setting in settings for word in ("-c", setting)]
    try:
        # An immediate shutdown: its processes end, and it does not tidy up.
        keeper.start(
            [server, "-D", home / "data", *switches],
            log,
            sockets / _SOCKET,
            signal.SIGQUIT,
            owner,
        )
    except KeeperError as error:
        raise Unobserved(f"the scratch server {server}: {error}{_reason(log)}") from None
    url = URL.create(
        "postgresql+psycopg", account, database="postgres", query={"host": str(sockets)}
    )
    _prepare(url, live)
    return url.set(database=live.database)


def _folders(version: str) -> list[Path]:
    """Where distributions keep the programs of each version, the live one's first, then newest."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    wanted = _major(version)

    def rank(folder: Path) -> tuple[bool, int]:
        major = _major(folder.parent.name.removeprefix("pgsql-"))
        return major == wanted, major

    return sorted(found, key=rank, reverse=True)


def _major(version: str) -> int:
    found = re.match(r"\d+", version)
    return int(found[0]) if found else 0


def _reason(log: Path) -> str:
    """The last error in the log of a server that did not start; no row is in it yet."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    errors = [line for line in lines if re.search(r"FATAL: |error: ", line)]
    return f": {errors[-1].strip()}" if errors else ""


def _prepare(url: URL, live: LiveServer) -> None:
    """Make the database as the live one is, and set it so, as far as this server can."""
    with private_server.first_session(url) as session:
        quote = session.dialect.identifier_preparer.quote_identifier
        if live.database != "postgres":
            encoding = f"ENCODING {_literal(live.charset)}"
            for parts in (
                (encoding, *_locale(live)),
                (encoding, "LOCALE 'C'"),
            ):
                words = " ".join(parts)
                created = private_server.attempt(
                    session, f"CREATE DATABASE {quote(live.database)} TEMPLATE template0 {words}"
                )
                if created:
                    break
        for name, value in live.settings.items():
            private_server.attempt(
                session, f"ALTER DATABASE {quote(live.database)} SET {name} = {_literal(value)}"
            )


def _locale(live: LiveServer) -> tuple[str, ...]:
    """The clauses that give a database the live one's locale."""
    libc = (f"LC_COLLATE {_literal(live.collation)}", f"LC_CTYPE {_literal(live.character_type)}")
    if live.provider == "icu":
        return (*libc, "LOCALE_PROVIDER icu", f"ICU_LOCALE {_literal(live.provider_locale)}")
    if live.provider == "builtin":
        locale = f"BUILTIN_LOCALE {_literal(live.provider_locale)}"
        return (*libc, "LOCALE_PROVIDER builtin", locale)
    return libc


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
