"""A private MariaDB or MySQL, set as the live server is, on a socket in a folder of its own."""

import os
import re
import signal
import subprocess
from pathlib import Path

from sqlalchemy.engine import URL

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.rehearsal import private_server
from heat_upgrade_checks.rehearsal.keeper import Keeper, KeeperError
from heat_upgrade_checks.rehearsal.live_server import LiveServer

_NEEDED = (
    "no MariaDB or MySQL server is installed on this machine to rehearse on; install one "
    "(apt-get install mariadb-server) or name an empty database in the plan: rehearsal: {url: …}"
)
_SOCKET = "mysqld.sock"

# What a server takes only when it starts, or when its data folder is made.
_AT_START = ("explicit_defaults_for_timestamp", "innodb_page_size", "lower_case_table_names")

# What holds for the data of a cluster, and no single server can be set to.
_NOT_SET = ("wsrep_on",)

# Nothing has to survive a crash, so nothing waits for the disk.
_HASTE = (
    "--skip-log-bin",
    "--innodb-flush-log-at-trx-commit=0",
    "--skip-innodb-doublewrite",
    "--loose-innodb-log-file-size=256M",
    "--performance-schema=OFF",
)


def start(keeper: Keeper, live: LiveServer, folder: Path) -> URL:
    """Start a server with an empty database of the live one's name, charset and collation.

    :raises Unobserved: no server is installed, or it does not start.
    """
    server = private_server.program(_programs(live))
    if server is None:
        raise Unobserved(_NEEDED)
    sockets = private_server.socket_folder(keeper, folder, _SOCKET)
    options = [
        "--no-defaults",
        # Run by root the server insists on being told so.
        *(["--user=root"] if os.geteuid() == 0 else []),
        f"--datadir={folder / 'data'}",
        # A server that starts removes what others left in a tmpdir that they share: the live one's.
        f"--tmpdir={folder}",
        *(f"--loose-{name}={live.settings[name]}" for name in _AT_START if name in live.settings),
    ]
    log = folder / "server.log"
    _make_data(keeper, server, options, log)
    command: list[str | Path] = [
        server,
        *options,
        *_HASTE,
        f"--socket={sockets / _SOCKET}",
        f"--pid-file={folder / 'server.pid'}",
        "--skip-networking",
        "--skip-name-resolve",
        "--max-allowed-packet=1G",
        f"--innodb-buffer-pool-size={private_server.cache_bytes()}",
    ]
    try:
        # It keeps nothing that outlives its folder, so it needs no time to tidy up.
        keeper.start(command, log, sockets / _SOCKET, signal.SIGKILL)
    except KeeperError as error:
        raise Unobserved(f"the scratch server {server}: {error}{_reason(log)}") from None
    url = URL.create(
        "mysql+pymysql", "root", host="localhost", query={"unix_socket": str(sockets / _SOCKET)}
    )
    _prepare(url, live)
    return url.set(database=live.database)


def _programs(live: LiveServer) -> tuple[str, str]:
    """The live server's own program first: where both are installed, they are two servers."""
    return ("mysqld", "mariadbd") if live.flavour == "MySQL" else ("mariadbd", "mysqld")


def _make_data(keeper: Keeper, server: Path, options: list[str], log: Path) -> None:
    installer = private_server.program(("mariadb-install-db", "mysql_install_db"))
    if _is_mariadb(server) and installer is not None:
        command: list[str | Path] = [
            installer,
            *options,
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
            *_HASTE,
        ]
    else:
        command = [server, *options, "--initialize-insecure"]
    if code := keeper.run(command, log):
        raise Unobserved(f"{command[0]} made no data folder (exit code {code}){_reason(log)}")


def _is_mariadb(server: Path) -> bool:
    command = [str(server), "--no-defaults", "--version"]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - found above
    return b"MariaDB" in done.stdout


def _reason(log: Path) -> str:
    """The last error in the log of a server that did not start; no row is in it yet."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    # What --bootstrap refuses stands without brackets.
    errors = [found[1] for line in lines if (found := re.search(r"\[?ERROR\]?:? +(.+)", line))]
    return f": {errors[0]}" if errors else ""


def _prepare(url: URL, live: LiveServer) -> None:
    """Set the server as the live one is, as far as it can be; make the database."""
    with private_server.first_session(url) as session:
        for name, value in live.settings.items():
            if name not in (*_AT_START, *_NOT_SET):
                private_server.attempt(session, f"SET GLOBAL {name} = {_literal(value)}")
        # An account's own sessions begin with the global values of the moment.
        quoted = session.dialect.identifier_preparer.quote_identifier(live.database)
        session.exec_driver_sql(f"CREATE DATABASE {quoted}")
        private_server.attempt(session, f"ALTER DATABASE {quoted} CHARACTER SET {live.charset}")
        private_server.attempt(session, f"ALTER DATABASE {quoted} COLLATE {live.collation}")


def _literal(value: str) -> str:
    if value.isdigit():
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
