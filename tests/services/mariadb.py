"""A private MariaDB."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pymysql

from tests.services import processes
from tests.services.started import Server

PACKAGE = "mariadb-server"


class MariaDB(Server):
    """A server with its own data folder; over stop and start it keeps data and port."""

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder)
        self.port = processes.free_port()
        self.socket = folder / "server.sock"
        self.log = folder / "mariadb.log"
        self._data = folder / "data"
        self._options = options

    def _start(self) -> None:
        server = processes.program("mariadbd", PACKAGE)
        if not self._data.exists():
            self._install()
        command: list[str | Path] = [
            server,
            "--no-defaults",
            *_as_root(),
            f"--datadir={self._data}",
            f"--tmpdir={self.folder}",
            f"--socket={self.socket}",
            f"--pid-file={self.folder / 'server.pid'}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--skip-name-resolve",
            "--max-connections=500",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-log-file-size=32M",
            *self._options,
        ]
        self._run("MariaDB", command, self.log, self._answers)

    def execute(
        self, statement: str, parameters: Sequence[object] = (), database: str | None = None
    ) -> list[Any]:
        """Run one statement as root, committed at once; the rows as tuples."""
        with self._connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement, tuple(parameters) or None)
            return list(cursor.fetchall())

    @contextmanager
    def verbs(self) -> Iterator[set[str]]:
        """The first words of the statements that any account but root sends meanwhile."""
        self.execute("SET GLOBAL log_output = 'TABLE'")
        self.execute("TRUNCATE mysql.general_log")
        self.execute("SET GLOBAL general_log = ON")
        words: set[str] = set()
        try:
            yield words
        finally:
            self.execute("SET GLOBAL general_log = OFF")
        log = self.execute(
            "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log "
            "WHERE command_type = 'Query' AND user_host NOT LIKE 'root%'"
        )
        words |= {statement.split()[0].upper() for (statement,) in log}

    def add_database(self, name: str, user: str, password: str, charset: str | None = None) -> None:
        """Create a database and a user who may do everything in it."""
        of_charset = f" CHARACTER SET {charset}" if charset else ""
        self.execute(f"CREATE DATABASE `{name}`{of_charset}")
        for host in ("localhost", "127.0.0.1"):
            self.execute(
                f"CREATE USER IF NOT EXISTS %s@'{host}' IDENTIFIED BY %s", (user, password)
            )
            self.execute(f"GRANT ALL ON `{name}`.* TO %s@'{host}'", (user,))

    def url(self, database: str, user: str, password: str) -> str:
        """The address of a database as heat.conf has it."""
        account = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"mysql+pymysql://{account}@127.0.0.1:{self.port}/{database}?charset=utf8"

    def dump(self, database: str, path: Path) -> None:
        """Write a consistent backup of one database, as an operator would."""
        command: list[str | Path] = [
            processes.program("mariadb-dump", PACKAGE),
            "--no-defaults",
            f"--socket={self.socket}",
            "--user=root",
            "--single-transaction",
            "--routines",
            f"--result-file={path}",
            database,
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        processes.run("mariadb-dump", command, self.folder / "dump.log")

    def load(self, database: str, path: Path) -> None:
        """Read a backup into a database, as an operator would."""
        command: list[str | Path] = [
            processes.program("mariadb", PACKAGE),
            "--no-defaults",
            f"--socket={self.socket}",
            "--user=root",
            f"--execute=source {path}",
            database,
        ]
        processes.run("mariadb", command, self.folder / "load.log")

    def _install(self) -> None:
        command: list[str | Path] = [
            processes.program("mariadb-install-db", PACKAGE),
            "--no-defaults",
            *_as_root(),
            f"--datadir={self._data}",
            # A server that starts removes what others have in a tmpdir that they share.
            f"--tmpdir={self.folder}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]
        processes.run("mariadb-install-db", command, self.folder / "install.log")

    def _connect(self, database: str | None) -> "pymysql.Connection[Any]":
        return pymysql.connect(
            unix_socket=str(self.socket), user="root", database=database, autocommit=True
        )

    def _answers(self) -> bool:
        # PyMySQL leaves a socket open behind each connection that is refused.
        if not (self.socket.exists() and processes.listening(self.port)):
            return False
        try:
            return self.execute("SELECT 1") == [(1,)]
        except pymysql.MySQLError:
            return False


def _as_root() -> list[str]:
    # Run by root the server insists on being told so.
    return ["--user=root"] if os.geteuid() == 0 else []
