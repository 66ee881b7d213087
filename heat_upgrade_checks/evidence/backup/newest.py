"""The newest backup of Heat's database: read to its end, without restoring it."""

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.backup import archives as backup_archives
from heat_upgrade_checks.evidence.backup import files as backup_files
from heat_upgrade_checks.evidence.backup import live_rows as backed_up_rows
from heat_upgrade_checks.evidence.backup import mariabackup as backup_mariabackup
from heat_upgrade_checks.evidence.backup import mydumper as backup_mydumper
from heat_upgrade_checks.evidence.backup import sqlite as backup_sqlite
from heat_upgrade_checks.evidence.backup import xbstream as backup_xbstream
from heat_upgrade_checks.evidence.backup.content import Content, begun, searched
from heat_upgrade_checks.evidence.backup.folders import Folder, size_and_time
from heat_upgrade_checks.evidence.backup.foreign import foreign
from heat_upgrade_checks.evidence.backup.live_rows import LiveRows
from heat_upgrade_checks.evidence.backup.recognition import HEAD, recognise
from heat_upgrade_checks.evidence.backup.streams import (
    Decoded,
    compression_of,
    decompressed,
    made_ahead,
    raw_pieces,
)
from heat_upgrade_checks.evidence.database import session as database_session
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site

# Small enough for the processor's cache: measured faster than pieces of 1 MiB.
PIECE = 256 * 1024

# A backup's own end has no time zone; that of the farthest west is 12 hours behind UTC.
_ANY_TIME_ZONE = timedelta(hours=12, minutes=5)

# Rows that were made this long before a backup's end are in it, however long it took, and whatever
# its time zone: that of the farthest east is 14 hours ahead of UTC.
_TOO_LATE = timedelta(hours=15)


@dataclass(frozen=True)
class BackupFile:
    """One file (or folder, with the bytes of all its files) that matches the pattern."""

    path: str
    bytes: int
    modified_at: datetime


@dataclass(frozen=True)
class Backup:
    """A backup that was read to its end, or to where it is damaged.

    `sha256` is that of the file as it lies there; for a folder see `backup_folders.digest`.
    `finished_at` is the time that the backup states itself, the dumping host's local time taken for
    UTC, None if there is none. `format` is "mariadb-dump" (mysqldump included), "pg_dump",
    "pg_dump custom", "pg_dump tar", "pg_dump folder", "mydumper folder", "mariabackup folder",
    "mariabackup stream" or "sqlite", followed by "+gzip", "+bz2", "+xz" or "+zstd". `databases` are
    the names that the backup states, `tables` and `revision` (alembic's, else sqlalchemy-migrate's,
    "" if none or if the format hides it) those of the wanted database. `rows` are those of each
    table in `backed_up_rows.COUNTED`, None where the format hides them; without `rows_are_exact`
    they are the most that there can be. `stacks` are the ids of some stacks. `damage` is "" for a
    whole backup, else it completes the sentence "the backup …".
    """

    path: str
    bytes: int
    decoded_bytes: int
    sha256: str
    modified_at: datetime
    finished_at: datetime | None
    format: str
    databases: tuple[str, ...]
    tables: tuple[str, ...]
    revision: str
    damage: str
    rows: dict[str, int] | None = None
    rows_are_exact: bool = True
    stacks: tuple[str, ...] = ()

    @property
    def taken_at(self) -> datetime:
        """When it was taken, at the latest: by its file's time, or by what it states itself where
        no time zone explains the difference, because the file was copied since."""
        if self.finished_at and self.modified_at - self.finished_at > _ANY_TIME_ZONE:
            return self.finished_at
        return self.modified_at

    def is_of(self, database: str) -> bool:
        """Whether it is a backup of this database, as far as it says of which it is one."""
        return not self.databases or database in self.databases


@dataclass(frozen=True)
class Backups(Facts):
    """All backups that match `pattern`, the newest first; only the newest one was read.

    `live` is what the live database holds of what was counted in it; None where there is no backup.
    """

    pattern: str
    database: str
    found: tuple[BackupFile, ...]
    newest: Backup | None
    live: LiveRows | None = None

    def of_this_database(self) -> Backup:
        """The newest backup.

        :raises NotConfigured: there is none of this database, so its content means nothing.
        """
        if self.newest is None or not self.newest.is_of(self.database):
            raise NotConfigured("there is no backup of this database; see backup.exists")
        return self.newest

    @property
    def incomplete(self) -> tuple[str, ...]:
        """What is said of a live database that could not be counted."""
        return (self.live.error,) if self.live and self.live.error else ()

    @property
    def extent(self) -> str:
        """What was looked at."""
        if self.newest is None:
            return f"no file matches {self.pattern}"
        count = len(self.found)
        matches = "1 file matches" if count == 1 else f"{count} files match"
        return (
            f"{matches} {self.pattern}; the newest, {Path(self.newest.path).name} of "
            f"{self.newest.modified_at.isoformat(timespec='seconds')}, {_size(self.newest.bytes)} "
            f"as it lies there, was decoded to {_size(self.newest.decoded_bytes)}"
        )


def observe(site: Site) -> Backups:
    """The backups of Heat's database that the plan names."""
    plan = site.plan.backup
    if plan is None:
        raise Unobserved(
            "the plan names no backup of the database; "
            "add: backup: {path: /var/backups/heat*.sql.gz}"
        )
    url = database_session.url_of(site)
    backups = read(str(plan.path), url.database or "")
    if backups.newest is None:
        return backups
    newest = backups.newest
    live = backed_up_rows.ask_for(site, newest.stacks, newest.taken_at - _TOO_LATE)
    return replace(backups, live=live)


