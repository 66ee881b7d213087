"""Compressed backups are decoded to their end, and pieces are made ahead of who reads them."""

import bz2
import errno
import gc
import gzip
import hashlib
import io
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.backup import newest as backup
from heat_upgrade_checks.evidence.backup.folders import Folder
from heat_upgrade_checks.evidence.backup.streams import Hashed, made_ahead, raw_pieces

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd
from tests.unit.evidence.backed_up import COMPRESS, newest, text, written

# --- compression ----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["+gzip", "+bz2", "+xz", "+zstd"])
@pytest.mark.parametrize("padding", [b"", b"\0" * 512])
def test_all_members_of_a_compressed_file_are_read(
    suffix: str, padding: bytes, tmp_path: Path
) -> None:
    content, compress = text("mariadb.sql"), COMPRESS[suffix]
    parts = [content[i : i + 400] for i in range(0, len(content), 400)]
    path = written(tmp_path / "heat", b"".join(compress(part) + padding for part in parts))
    for piece in (1, 13, backup.PIECE):
        found = newest(path, piece=piece)
        assert (found.damage, found.decoded_bytes) == ("", len(content))
    written(path, b"".join(compress(part) for part in parts[:-1]))
    assert "is cut off" in newest(path).damage


@pytest.mark.parametrize("suffix", ["+gzip", "+bz2", "+xz", "+zstd"])
def test_bytes_after_a_compressed_stream_are_damage(suffix: str, tmp_path: Path) -> None:
    content = COMPRESS[suffix](text("mariadb.sql"))
    found = newest(written(tmp_path / "heat", content + b"more" * 9))
    assert found.damage.startswith(f"is followed by bytes that are not {suffix[1:]}")
    assert found.bytes == len(content) + 36


def test_a_wrong_crc_is_damage(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(text("mariadb.sql")))
    content[-6] ^= 1
    found = newest(written(tmp_path / "heat.sql.gz", bytes(content)))
    assert "CRC" in found.damage


def decodes_to(compressed: bytes, content: bytes) -> bool:
    try:
        return bz2.decompress(compressed) == content
    except (OSError, ValueError):
        return False


def test_a_zstd_frame_with_a_wrong_checksum_is_damage(tmp_path: Path) -> None:
    checked = {int(zstd.CompressionParameter.checksum_flag): 1}
    whole = zstd.compress(text("mariadb.sql"), options=checked)
    content = whole + whole[:-1] + bytes([whole[-1] ^ 1]) + whole
    for piece in (1, 100, backup.PIECE):
        found = newest(written(tmp_path / "heat.sql.zst", content), piece=piece)
        assert found.damage.startswith("is damaged: its zstd stream cannot be decompressed after ")
        assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert newest(written(tmp_path / "heat.sql.zst", whole + whole)).damage == ""


@pytest.mark.parametrize("suffix", ["+gzip", "+bz2", "+xz"])
def test_a_flipped_bit_is_damage(suffix: str, tmp_path: Path) -> None:
    whole = COMPRESS[suffix](text("mariadb.sql"))
    for place in range(40, len(whole) - 40, 61):
        content = bytearray(whole)
        content[place] ^= 0x10
        found = newest(written(tmp_path / "heat", bytes(content)))
        # bz2 has bits that mean nothing, and its own checksum says so.
        harmless = suffix == "+bz2" and decodes_to(bytes(content), text("mariadb.sql"))
        assert found.damage or harmless, place


def test_a_highly_compressed_dump_is_read_in_small_pieces(tmp_path: Path) -> None:
    content = text("mariadb.sql").replace(b"'s1'", b"'" + b" " * 3_000_000 + b"'")
    found = newest(written(tmp_path / "heat.sql.gz", gzip.compress(content)), piece=1000)
    assert (found.damage, found.decoded_bytes) == ("", len(content))


# --- pieces made ahead ----------------------------------------------------------------------------


def test_pieces_are_made_ahead_and_errors_handed_on() -> None:
    def pieces() -> Iterator[bytes]:
        yield from (b"%d" % number for number in range(100))
        raise OSError("the disk")

    ahead = made_ahead(pieces())
    assert [next(ahead) for _ in range(100)] == [b"%d" % number for number in range(100)]
    with pytest.raises(OSError, match="the disk"):
        next(ahead)


