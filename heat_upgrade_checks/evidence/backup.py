"""The newest backup of Heat's database: read to its end, without restoring it."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence import backup_dumps, backup_files, backup_sqlite, database_session
from heat_upgrade_checks.evidence.backup_streams import (
    StreamDamage,
    compression_of,
    decompressed,
    raw_pieces,
)
from heat_upgrade_checks.evidence.site import Site

# Small enough for the processor's cache: measured faster than pieces of 1 MiB.
PIECE = 256 * 1024

# Formats that are no plain dump, known by their first bytes: name, and what to do meanwhile.
_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (b"PGDMP", "pg_dump custom archive", "dump with `pg_dump --format=plain`"),
    (b"\x28\xb5\x2f\xfd", "zstd", "compress with gzip or xz"),
    (b"\x04\x22\x4d\x18", "lz4", "compress with gzip or xz"),
    (b"PK\x03\x04", "zip", "compress with gzip or xz"),
    (b"7z\xbc\xaf\x27\x1c", "7z", "compress with gzip or xz"),
    (b"XBSTCK01", "mariabackup stream", "make a dump with mariadb-dump besides"),
    (b"Salted__", "encrypted with openssl", "name a copy that is not encrypted"),
    (b"age-encryption.org/", "encrypted with age", "name a copy that is not encrypted"),
    (b"-----BEGIN PGP MESSAGE-----", "encrypted with PGP", "name a copy that is not encrypted"),
    (b"<?xml", "XML dump", "dump without --xml"),
    (backup_sqlite.MAGIC, "sqlite", "leave the copy uncompressed"),
    (b"\x1f\x8b", "gzip", "compress the dump once"),
)
_FOLDERS: tuple[tuple[str, str], ...] = (
    ("mariadb_backup_checkpoints", "mariabackup folder"),
    ("xtrabackup_checkpoints", "mariabackup folder"),
    ("toc.dat", "pg_dump folder"),
    ("metadata", "mydumper folder"),
    ("metadata.partial", "mydumper folder"),
)


@dataclass(frozen=True)
class BackupFile:
    """One file (or folder, with the bytes of all its files) that matches the pattern."""

    path: str
    bytes: int
    modified_at: datetime


@dataclass(frozen=True)
class Backup:
    """A backup that was read to its end, or to where it is damaged.

    `sha256` is that of the file as it lies there, "" for a folder. `finished_at` is the time in
    the dump's own end marker, the dumping host's local time taken for UTC, None if there is none.
    `format` is "mariadb-dump" (mysqldump included), "pg_dump" or "sqlite", followed by "+gzip",
    "+bz2" or "+xz". `databases` are the names that the dump states itself, `tables` and `revision`
    (alembic's, else sqlalchemy-migrate's, "" if none) those of the wanted database. `damage` is ""
    for a whole backup, else it completes the sentence "the backup …".
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


@dataclass(frozen=True)
class Backups:
    """All backups that match `pattern`, the newest first; only the newest one was read."""

    pattern: str
    database: str
    found: tuple[BackupFile, ...]
    newest: Backup | None

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
    return read(str(plan.path), url.database or "")


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
        size, modified = status.st_size, status.st_mtime
        if stat.S_ISDIR(status.st_mode):
            inside = [entry.stat() for entry in path.iterdir() if entry.is_file()]
            size = sum(entry.st_size for entry in inside)
            modified = max((entry.st_mtime for entry in inside), default=modified)
        elif not stat.S_ISREG(status.st_mode):
            raise Unobserved(f"{path} is neither a file nor a folder: correct backup in the plan")
    except OSError as error:
        raise _unreadable(str(path), error) from None
    return BackupFile(str(path), size, datetime.fromtimestamp(modified, UTC))


def _backup(file: BackupFile, database: str, piece: int) -> Backup:
    try:
        if Path(file.path).is_dir():
            return _folder(file)
        with Path(file.path).open("rb") as opened:
            before = os.fstat(opened.fileno())
            backup = _decoded(file, opened, database, piece)
            after = os.fstat(opened.fileno())
    except OSError as error:
        raise _unreadable(file.path, error) from None
    if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
        return backup
    raise Unobserved(f"{file.path} was written to while it was read: run again when it is finished")


