"""Archives of pg_dump (custom, tar, folder), made plain by pg_restore, which restores nothing here.

PostgreSQL alone knows its archive formats (src/bin/pg_dump/pg_backup_archiver.c); `--file=-` makes
it write SQL instead of talking to a server.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import IO, cast

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.backup.content import Content, begun, searched
from heat_upgrade_checks.evidence.backup.folders import Folder
from heat_upgrade_checks.evidence.backup.postgresql_dump import PostgreSQLDump

_TAR = "pg_dump tar archive"
_PIECE = 256 * 1024
# What pg_restore says first of an archive that only a newer one can read; row data comes later.
_TOO_OLD = re.compile(rb"unsupported version|not supported by this installation|build does not")
_DATA = re.compile(r"\d+\.dat(?:\.\w+)?")
# What pg_dump writes last into each table's file (src/bin/pg_dump/pg_dump.c, dumpTableData_copy and
# dumpTableData_insert): after COPY's own end, after the last row of INSERTs, and of none at all.
_DATA_ENDS = (b"\\.\n\n\n", b";\n\n\n")
_NO_INSERT = b"\n\n"
_TAIL = max(map(len, _DATA_ENDS))


def format_of(head: bytes) -> str:
    """The format's name if an archive begins so, else ""."""
    if head.startswith(b"PGDMP"):
        return "pg_dump custom archive"
    if head.startswith(b"toc.dat\0") and head[257:262] == b"ustar":
        return _TAR
    return ""


def read(pieces: Iterator[bytes], database: str, name: str) -> Content:
    """What an archive in one file says; every piece of it is consumed.

    :raises Unobserved: there is no pg_restore that can read it.
    """
    if name != _TAR:
        return _restored([], pieces, database, name)
    tar = _Tar(pieces)
    content = _restored([], iter(tar), database, name)
    return replace(content, damage=content.damage or tar.damage)


def read_folder(folder: Folder, database: str) -> Content:
    """What a folder of `pg_dump --format=directory` says, after every file in it was decoded.

    :raises Unobserved: there is no pg_restore that can read it, or it is compressed with lz4.
    """
    for name in folder.names:
        if name.endswith(".lz4"):
            raise Unobserved(
                f"{folder.path} is compressed with lz4, of which this version cannot tell whether "
                "it is whole: dump with --compress=gzip or --compress=zstd"
            )
        tail = b""
        for piece in folder.read(name):
            tail = (tail + piece[-_TAIL:])[-_TAIL:]
        if _DATA.fullmatch(name) and not tail.endswith(_DATA_ENDS) and tail != _NO_INSERT:
            folder.report(name, "is cut off: the end of its rows is missing")
    return _restored([str(folder.path)], iter(()), database, "pg_dump folder")


class _Tar:
    """The pieces of a tar archive, of which pg_restore does not look at the end."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._bytes = 0
        self._last = b""

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._bytes += len(piece)
            self._last = (self._last + piece[-1024:])[-1024:]
            yield piece

    @property
    def damage(self) -> str:
        """An archive ends with two empty blocks of 512 bytes (POSIX, pax: ustar)."""
        if self._bytes % 512 == 0 and self._last == bytes(1024):
            return ""
        return "is cut off: the end of its tar archive is missing"


def _restored(path: list[str], pieces: Iterator[bytes], database: str, name: str) -> Content:
    program = shutil.which("pg_restore")
    if program is None:
        raise Unobserved(
            f"the backup is a {name} and pg_restore is not installed here: "
            "install the PostgreSQL client (Debian: postgresql-client), or dump with --format=plain"
        )
    # --create makes it name the database.
    command = [program, "--create", "--file=-", *path]
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603 a fixed command
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env={"PATH": os.defpath, "LC_ALL": "C"},
        )
        output = cast(IO[bytes], process.stdout)
        feeder = _Feeder(pieces, cast(IO[bytes], process.stdin))
        feeder.start()
        try:
            content = _searched(output, database, name)
        finally:
            output.close()
            feeder.join()
            code = process.wait()
        if feeder.error:
            raise feeder.error
        complaints.seek(0)
        if code and _TOO_OLD.search(complaints.read(4096)):
            raise Unobserved(
                f"the backup is a {name} that the pg_restore of this machine cannot read: "
                "install the PostgreSQL client of the version that made it, or a newer one"
            )
    if code:
        return Content(
            content.decoded_bytes, name, "is damaged: pg_restore cannot read it to its end"
        )
    return content


class _Feeder(threading.Thread):
    """Hands the archive over while the output is read, so that neither pipe fills up.

    What pg_restore does not want is read all the same, for the digest.
    """

    def __init__(self, pieces: Iterator[bytes], archive: IO[bytes]) -> None:
        super().__init__(name="archive", daemon=True)
        self.error: Exception | None = None
        self._pieces = pieces
        self._archive = archive

    def run(self) -> None:
        """Feed all pieces; an error of reading them is kept in `error`."""
        wanted = True
        try:
            for piece in self._pieces:
                if wanted:
                    wanted = self._write(piece)
        except Exception as error:
            self.error = error
        with contextlib.suppress(BrokenPipeError):
            self._archive.close()

    def _write(self, piece: bytes) -> bool:
        try:
            self._archive.write(piece)
        except BrokenPipeError:
            return False
        return True


def _searched(output: IO[bytes], database: str, name: str) -> Content:
    head, pieces = begun(iter(lambda: output.read(_PIECE), b""))
    return searched(PostgreSQLDump(database, head), pieces, name)
