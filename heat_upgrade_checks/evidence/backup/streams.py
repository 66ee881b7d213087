"""The bytes of a backup file, hashed as they lie there and decompressed piece by piece."""

import bz2
import hashlib
import lzma
import re
import sys
import threading
import zlib
from collections.abc import Callable, Generator, Iterator
from queue import Queue
from typing import BinaryIO, Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# A hostile or broken xz header can ask for gigabytes; `xz -9` needs 65 MiB to decompress.
_XZ_MEMORY = 256 * 1024 * 1024
# What `zstd -d` allows without --long=31 or --memory, and `zstd --long` needs.
_ZSTD_WINDOW = 128 * 1024 * 1024

# Large enough for few changes between the threads that hash and decompress it, and small enough for
# the processor's cache.
_COMPRESSED_PIECE = 512 * 1024

# How many pieces made ahead wait at most for who wants them.
_AHEAD = 4


class StreamDamage(Exception):
    """The compressed stream is not whole; the text completes the sentence "the backup …"."""


class Hashed:
    """A file's raw pieces, with the digest and the number of the bytes read so far."""

    def __init__(self, file: BinaryIO, piece: int) -> None:
        self._file = file
        self._piece = piece
        self._digest = hashlib.sha256()
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        """The rest of the file; a second iteration goes on where the first was left."""
        while piece := self._file.read(self._piece):
            self._digest.update(piece)
            self.bytes += len(piece)
            yield piece

    @property
    def sha256(self) -> str:
        """The digest of what was read, in hexadecimal."""
        return self._digest.hexdigest()


class Decoded:
    """Decoded pieces that end where their stream is damaged; complete after the last one.

    `bytes` is their number. `damage` is "", else it completes the sentence "the backup …".
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.bytes = 0
        self.damage = ""

    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._pieces:
                self.bytes += len(piece)
                yield piece
        except StreamDamage as error:
            self.damage = f"{error} after {self.bytes} decoded bytes"


class _Decompressor(Protocol):
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...


class _Gzip:
    """zlib behind the interface that bz2 and lzma share; it verifies CRC and length itself."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        self.needs_input = True

    def decompress(self, data: bytes, max_length: int = 0) -> bytes:
        output = self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)
        # Output that zlib still holds comes with the trailer, which is input to it as well.
        self.needs_input = not self._inflate.unconsumed_tail
        return output

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data


def _xz() -> _Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


def _zstd() -> _Decompressor:
    options = {int(zstd.DecompressionParameter.window_log_max): _ZSTD_WINDOW.bit_length() - 1}
    return zstd.ZstdDecompressor(options=options)


_COMPRESSIONS: dict[str, tuple[re.Pattern[bytes], Callable[[], _Decompressor]]] = {
    "gzip": (re.compile(rb"\x1f\x8b"), _Gzip),
    "bz2": (re.compile(rb"BZh"), bz2.BZ2Decompressor),
    "xz": (re.compile(rb"\xfd7zXZ\0"), _xz),
    # The second is a frame to be skipped; pzstd begins with one (RFC 8878, 3.1.2).
    "zstd": (re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"), _zstd),
}


def compression_of(head: bytes) -> str:
    """How a file that begins so is compressed: "gzip", "bz2", "xz", "zstd", or "" for not."""
    for name, (magic, _) in _COMPRESSIONS.items():
        if magic.match(head):
            return name
    return ""


def raw_pieces(file: BinaryIO, compression: str, piece: int) -> Hashed:
    """The file in pieces of a size that suits its compression, at most `piece` bytes."""
    return Hashed(file, min(piece, _COMPRESSED_PIECE) if compression else piece)


def decompressed(raw: Iterator[bytes], compression: str, piece: int) -> Iterator[bytes]:
    """The decompressed pieces, each of at most `piece` bytes, through all members of the file.

    Raises StreamDamage where the stream is broken, ends early or is followed by something else.
    """
    # Not with `open` of gzip, bz2 and zstd: what was decoded before a cut is lost with the error,
    # zstd refuses padding, and bz2 takes a second member that is damaged for the end of the file.
    if not compression:
        yield from raw
        return
    begin = _COMPRESSIONS[compression][1]
    stream, begun, members = begin(), False, 0
    for data in raw:
        # Zero bytes between and after members are padding to gzip and xz alike.
        data = data if begun else data.lstrip(b"\0")
        while data or not stream.needs_input:
            try:
                output = stream.decompress(data, piece)
            except (zlib.error, lzma.LZMAError, zstd.ZstdError, OSError) as error:
                begun = begun or compression_of(data) == compression
                raise StreamDamage(_broken(error, compression, begun, members)) from None
            data, begun = b"", True
            if output:
                yield output
            if stream.eof:
                data = stream.unused_data.lstrip(b"\0")
                stream, begun, members = begin(), False, members + 1
    if begun:
        raise StreamDamage(f"is cut off: its {compression} stream ends early")


def _broken(error: Exception, compression: str, begun: bool, members: int) -> str:
    if members and not begun:
        return f"is followed by bytes that are not {compression}"
    if "incorrect data check" in str(error) or "incorrect length check" in str(error):
        return f"is damaged: the CRC or length of its {compression} stream is wrong"
    if "Memory usage limit" in str(error):
        return f"needs more than {_XZ_MEMORY // 2**20} MiB of memory to be decompressed"
    if "too much memory" in str(error):
        window = _ZSTD_WINDOW // 2**20
        return f"has a zstd window of more than {window} MiB: compress it without --ultra --long"
    return f"is damaged: its {compression} stream cannot be decompressed"


def made_ahead(pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
    """The same pieces, made by a second thread while the caller works on those before.

    Reading, hashing and decompression leave the interpreter to the caller meanwhile. The thread has
    ended when this iterator has, or was closed.
    """
    ahead: Queue[bytes | BaseException | None] = Queue(_AHEAD)
    abandoned = threading.Event()

    def make() -> None:
        end: BaseException | None = None
        try:
            for piece in pieces:
                if abandoned.is_set():
                    break
                ahead.put(piece)
        except BaseException as error:
            end = error
        ahead.put(end)

    maker = threading.Thread(target=make, name="pieces ahead", daemon=True)
    maker.start()
    try:
        while isinstance(item := ahead.get(), bytes):
            yield item
        if item is not None:
            raise item
    finally:
        abandoned.set()
        while maker.is_alive():
            _discard(ahead)
            maker.join(0.01)


def _discard(ahead: "Queue[bytes | BaseException | None]") -> None:
    while not ahead.empty():
        ahead.get_nowait()
