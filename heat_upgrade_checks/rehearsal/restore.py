"""A backup restored into a scratch database, by the database's own client."""

import fcntl
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from heat_upgrade_checks.errors import HeatUpgradeCheckError, Unobserved, UsageError
from heat_upgrade_checks.evidence.backup.folders import Folder
from heat_upgrade_checks.evidence.backup.newest import PIECE, Backup
from heat_upgrade_checks.evidence.backup.streams import (
    Hashed,
    StreamDamage,
    compression_of,
    decompressed,
    made_ahead,
    raw_pieces,
)
from heat_upgrade_checks.rehearsal import clients, scratch_faults
from heat_upgrade_checks.rehearsal.clients import Client
from heat_upgrade_checks.rehearsal.dump_sections import (
    MariaDBSections,
    PostgreSQLSections,
    Sections,
)
from heat_upgrade_checks.rehearsal.errors import StepFailed
from heat_upgrade_checks.rehearsal.scratch import Scratch

Tell = Callable[[int, int], None]

# Seconds between two words on the progress.
_TELL_EVERY = 0.2

# The most that an ordinary user may ask for (pipe(7)): it keeps the client busy meanwhile.
_PIPE = 1024 * 1024


class RestoreFailed(StepFailed):
    """The backup could not be restored: the sentence says what failed, where and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__("restore", sentence)


@dataclass(frozen=True)
class Restored:
    """What was restored, by the digest of the bytes read for it, as `Backup.sha256` has it."""

    sha256: str
    seconds: float


def require_restorable(backup: Backup) -> None:
    """Refuse what says nothing of the backup if it is not restored.

    :raises UsageError: it is damaged, or a copy of a server's files.
    """
    if backup.damage:
        raise UsageError(f"{backup.path} {backup.damage}; see backup.complete")
    if backup.format.startswith("mariabackup"):
        raise UsageError(
            f"{backup.path} is a {backup.format.partition('+')[0]}, a copy of a server's files, "
            "which cannot be rehearsed: rehearse from a logical dump, made with mariadb-dump"
        )


def restore(backup: Backup, database: str, scratch: Scratch, tell: Tell) -> Restored:
    """Load the section of `database` in a backup into the scratch database.

    `tell` hears of the bytes read and of how many there are, a few times a second.

    :raises RestoreFailed: the backup does not go back.
    :raises Unobserved: this machine or the scratch server kept it from that.
    :raises UsageError: a client is not installed, or see `require_restorable`.
    """
    begun = time.monotonic()
    require_restorable(backup)
    kind = backup.format.partition("+")[0]
    progress = _Progress(tell, backup.bytes)
    if kind == "sqlite":
        sha256 = _copy(backup, scratch, progress)
    elif kind == "mariadb-dump":
        sections = MariaDBSections(database)
        sha256 = _plain(backup, database, sections, scratch, progress)
    elif kind == "pg_dump":
        knows = clients.knows_restrict(scratch.folder)
        postgresql = PostgreSQLSections(database, knows_restrict=knows)
        sha256 = _plain(backup, database, postgresql, scratch, progress)
    elif kind.startswith("pg_dump "):
        sha256 = _archive(backup, scratch, progress)
    else:
        sha256 = _mydumper(backup, database, scratch, progress)
    progress.end()
    return Restored(sha256, time.monotonic() - begun)


class _Progress:
    def __init__(self, tell: Tell, total: int) -> None:
        self._tell = tell
        self._total = total
        self._told_at = 0.0

    def __call__(self, done: int) -> None:
        """Tell how many bytes were read, unless that was told just now."""
        if (now := time.monotonic()) - self._told_at >= _TELL_EVERY:
            self._told_at = now
            self._tell(done, self._total)

    def end(self) -> None:
        self._tell(self._total, self._total)


@contextmanager
def _opened(backup: Backup) -> Iterator[tuple[Hashed, Iterator[bytes]]]:
    """The backup's raw bytes, which are hashed, and the decoded ones, made from them ahead."""
    try:
        with Path(backup.path).open("rb") as file:
            compression = compression_of(file.read(16))
            file.seek(0)
            raw = raw_pieces(file, compression, PIECE)
            pieces = made_ahead(decompressed(iter(raw), compression, PIECE))
            try:
                yield raw, pieces
            finally:
                pieces.close()
            for _ in raw:
                pass
    except StreamDamage as error:
        raise RestoreFailed(f"{backup.path} {error}") from None
    except OSError as error:
        raise Unobserved(
            f"{backup.path}: {error.strerror} while it was restored; see that it can be read and "
            "that TMPDIR names a folder with room, and rehearse again"
        ) from None