def test_who_makes_pieces_ahead_ends_when_nobody_wants_them() -> None:
    ended = []

    def pieces() -> Iterator[bytes]:
        try:
            while True:
                yield b"x"
        finally:
            ended.append(True)

    ahead = made_ahead(pieces())
    assert next(ahead) == b"x"
    ahead.close()
    gc.collect()
    assert ended
    assert not making_ahead()


def making_ahead() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "pieces ahead"]


class Reading(io.RawIOBase):
    """A file that cannot be read to its end, and by which thread it was."""

    def __init__(self, content: bytes, thread: list[str]) -> None:
        self._content = io.BytesIO(content)
        self._thread = thread

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._thread.append(threading.current_thread().name)
        if not (read := self._content.readinto(buffer)):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read


@pytest.mark.parametrize("suffix", COMPRESS)
def test_an_error_of_the_disk_comes_from_the_thread_that_reads(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    content = COMPRESS[suffix](text("mariadb.sql"))

    def broken(_: BinaryIO, compression: str, piece: int) -> Hashed:
        return raw_pieces(io.BufferedReader(Reading(content, threads)), compression, piece)

    monkeypatch.setattr(backup, "raw_pieces", broken)
    path = written(tmp_path / "heat.sql", content)
    with pytest.raises(
        Unobserved, match=r"heat\.sql cannot be read \(Input/output error\): run as"
    ):
        backup.read(str(path), "heat", piece=1000)
    assert set(threads) == {"pieces ahead"}
    assert not making_ahead()


@pytest.mark.parametrize("suffix", COMPRESS)
def test_no_thread_is_left_behind_by_who_gives_up(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    archive = COMPRESS[suffix](b"PGDMP" + Random(1).randbytes(100_000))
    with pytest.raises(Unobserved, match="pg_restore is not installed here"):
        backup.read(str(written(tmp_path / "heat.dump", archive)), "heat", piece=10)
    assert not making_ahead()


@pytest.mark.parametrize("suffix", ["+gzip", "+bz2", "+xz", "+zstd"])
def test_the_digest_covers_what_was_made_ahead_behind_the_damage(
    suffix: str, tmp_path: Path
) -> None:
    content = COMPRESS[suffix](text("mariadb.sql")) + b"more" * 50_000
    found = newest(written(tmp_path / "heat", content), piece=100)
    assert found.damage.startswith(f"is followed by bytes that are not {suffix[1:]}")
    assert (found.bytes, found.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert not making_ahead()


def test_a_folder_that_is_read_in_part_leaves_no_thread_behind(tmp_path: Path) -> None:
    written(tmp_path / "heat.stack.sql", text("mariadb.sql"))
    pieces = Folder(tmp_path, 10).read("heat.stack.sql")
    assert len(next(pieces)) == 10
    pieces.close()
    assert not making_ahead()


@pytest.mark.parametrize("suffix", ["+gzip", "+bz2", "+xz", "+zstd"])
def test_a_second_member_that_is_damaged_is_no_end(suffix: str, tmp_path: Path) -> None:
    whole = COMPRESS[suffix](text("mariadb.sql"))
    broken = whole + whole[:30] + b"\xff" * 30 + whole[60:]
    found = newest(written(tmp_path / "heat", broken))
    assert found.damage.startswith(("is damaged", "is cut off"))
    assert found.decoded_bytes >= len(text("mariadb.sql"))


def test_a_folder_that_may_be_listed_and_not_entered_is_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "listed" / "below").mkdir(parents=True)
    real = os.lstat

    def refuse(path: Any, **options: Any) -> os.stat_result:
        if Path(path).parent.name == "listed":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, **options)

    for name in ("stat", "lstat"):
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(Path, "lstat", refuse)
    with pytest.raises(Unobserved, match=r"listed.* \(Permission denied\): run as"):
        backup.read(str(tmp_path / "**" / "*.sql"), "heat")
