"""The stream of `mariabackup --stream=xbstream`: files in chunks, each with its CRC-32.

The layout is that of extra/mariabackup/xbstream.h and xbstream_read.c.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from heat_upgrade_checks.evidence.backup.content import Content
from heat_upgrade_checks.evidence.backup.mariabackup import Files

MAGIC = b"XBSTCK01"
FORMAT = "mariabackup stream"

_PAYLOAD, _END = b"P", b"E"
_LONGEST_PATH = 4096


class _Damage(Exception):
    """The stream is not whole; the text completes the sentence "the backup …"."""


@dataclass
class _Open:
    """A file of which chunks came and the end did not."""

    head: bytes = b""
    size: int = 0


class _Bytes:
    """Takes exact numbers of bytes from pieces of any size."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def up_to(self, count: int) -> Iterator[memoryview]:
        """The next `count` bytes in parts, or fewer where the stream ends."""
        while count and (self._rest or self._next()):
            part, self._rest = self._rest[:count], self._rest[count:]
            count -= len(part)
            yield part

    def exactly(self, count: int) -> bytes:
        taken = b"".join(self.up_to(count))
        if len(taken) < count:
            raise _Damage("is cut off in the middle of a chunk")
        return taken

    def _next(self) -> bool:
        self._rest = memoryview(next(self._pieces, b""))
        return bool(self._rest)


def read(pieces: Iterator[bytes], database: str) -> Content:
    """What the stream says; every piece of it is consumed. `revision` stays "", `rows` None."""
    files, damage = Files(), ""
    try:
        _read_chunks(_Bytes(pieces), files)
    except _Damage as error:
        damage = str(error)
    for _ in pieces:
        pass  # The digest covers what lies behind the damage, too.
    return files.content(database, FORMAT, damage)


def _read_chunks(stream: _Bytes, files: Files) -> None:
    unfinished: dict[str, _Open] = {}
    while magic := b"".join(stream.up_to(len(MAGIC))):
        if magic != MAGIC:
            whole = len(magic) == len(MAGIC)
            raise _Damage(f"is {'damaged' if whole else 'cut off'} between two chunks")
        _flags, kind = stream.exactly(1), stream.exactly(1)
        length = _number(stream.exactly(4))
        if length > _LONGEST_PATH:
            raise _Damage("is damaged: a chunk has no sensible name")
        name = stream.exactly(length).decode("utf-8", "replace")
        if kind == _PAYLOAD:
            _take(stream, name, unfinished.setdefault(name, _Open()))
        elif kind == _END:
            ended = unfinished.pop(name, _Open())
            files.add(name, ended.head, ended.size)
        else:
            raise _Damage(
                f"has chunks of a kind that cannot be read here ({name}): "
                "unpack it with mbstream or xbstream, and name the folder"
            )
    if unfinished:
        raise _Damage(f"is cut off: the end of {min(unfinished)} is missing")


def _take(stream: _Bytes, name: str, file: _Open) -> None:
    length, offset = _number(stream.exactly(8)), _number(stream.exactly(8))
    stated, checksum, taken = _number(stream.exactly(4)), 0, 0
    for part in stream.up_to(length):
        checksum = zlib.crc32(part, checksum)
        taken += len(part)
        file.head = file.head or bytes(part[:65536])
    if taken < length:
        raise _Damage(f"is cut off in the middle of {name}")
    if checksum != stated or offset != file.size:
        raise _Damage(f"is damaged: a part of {name} has a wrong checksum or place")
    file.size += length


def _number(little_endian: bytes) -> int:
    return int.from_bytes(little_endian, "little")