def _copy(backup: Backup, scratch: Scratch, progress: _Progress) -> str:
    with _opened(backup) as (raw, pieces), Path(str(scratch.url.database)).open("wb") as copy:
        for piece in pieces:
            copy.write(piece)
            progress(raw.bytes)
    return raw.sha256


def _plain(
    backup: Backup, database: str, sections: Sections, scratch: Scratch, progress: _Progress
) -> str:
    client = clients.client_of(scratch.url, scratch.folder)
    with _opened(backup) as (raw, pieces):

        def wanted() -> Iterator[bytes]:
            for piece in pieces:
                yield sections.feed(piece)
                progress(raw.bytes)
            yield sections.end()

        _load(client, wanted(), Path(backup.path).name, scratch.folder)
    if not sections.holds_wanted:
        raise RestoreFailed(
            f"{backup.path} holds {', '.join(sections.databases)} and no database {database}; "
            "name a backup of it in the plan"
        )
    return raw.sha256


def _load(client: Client, pieces: Iterable[bytes], what: str, folder: Path) -> None:
    """Feed a client to its end.

    :raises RestoreFailed: it refused something of the backup's.
    :raises Unobserved: the scratch server failed.
    """
    with tempfile.TemporaryFile(dir=folder) as errors:
        process = client.start(subprocess.PIPE, errors)
        try:
            if process.stdin is None:
                raise AssertionError("the client is started with a pipe")
            _feed(process.stdin, pieces)
            code = process.wait()
        finally:
            process.kill()
            process.wait()
        if code:
            raise _ended(client, what, code, errors)


def _feed(pipe: IO[bytes], pieces: Iterable[bytes]) -> None:
    """Write everything; a client that ended early tells by its exit code why."""
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
    try:
        with pipe:
            for piece in pieces:
                pipe.write(piece)
    except BrokenPipeError:
        return


def _archive(backup: Backup, scratch: Scratch, progress: _Progress) -> str:
    """An archive is made plain by pg_restore, so that psql tells its errors without row data."""
    program = clients.postgresql_program("pg_restore")
    path = Path(backup.path)
    command = [
        str(program),
        "--file=-",
        "--no-owner",
        "--no-privileges",
        "--no-comments",
        "--no-publications",
        "--no-subscriptions",
        "--no-security-labels",
        "--no-tablespaces",
        *([backup.path] if path.is_dir() else []),
    ]
    psql = clients.client_of(scratch.url, scratch.folder)
    reader = Client(tuple(command), {})
    with (
        tempfile.TemporaryFile(dir=scratch.folder) as complaints,
        tempfile.TemporaryFile(dir=scratch.folder) as errors,
    ):
        source = reader.start(subprocess.PIPE, complaints, subprocess.PIPE)
        try:
            if source.stdin is None or source.stdout is None:
                raise AssertionError("pg_restore is started with pipes")
            loader = psql.start(source.stdout, errors)
            try:
                # Only psql reads it now: where it ends early, pg_restore shall notice.
                source.stdout.close()
                if path.is_dir():
                    source.stdin.close()
                    sha256 = _folder_digest(path, progress)
                else:
                    with _opened(backup) as (raw, pieces):
                        _feed(source.stdin, _watched(pieces, raw, progress))
                    sha256 = raw.sha256
                code, complaint = loader.wait(), source.wait()
            finally:
                loader.kill()
                loader.wait()
        finally:
            source.kill()
            source.wait()
        if code:
            raise _ended(psql, path.name, code, errors)
        if complaint:
            # The one that looked at the backup read it to its end.
            raise Unobserved(
                f"pg_restore cannot read {path.name} to its end (exit code {complaint}); "
                "install the PostgreSQL client of the version that made it, and rehearse again"
            )
    return sha256


