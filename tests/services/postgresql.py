"""A private PostgreSQL."""

import os
import pwd
import shutil
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests.services import processes
from tests.services.started import Server

PACKAGE = "postgresql"


_ACCESS = """\
host all postgres 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""


class PostgreSQL(Server):
    """A server with its own data folder; over stop and start it keeps data and port."""

    # SIGTERM waits for every client to leave by itself, SIGINT ends their sessions first.
    end_by: ClassVar[signal.Signals] = signal.SIGINT

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder)
        self.port = processes.free_port()
        self.log = folder / "postgresql.log"
        self._options = options
        # PostgreSQL refuses to run as root, and its user cannot enter folders of root's tests.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._home: Path | None = None

    def _start(self) -> None:
        server = _program("postgres")
        home = self._home = self._home or self._make_home()
        data = home / "data"
        if not data.exists():
            initdb: list[str | Path] = [
                _program("initdb"),
                f"--pgdata={data}",
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ]
            processes.run("initdb", initdb, self.folder / "initdb.log", user=self._user)
            (data / "pg_hba.conf").write_text(_ACCESS, encoding="utf-8")
        settings = [
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            f"unix_socket_directories={home}",
            "fsync=off",
            *self._options,
        ]
        switches = [word for setting in settings for word in ("-c", setting)]
        command: list[str | Path] = [server, "-D", data, *switches]
        self._run("PostgreSQL", command, self.log, self._answers, user=self._user)

    def end(self) -> None:
        """End the server and drop its data."""
        super().end()
        if self._home:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None

    def execute(
        self, statement: str, parameters: Sequence[object] = (), database: str = "postgres"
    ) -> list[Any]:
        """Run one statement as the superuser, committed at once; the rows as tuples."""
        with self._connect(database) as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def add_database(self, name: str, user: str, password: str) -> None:
        """Create a database and a user who owns it."""
        with self._connect("postgres") as connection:
            role = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            connection.execute(role.format(sql.Identifier(user), sql.Literal(password)))
            database = sql.SQL("CREATE DATABASE {} OWNER {}")
            connection.execute(database.format(sql.Identifier(name), sql.Identifier(user)))

    def url(self, database: str, user: str, password: str) -> str:
        """The address of a database as heat.conf has it."""
        account = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql+psycopg2://{account}@127.0.0.1:{self.port}/{database}"

    def dump(self, database: str, path: Path, *options: str) -> None:
        """Write a consistent backup of one database, as an operator would."""
        command: list[str | Path] = [
            _program("pg_dump"),
            "--host=127.0.0.1",
            f"--port={self.port}",
            "--username=postgres",
            f"--file={path}",
            *options,
            database,
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        processes.run("pg_dump", command, self.folder / "dump.log")

    def _make_home(self) -> Path:
        home = Path(tempfile.mkdtemp(prefix="postgresql-"))
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(home, account.pw_uid, account.pw_gid)
        return home

    def _connect(self, database: str) -> "psycopg.Connection[tuple[Any, ...]]":
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname=database, autocommit=True
        )

    def _answers(self) -> bool:
        try:
            return self.execute("SELECT 1") == [(1,)]
        except psycopg.Error:
            return False


def _program(name: str) -> Path:
    # Debian keeps the server's programs of each version out of PATH.
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return processes.program(name, PACKAGE, *map(str, folders))
