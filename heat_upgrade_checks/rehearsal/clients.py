"""The databases' own clients: how they are started for a scratch database, and how they fail."""

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sqlalchemy.engine import URL

from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.rehearsal import private_server

# The parameters of PyMySQL that the clients have options for.
_TLS = {"ssl_ca": "ssl-ca", "ssl_cert": "ssl-cert", "ssl_key": "ssl-key"}

# What PyMySQL and psycopg call the socket's place.
_SOCKET = "unix_socket"


@dataclass(frozen=True)
class Client:
    """A program that reads SQL, its arguments, and what its environment has beyond PATH."""

    command: tuple[str, ...]
    environment: dict[str, str]

    def start(
        self, source: int | IO[bytes], errors: IO[bytes], output: int = subprocess.DEVNULL
    ) -> "subprocess.Popen[bytes]":
        """Start it; what it prints of rows is thrown away unless it is asked for."""
        return subprocess.Popen(  # noqa: S603 - one of the clients below
            self.command,
            stdin=source,
            stdout=output,
            stderr=errors,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **self.environment},
        )


def client_of(url: URL, folder: Path) -> Client:
    """The client of a scratch database; its credentials are in a file of the run's folder.

    :raises UsageError: it is not installed.
    """
    return _mysql(url, folder) if url.get_backend_name() == "mysql" else _psql(url, folder)


def postgresql_program(name: str) -> Path:
    """A client program of PostgreSQL.

    :raises UsageError: it is not installed.
    """
    return _installed([name], "postgresql-client")


def knows_restrict(folder: Path) -> bool:
    """Whether psql has the command that dumps begin with since 2025."""
    command = [str(postgresql_program("psql")), "--help=commands"]
    done = subprocess.run(command, capture_output=True, check=False, cwd=folder)  # noqa: S603 - found above
    return rb"\restrict" in done.stdout


def _mysql(url: URL, folder: Path) -> Client:
    program = _installed(["mariadb", "mysql"], "mariadb-client")
    query = {name: value for name, value in url.query.items() if isinstance(value, str)}
    options = {"user": url.username, "password": url.password}
    if socket := query.get(_SOCKET):
        options["socket"] = socket
    else:
        # By its name alone the client would take the local socket for "localhost".
        options |= {"host": url.host, "port": str(url.port or 3306), "protocol": "tcp"}
    options |= {option: query.get(name) for name, option in _TLS.items()}
    lines = [f'{name}="{_escaped(value)}"' for name, value in options.items() if value]
    file = _private_file(folder, "[client]\n" + "\n".join(lines) + "\n")
    # In binary mode no line of the dump is a command of the client's, but for DELIMITER.
    return Client(
        (
            str(program),
            f"--defaults-file={file}",
            "--binary-mode",
            "--batch",
            "--skip-reconnect",
            "--max-allowed-packet=1G",
            str(url.database),
        ),
        {},
    )


def _psql(url: URL, folder: Path) -> Client:
    program = postgresql_program("psql")
    # host:port:database:user:password, in which \ and : are escaped.
    password = re.sub(r"([\\:])", r"\\\1", url.password or "")
    file = _private_file(folder, f"*:*:*:*:{password}\n")
    # `URL.set` takes None for "as it is".
    address = url.set(drivername="postgresql")._replace(password=None)
    return Client(
        (
            str(program),
            "--no-psqlrc",
            # Named as a file, its lines are told with the errors.
            "--file=-",
            "--quiet",
            "--no-password",
            # A restore that fails leaves nothing, and what is made and filled at once needs no log.
            "--single-transaction",
            "--set=ON_ERROR_STOP=1",
            # The error's code without its words, which quote rows.
            "--set=VERBOSITY=sqlstate",
            f"--dbname={address.render_as_string(hide_password=False)}",
        ),
        {"PGPASSFILE": str(file), "PGCONNECT_TIMEOUT": "10"},
    )


def _installed(names: Sequence[str], package: str) -> Path:
    program = private_server.program(names)
    if program is None:
        raise UsageError(
            f"{' or '.join(names)}, which restores the backup, is not installed on this machine; "
            f"install it (apt-get install {package})"
        )
    return program


def _private_file(folder: Path, text: str) -> Path:
    handle, name = tempfile.mkstemp(prefix="client-", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


@dataclass(frozen=True)
class ClientError:
    """The first error a client told, without its words: its number or SQLSTATE, and the line."""

    number: str
    line: int | None


_MYSQL_ERROR = re.compile(rb"^ERROR (?P<number>\d+) \(\w+\)(?: at line (?P<line>\d+))?", re.M)
_PSQL_ERROR = re.compile(
    rb"^(?:psql:<stdin>:(?P<line>\d+): )?(?:ERROR|FATAL|PANIC):\s+(?P<number>\w{5})\b", re.M
)


def first_error(words: bytes) -> ClientError | None:
    """The error in what a client wrote; None where it names none."""
    match = _MYSQL_ERROR.search(words) or _PSQL_ERROR.search(words)
    if match is None:
        return None
    return ClientError(match["number"].decode(), int(match["line"]) if match["line"] else None)