def _decoded(file: BackupFile, opened: BinaryIO, database: str, piece: int) -> Backup:
    head = opened.read(backup_dumps.HEAD)
    opened.seek(0)
    compression = compression_of(head)
    raw = raw_pieces(opened, compression, piece)
    pieces = iter(raw)
    if head.startswith(backup_sqlite.MAGIC):
        found = _read_sqlite(Path(file.path), pieces)
    else:
        found = _read_dump(decompressed(pieces, compression, piece), database)
    for _ in raw:
        pass  # The digest covers what lies behind the damage, too.
    suffix = f"+{compression}" if compression else ""
    return Backup(
        path=file.path,
        bytes=raw.bytes,
        decoded_bytes=found.decoded_bytes,
        sha256=raw.sha256,
        modified_at=file.modified_at,
        finished_at=found.finished_at,
        format=found.format + suffix,
        databases=found.databases,
        tables=found.tables,
        revision=found.revision,
        damage="is empty" if not raw.bytes else found.damage,
    )


@dataclass(frozen=True)
class _Content:
    decoded_bytes: int
    format: str
    damage: str
    finished_at: datetime | None = None
    databases: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    revision: str = ""


def _read_sqlite(path: Path, pieces: Iterator[bytes]) -> _Content:
    size = sum(map(len, pieces))
    content = backup_sqlite.read(path)
    return _Content(
        size, "sqlite", content.damage, tables=content.tables, revision=content.revision
    )


def _read_dump(pieces: Iterator[bytes], database: str) -> _Content:
    """What the decoded bytes say, up to where the stream is damaged."""
    head, size, damage = b"", 0, ""
    dump: backup_dumps.Dump | None = None
    unsearched = b""
    try:
        for piece in pieces:
            size += len(piece)
            if dump is not None:
                dump.feed(piece)
            elif len(head) < backup_dumps.HEAD:
                head += piece
                unsearched = head
                if len(head) >= backup_dumps.HEAD:
                    dump, unsearched = _begun(head, database), b""
    except StreamDamage as error:
        damage = f"{error} after {size} decoded bytes"
    if unsearched:
        dump = _begun(unsearched, database)
    if dump is None:
        name, sentence = _foreign(head)
        return _Content(size, name, damage or sentence)
    dump.end()
    return _Content(
        decoded_bytes=size,
        format=dump.format,
        damage=damage or dump.damage,
        finished_at=dump.finished_at,
        databases=tuple(dump.databases),
        tables=tuple(dump.tables),
        revision=dump.revision,
    )


def _begun(head: bytes, database: str) -> backup_dumps.Dump | None:
    kind = backup_dumps.recognise(head)
    if kind is None:
        return None
    dump = kind(database, head)
    dump.feed(head)
    return dump


def _foreign(head: bytes) -> tuple[str, str]:
    """The name of a format that is no plain dump, and why it says nothing of completeness."""
    if head[257:262] == b"ustar":
        return "tar", "is a tar archive, which cannot be read by this version: name the dump itself"
    for magic, name, remedy in _FOREIGN:
        if head.startswith(magic):
            return name, f"is of format {name}, which cannot be read by this version: {remedy}"
    return "unknown", (
        "begins like no dump of mariadb-dump, mysqldump, pg_dump or SQLite: "
        "it is encrypted, damaged at its head or of an unknown format"
    )


def _folder(file: BackupFile) -> Backup:
    names = {entry.name for entry in Path(file.path).iterdir()}
    for name, kind in _FOLDERS:
        if name in names:
            remedy = "name a dump of mariadb-dump or `pg_dump --format=plain`"
            damage = f"is a {kind}, which cannot be read by this version: {remedy}"
            return Backup(
                file.path, file.bytes, 0, "", file.modified_at, None, kind, (), (), "", damage
            )
    raise Unobserved(
        f"{file.path} is a folder of no known backup format: "
        f"name its files in the plan, such as {file.path}/*.sql.gz"
    )


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