def read(pattern: str, database: str, *, piece: int = PIECE) -> Backups:
    """The backups that match, the newest of them decoded in pieces of at most `piece` bytes.

    No match is an answer. A folder or file that may not be read, or that went away, is none.
    """
    found = tuple(
        sorted(
            (_file(path) for path in backup_files.matching(pattern)),
            key=lambda file: (file.modified_at, file.path),
            reverse=True,
        )
    )
    newest = _backup(found[0], database, piece) if found else None
    return Backups(pattern, database, found, newest)


def _file(path: Path) -> BackupFile:
    try:
        status = path.stat()
        size, modified = status.st_size, datetime.fromtimestamp(status.st_mtime, UTC)
        if stat.S_ISDIR(status.st_mode):
            size, modified = size_and_time(path)
        elif not stat.S_ISREG(status.st_mode):
            raise Unobserved(f"{path} is neither a file nor a folder: correct backup in the plan")
    except FileNotFoundError as error:
        if path.is_symlink():
            raise Unobserved(
                f"{path} is a link to {os.readlink(path)}, which is not there: point it at a "  # noqa: PTH115
                "backup or remove it, or mount where its target lies"
            ) from None
        raise _unreadable(str(path), error) from None
    except OSError as error:
        raise _unreadable(str(path), error) from None
    return BackupFile(str(path), size, modified)


def _backup(file: BackupFile, database: str, piece: int) -> Backup:
    try:
        if Path(file.path).is_dir():
            return _folder(file, database, piece)
        with Path(file.path).open("rb") as opened:
            before = os.fstat(opened.fileno())
            backup = _decoded(file, opened, database, piece)
            after = os.fstat(opened.fileno())
    except OSError as error:
        raise _unreadable(file.path, error) from None
    if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
        return backup
    raise _written_to(file.path)


def _decoded(file: BackupFile, opened: BinaryIO, database: str, piece: int) -> Backup:
    compression = compression_of(opened.read(HEAD))
    opened.seek(0)
    raw = raw_pieces(opened, compression, piece)
    with closing(made_ahead(iter(raw))) as hashed:
        decoded = Decoded(decompressed(hashed, compression, piece))
        content = _content(Path(file.path), compression, iter(decoded), database)
        for _ in decoded:
            pass  # Whether the stream is whole is known at its end only.
        for _ in hashed:
            pass  # The digest covers what lies behind the damage, too.
    damage = "is empty" if not raw.bytes else decoded.damage or content.damage
    suffix = f"+{compression}" if compression else ""
    return _found(file, raw.bytes, raw.sha256, replace(content, damage=damage), suffix)


def _content(path: Path, compression: str, pieces: Iterator[bytes], database: str) -> Content:
    head, pieces = begun(pieces)
    if head.startswith(backup_sqlite.MAGIC) and not compression:
        return backup_sqlite.read(path, sum(map(len, pieces)))
    if head.startswith(backup_xbstream.MAGIC):
        return backup_xbstream.read(pieces, database)
    if archive := backup_archives.format_of(head):
        return backup_archives.read(pieces, database, archive)
    if kind := recognise(head):
        return searched(kind(database, head), pieces)
    name, sentence = foreign(head)
    return Content(sum(map(len, pieces)), name, sentence)


def _found(file: BackupFile, size: int, sha256: str, content: Content, suffix: str = "") -> Backup:
    return Backup(
        path=file.path,
        bytes=size,
        decoded_bytes=content.decoded_bytes,
        sha256=sha256,
        modified_at=file.modified_at,
        finished_at=content.finished_at,
        format=content.format + suffix,
        databases=content.databases,
        tables=content.tables,
        revision=content.revision,
        rows=content.rows,
        rows_are_exact=content.rows_are_exact,
        stacks=content.stacks,
        damage=content.damage,
    )


def _folder(file: BackupFile, database: str, piece: int) -> Backup:
    folder = Folder(Path(file.path), piece)
    before = folder.state()
    names = set(folder.names)
    if names & set(backup_mariabackup.CHECKPOINTS):
        content = backup_mariabackup.read(folder, database)
    elif "toc.dat" in names:
        content = backup_archives.read_folder(folder, database)
    elif names & {backup_mydumper.METADATA, backup_mydumper.UNFINISHED}:
        content = backup_mydumper.read(folder, database)
    else:
        raise Unobserved(
            f"{file.path} is a folder of no known backup format, or an unfinished one: "
            f"name its files in the plan, such as {file.path}/*.sql.gz, or back up again"
        )
    sha256 = folder.sha256
    if folder.state() != before:
        raise _written_to(file.path)
    content = replace(content, damage=folder.damage or content.damage)
    return _found(file, folder.bytes, sha256, content)


def _written_to(path: str) -> Unobserved:
    return Unobserved(f"{path} was written to while it was read: run again when it is finished")


def _unreadable(path: str, error: OSError) -> Unobserved:
    if isinstance(error, FileNotFoundError):
        return Unobserved(f"{path} went away while it was looked at: run again")
    return Unobserved(
        f"{path} cannot be read ({error.strerror}): run as a user who may read the backups"
    )


def _size(count: int) -> str:
    size, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
