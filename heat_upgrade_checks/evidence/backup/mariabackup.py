"""Copies of a server's files by mariabackup or xtrabackup, as a folder or as a stream.

What makes one whole is what `--prepare` needs: the checkpoints, the redo log, ibdata1 and each
table's files (MariaDB: extra/mariabackup/xtrabackup.cc). Rows stand in pages, so the schema's
revision and the rows cannot be read without restoring.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.backup.content import Content
from heat_upgrade_checks.evidence.backup.folders import Folder

FORMAT = "mariabackup folder"
CHECKPOINTS = ("mariadb_backup_checkpoints", "xtrabackup_checkpoints")
_SETTINGS = "backup-my.cnf"
_INFO = ("mariadb_backup_info", "xtrabackup_info")
_REDO = ("ib_logfile0", "xtrabackup_logfile")
# Before --prepare, and after it (xtrabackup, mariabackup); an increment is of another type.
_WHOLE, _PREPARED = "full-backuped", ("full-prepared", "log-applied")
# A table that was made while the log was copied lies in a .new until --prepare.
_PAGES = (".ibd", ".new")
_PACKED = {".qp": "qpress", ".lz4": "lz4", ".zst": "zstd", ".xbcrypt": "encryption"}
_SMALL = 64 * 1024


@dataclass
class Files:
    """The files of one copy, told one by one while they are read.

    `sizes` are their bytes; `texts` are the beginnings of the small ones that describe it.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, head: bytes, size: int) -> None:
        """A file that was read to its end, with its first bytes."""
        self.sizes[name] = size
        if name in (*CHECKPOINTS, *_INFO, _SETTINGS):
            self.texts[name] = head[:_SMALL].decode("utf-8", "replace")

    def content(self, database: str, name: str, damage: str) -> Content:
        """What the files say; `damage` is what is known already. `revision` stays ""."""
        info = self._values(_INFO)
        return Content(
            decoded_bytes=sum(self.sizes.values()),
            format=name,
            damage=damage or self._damage(info),
            finished_at=_moment(info.get("end_time", "")),
            databases=tuple(
                sorted(
                    {
                        _plain(PurePosixPath(path).parts[0])
                        for path in self.sizes
                        if PurePosixPath(path).suffix in _PAGES and "/" in path
                    }
                )
            ),
            tables=tuple(sorted(self._tables(database))),
        )

    def _damage(self, info: dict[str, str]) -> str:
        for name in sorted(self.sizes):
            if packing := _PACKED.get(PurePosixPath(name).suffix):
                return (
                    f"has files packed with {packing} ({name}), which cannot be looked into: "
                    "make it without --compress and --encrypt, and pack the stream as a whole"
                )
        checkpoints = self._values(CHECKPOINTS)
        if not checkpoints or not info:
            return f"is cut off: it has no {CHECKPOINTS[0]} or no {_INFO[0]}, which come last"
        kind = checkpoints.get("backup_type", "")
        if kind not in (_WHOLE, *_PREPARED) or info.get("incremental", "N") == "Y":
            return f"is no whole backup but of type {kind}: make a full one"
        to, last = checkpoints.get("to_lsn", ""), checkpoints.get("last_lsn", "")
        if not (to.isdigit() and last.isdigit() and int(to) <= int(last)):
            return "is damaged: its checkpoints name no log that reaches to their end"
        for name in self.system_files:
            if name not in self.sizes:
                return f"lacks {name}"
        if kind not in _PREPARED and not any(name in self.sizes for name in _REDO):
            return f"lacks {_REDO[0]}"
        return ""

    @property
    def system_files(self) -> tuple[str, ...]:
        """The files of InnoDB's system tablespace, as the copied settings name them."""
        stated = self._values((_SETTINGS,)).get("innodb_data_file_path", "ibdata1")
        return tuple(part.partition(":")[0].strip() for part in stated.split(";"))

    def _tables(self, database: str) -> Iterator[str]:
        """The tables of which all files are there."""
        inside = {
            PurePosixPath(name).name
            for name in self.sizes
            if "/" in name and _plain(PurePosixPath(name).parts[0]) == database
        }
        # MySQL 8 has none; MariaDB cannot open a table without its own.
        definitions = {name.removesuffix(".frm") for name in inside if name.endswith(".frm")}
        for name in inside:
            stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
            if suffix in _PAGES and (stem in definitions or not definitions):
                yield _plain(stem)

    def _values(self, names: tuple[str, ...]) -> dict[str, str]:
        text = next((self.texts[name] for name in names if name in self.texts), "")
        lines = (line.partition("=") for line in text.splitlines())
        return {key.strip(): value.strip() for key, _, value in lines if value}


def read(folder: Folder, database: str) -> Content:
    """What the folder says, after every file was read and the pages of the tables were checked.

    The system tablespace is only measured: innochecksum takes its doublewrite buffer for damage.

    :raises Unobserved: there is no innochecksum, without which a broken page goes unnoticed.
    """
    files = Files()
    stated: dict[str, int] = {}
    for name in folder.names:
        head, size = b"", 0
        for piece in folder.read(name):
            head = head or piece
            size += len(piece)
        files.add(name, head, size)
        if PurePosixPath(name).suffix in _PAGES and size < _stated_size(head):
            folder.report(name, f"is cut off: it states {_stated_size(head)} bytes and has {size}")
        if "/" not in name:
            stated[name] = _stated_size(head)
    system = stated.get(files.system_files[0], 0)
    held = sum(files.sizes.get(name, 0) for name in files.system_files)
    if held < system:
        name = files.system_files[-1]
        folder.report(name, f"is cut off: {system - held} bytes of its tablespace are missing")
    content = files.content(database, FORMAT, folder.damage)
    return content if content.damage else _checked(folder, database, content)


def _checked(folder: Folder, database: str, content: Content) -> Content:
    program = shutil.which("innochecksum")
    if program is None:
        raise Unobserved(
            "the backup is a mariabackup folder and innochecksum, which checks its pages, is not "
            "installed here: install it (Debian: mariadb-server-core), or name a stream of "
            "`mariabackup --stream=xbstream`, which has checksums of its own"
        )
    for name in folder.names:
        path = PurePosixPath(name)
        if path.suffix in _PAGES and _plain(path.parts[0]) == database:
            command = [program, str(folder.path / name)]
            # What it prints are page numbers and checksums; which file is enough here.
            result = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
            if result.returncode:
                folder.report(name, "is damaged: innochecksum finds wrong pages in it")
    return replace(content, damage=folder.damage)


def _stated_size(head: bytes) -> int:
    """The bytes that a tablespace's first page says it has (MariaDB: fsp0types.h, fsp0fsp.h)."""
    if len(head) < 64 or not any(head[:64]):
        return 0
    pages = int.from_bytes(head[46:50], "big")
    flags = int.from_bytes(head[54:58], "big")
    if flags & 0x10:  # full_crc32
        page = 512 << (flags & 0xF)
    else:
        compressed, plain = flags >> 1 & 0xF, flags >> 6 & 0xF
        page = 512 << (compressed or plain) if compressed or plain else 16384
    return pages * page


def _plain(name: str) -> str:
    """A name as SQL has it; in file names all but letters, digits and _ is `@` and four digits."""
    return re.sub(r"@([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), name)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        return None