def _watched(pieces: Iterable[bytes], raw: Hashed, progress: _Progress) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        progress(raw.bytes)


def _folder_digest(path: Path, progress: _Progress) -> str:
    folder = Folder(path, PIECE)
    for name in folder.names:
        for _ in folder.read(name):
            progress(folder.bytes)
    return folder.sha256


# The files of mydumper: DATABASE.TABLE-schema.sql, DATABASE.TABLE[.CHUNK].sql and others
# (docs/files.rst of mydumper); "-" and "." in names are written as they are.
_MYDUMPER_EXTRA = re.compile(r"-schema-(?:post|triggers|view)\.sql|-schema-sequence\.sql")
_COMPRESSED = r"(?:\.(?:gz|zst|bz2|xz))?"
_MYDUMPER_PREFACE = b"SET FOREIGN_KEY_CHECKS=0; SET UNIQUE_CHECKS=0; "


def _mydumper(backup: Backup, database: str, scratch: Scratch, progress: _Progress) -> str:
    """Each table's schema and then its rows, file by file through the client."""
    folder = Folder(Path(backup.path), PIECE)
    own = [
        name for name in folder.names if name.startswith((f"{database}.", f"{database}-schema-"))
    ]
    extra = [name for name in own if _MYDUMPER_EXTRA.search(name) or ".sql" not in name]
    extra = [name for name in extra if not name.endswith(("-metadata", "-checksum"))]
    if extra:
        raise RestoreFailed(
            f"{backup.path} holds views, triggers, routines or rows outside of SQL ({extra[0]}), "
            "which cannot be rehearsed: rehearse from a dump made with mariadb-dump"
        )
    schemas = [n for n in own if re.search(rf"-schema\.sql{_COMPRESSED}$", n)]
    rows = [n for n in own if n not in schemas and not re.search(r"-schema-create\.sql|-meta", n)]
    if not schemas:
        raise RestoreFailed(
            f"{backup.path} holds no table of database {database}; name a backup of it in the plan"
        )
    client = clients.client_of(scratch.url, scratch.folder)
    for name in (*schemas, *rows):
        sections = MariaDBSections(database)

        def pieces(name: str = name, sections: Sections = sections) -> Iterator[bytes]:
            yield _MYDUMPER_PREFACE
            for piece in folder.read(name):
                yield sections.feed(piece)
                progress(folder.bytes)
            yield sections.end()

        _load(client, pieces(), name, scratch.folder)
    if folder.damage:
        raise RestoreFailed(f"{backup.path} {folder.damage}")
    return folder.sha256


# Error numbers of MariaDB and MySQL, and PostgreSQL's SQLSTATE codes.
_DAMAGED = "the dump is damaged or was made by another kind of server: back up again"
_REFUSED = {
    "1062": ("a key is there twice", _DAMAGED),
    "1064": ("a statement cannot be understood", _DAMAGED),
    "1005": ("a table cannot be created", "see the server's log; foreign keys need like columns"),
    "23505": ("a key is there twice", _DAMAGED),
    "42601": ("a statement cannot be understood", _DAMAGED),
}
_OTHER = ("the server refused a statement", "look the number up, and try the dump by hand")
# What psql ends with when it has lost the server and not what it told it (psql's manual).
_LOST = 2


def _ended(client: Client, what: str, code: int, errors: IO[bytes]) -> HeatUpgradeCheckError:
    """What failed, in our words: those of the server may quote rows."""
    errors.seek(0)
    error = clients.first_error(errors.read(64 * 1024))
    program = Path(client.command[0]).name
    if error is None:
        ended = f"{program} ended with exit code {code} while {what} was restored; "
        if code < 0 or code == _LOST:
            return Unobserved(ended + scratch_faults.AWAY)
        return RestoreFailed(ended + "try the dump by hand on an empty database")
    where = f" at line {error.line}" if error.line else ""
    stopped = f"{program} stopped{where} of {what} with error {error.number} (exit code {code}): "
    if fault := scratch_faults.while_restoring(error.number):
        return Unobserved(stopped + fault)
    return RestoreFailed(stopped + "; ".join(_REFUSED.get(error.number, _OTHER)))
