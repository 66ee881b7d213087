"""The files of a backup that is a folder, each read once, and the digest of them all."""

import hashlib
import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from heat_upgrade_checks.evidence.backup.streams import (
    Decoded,
    compression_of,
    decompressed,
    made_ahead,
    raw_pieces,
)


class Folder:
    """A folder whose files are read one by one; `names` are relative to it, in sorted order.

    `bytes` and `decoded_bytes` sum up the files read so far. `damage` is "" or completes the
    sentence "the backup …" for the first file that is not whole.
    """

    def __init__(self, path: Path, piece: int) -> None:
        self.path = path
        self.names = tuple(sorted(_names(path)))
        self.bytes = 0
        self.decoded_bytes = 0
        self.damage = ""
        self._piece = piece
        self._digests: dict[str, str] = {}

    def read(self, name: str) -> Generator[bytes, None, None]:
        """The decoded pieces of one file, which is hashed to its end whatever is wrong with it."""
        with (self.path / name).open("rb") as file:
            compression = compression_of(file.read(16))
            file.seek(0)
            raw = raw_pieces(file, compression, self._piece)
            with closing(made_ahead(iter(raw))) as hashed:
                decoded = Decoded(decompressed(hashed, compression, self._piece))
                yield from decoded
                for _ in hashed:
                    pass
        self._digests[name] = raw.sha256
        self.bytes += raw.bytes
        self.decoded_bytes += decoded.bytes
        if decoded.damage:
            self.report(name, decoded.damage)

    def text(self, name: str) -> str:
        """A small file as text."""
        return b"".join(self.read(name)).decode("utf-8", "replace")

    def report(self, name: str, damage: str) -> None:
        """Remember what is wrong with a file, unless an earlier one is damaged already."""
        self.damage = self.damage or f"is not whole: its file {name} {damage}"

    @property
    def sha256(self) -> str:
        """The digest of the folder; the files that were not read yet are read for it."""
        for name in self.names:
            if name not in self._digests:
                for _ in self.read(name):
                    pass
        return digest(self._digests)

    def state(self) -> tuple[tuple[str, int, int], ...]:
        """What changes when somebody writes to the folder: names, sizes and times of its files."""
        found = ((name, (self.path / name).stat()) for name in sorted(_names(self.path)))
        return tuple((name, status.st_size, status.st_mtime_ns) for name, status in found)


def digest(digests: Mapping[str, str]) -> str:
    """The digest of a folder, from the SHA-256 of each file's bytes by its relative name.

    It is the SHA-256 of one line per file, sorted by name: the name, a zero byte, the hexadecimal
    digest, a newline.
    """
    whole = hashlib.sha256()
    for name in sorted(digests):
        whole.update(os.fsencode(name) + b"\0" + digests[name].encode() + b"\n")
    return whole.hexdigest()


def size_and_time(path: Path) -> tuple[int, datetime]:
    """The bytes of all files in a folder, and when the last of them was written."""
    inside = [(path / name).stat() for name in _names(path)] or [path.stat()]
    modified = max(status.st_mtime for status in inside)
    return sum(status.st_size for status in inside), datetime.fromtimestamp(modified, UTC)


def _names(path: Path) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise error

    for root, _, files in os.walk(path, onerror=refuse):
        for name in files:
            yield os.path.relpath(Path(root) / name, path)
