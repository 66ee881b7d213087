"""Backups are decoded to their end, whatever hides in their data and wherever pieces are split.

The dumps beside this file were made by mariadb-dump 10.11 and pg_dump 15; their rows, comments and
routines contain text that looks like statements and like end markers.
"""

import bz2
import errno
import gc
import gzip
import hashlib
import io
import lzma
import os
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.backup import newest as backup
from heat_upgrade_checks.evidence.backup.dump import Dump
from heat_upgrade_checks.evidence.backup.folders import Folder
from heat_upgrade_checks.evidence.backup.newest import Backup, Backups
from heat_upgrade_checks.evidence.backup.recognition import recognise
from heat_upgrade_checks.evidence.backup.statements import next_place
from heat_upgrade_checks.evidence.backup.streams import Hashed, made_ahead, raw_pieces

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DUMPS = Path(__file__).parent / "dumps"
WHOLE = (
    "mariadb.sql",
    "mariadb-databases.sql",
    "postgresql.sql",
    "postgresql-inserts.sql",
    "postgresql-all.sql",
)
HEAT = "c6214ca60943"
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "+gzip": gzip.compress,
    "+bz2": bz2.compress,
    "+xz": lzma.compress,
    "+zstd": zstd.compress,
}


def text(name: str) -> bytes:
    return (DUMPS / name).read_bytes()


def scan(content: bytes, piece: int = 10**6, reach: int = 10**4, database: str = "heat") -> Dump:
    kind = recognise(content[:4096])
    assert kind is not None
    dump = kind(database, content[:4096], reach)
    for start in range(0, len(content), piece):
        dump.feed(content[start : start + piece])
    dump.end()
    return dump


def facts(dump: Dump) -> tuple[object, ...]:
    databases, tables = tuple(dump.databases), tuple(dump.tables)
    counted = tuple(dump.rows.counted.items()), dump.rows.are_exact, tuple(dump.rows.stacks)
    return *counted, databases, tables, dump.revision, dump.finished_at, dump.damage, dump.bytes


def newest(path: Path | str, database: str = "heat", piece: int = backup.PIECE) -> Backup:
    found = backup.read(str(path), database, piece=piece).newest
    assert found is not None
    return found


def written(path: Path, content: bytes, age: float = 0) -> Path:
    path.write_bytes(content)
    os.utime(path, (1_795_000_000 - age,) * 2)
    return path


# --- what whole dumps say -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "databases", "tables"),
    [
        ("mariadb.sql", "mariadb-dump", ("heat",), {"sync`point"}),
        ("mariadb-databases.sql", "mariadb-dump", ("keystone", "heat"), {"sync`point"}),
        ("postgresql.sql", "pg_dump", (), {'sync"point', "other.stack"}),
        ("postgresql-inserts.sql", "pg_dump", ("heat",), {'sync"point', "other.stack"}),
        (
            "postgresql-all.sql",
            "pg_dump",
            ("template1", "heat", "keystone", "postgres"),
            {'sync"point', "other.stack"},
        ),
    ],
)
def test_a_whole_dump_names_its_databases_tables_and_revision(
    name: str, kind: str, databases: tuple[str, ...], tables: set[str]
) -> None:
    found = newest(DUMPS / name)
    assert found.damage == ""
    assert found.format == kind
    assert found.databases == databases
    assert sorted(found.tables) == sorted({"alembic_version", "stack", *tables})
    assert found.revision == HEAT
    assert found.bytes == found.decoded_bytes == len(text(name))
    assert found.sha256 == hashlib.sha256(text(name)).hexdigest()


@pytest.mark.parametrize("name", ["mariadb-databases.sql", "postgresql-all.sql"])
def test_tables_and_revision_are_those_of_the_wanted_database(name: str) -> None:
    found = newest(DUMPS / name, "keystone")
    assert "alembic_version" in found.tables
    assert "stack" not in found.tables
    assert found.revision == "29e87d24a316"


@pytest.mark.parametrize("name", ["mariadb.sql", "postgresql-inserts.sql"])
def test_a_dump_of_another_database_has_no_tables_of_the_wanted_one(name: str) -> None:
    found = newest(DUMPS / name, "heat_prod")
    assert (found.databases, found.tables, found.revision) == (("heat",), (), "")
    assert found.damage == ""


@pytest.mark.parametrize(
    ("marker", "moment"),
    [
        (b"-- Dump completed on 2026-11-22 14:35:22\n", datetime(2026, 11, 22, 14, 35, 22, 0, UTC)),
        (b"-- Dump completed on 2026-11-22  4:05:06\n", datetime(2026, 11, 22, 4, 5, 6, 0, UTC)),
        (b"-- Dump completed\n", None),
    ],
)
def test_the_end_marker_tells_the_time_if_it_has_one(marker: bytes, moment: datetime) -> None:
    content = text("mariadb.sql").rpartition(b"-- Dump completed")[0] + marker
    dump = scan(content)
    assert (dump.finished_at, dump.damage) == (moment, "")


def test_a_dump_by_mysqldump_is_read_as_well() -> None:
    content = (
        b"mysqldump: [Warning] Using a password on the command line interface can be insecure.\n"
        b"-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\n"
        b"-- Host: db.example    Database: heat\n"
        b"CREATE TABLE `migrate_version` (\n  `repository_id` varchar(250) NOT NULL\n);\n"
        b"INSERT INTO `migrate_version` VALUES ('heat','/srv/heat (1);/migrate_repo',86);\n"
        b"CREATE TABLE `stack` (\n  `id` int\n);\n"
        b"-- Dump completed on 2026-11-22  1:02:03\n"
    )
    dump = scan(content)
    assert tuple(dump.tables) == ("migrate_version", "stack")
    assert (dump.revision, dump.damage) == ("86", "")


@pytest.mark.parametrize(
    "insert",
    [
        b"REPLACE IGNORE INTO `alembic_version` VALUES\n('c6214ca60943');\n",
        b"INSERT  IGNORE INTO `alembic_version` (`version_num`) VALUES ('c6214ca60943');\n",
        b"INSERT INTO alembic_version (version_num) VALUES ('c6214ca60943');\n",
    ],
)
def test_the_revision_is_found_in_every_form_of_insert(insert: bytes) -> None:
    old = b"INSERT INTO `alembic_version` VALUES\n('c6214ca60943');\n"
    content = text("mariadb.sql")
    assert old in content
    assert scan(content.replace(old, insert)).revision == HEAT
    assert scan(content.replace(old, b"")).revision == ""


def test_several_dumps_in_one_file_are_one_backup() -> None:
    other = text("mariadb.sql").replace(b"Database: heat", b"Database: keystone")
    dump = scan(other + text("mariadb.sql"))
    assert (tuple(dump.databases), dump.damage) == (("keystone", "heat"), "")
    assert scan(other + text("mariadb.sql")[:-100]).damage


# --- no piece boundary and no cut goes unnoticed --------------------------------------------------


@pytest.mark.parametrize("name", WHOLE)
def test_every_boundary_between_pieces_gives_the_same_answer(name: str) -> None:
    content = text(name)
    expected = facts(scan(content))
    for piece in (*range(1, 80), 997, 1024):
        assert facts(scan(content, piece, reach=200)) == expected, piece


@given(st.sampled_from(WHOLE), st.lists(st.integers(1, 900), min_size=1), st.integers(200, 5000))
@settings(deadline=None)
def test_pieces_of_mixed_sizes_give_the_same_answer(
    name: str, sizes: list[int], reach: int
) -> None:
    content = text(name)
    whole = scan(content)
    dump = type(whole)("heat", content[:4096], reach)
    start = 0
    while start < len(content):
        size = sizes[start % len(sizes)]
        dump.feed(content[start : start + size])
        start += size
    dump.end()
    assert facts(dump) == facts(whole)


@pytest.mark.parametrize("name", WHOLE)
def test_a_cut_at_any_byte_is_damage(name: str) -> None:
    content = text(name)
    for length in range(200, len(content)):
        damage = scan(content[:length]).damage
        assert damage, f"cut to {length} of {len(content)} bytes"


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("suffix", COMPRESS)
def test_compressed_dumps_are_read_and_cuts_in_them_seen(
    name: str, suffix: str, tmp_path: Path
) -> None:
    content = COMPRESS[suffix](text(name))
    path = written(tmp_path / "heat.sql", content)
    for piece in (1, 7, 100, backup.PIECE):
        found = newest(path, piece=piece)
        assert found.format.endswith(suffix)
        assert (found.damage, found.revision) == ("", HEAT)
        assert found.decoded_bytes == len(text(name))
        assert found.sha256 == hashlib.sha256(content).hexdigest()
    for length in [*range(0, len(content), 97), len(content) * 6 // 10, len(content) - 1]:
        cut = newest(written(path, content[:length]))
        assert cut.damage, f"cut to {length} bytes"
        assert cut.sha256 == hashlib.sha256(content[:length]).hexdigest()


def test_the_sentence_of_a_cut_tells_how_far_the_dump_came(tmp_path: Path) -> None:
    content = text("mariadb.sql")
    cut = newest(written(tmp_path / "heat.sql", content[:2000]))
    assert cut.damage == "is cut off: `-- Dump completed` is missing after 2000 bytes"
    content = gzip.compress(content)[:-500]
    cut = newest(written(tmp_path / "heat.sql", content))
    assert cut.damage.startswith("is cut off: its gzip stream ends early after ")


@pytest.mark.parametrize("name", WHOLE)
def test_text_after_the_end_marker_is_damage(name: str) -> None:
    assert "does not end at" in scan(text(name) + b"Killed\n").damage


def test_an_end_marker_in_the_data_of_a_cut_dump_is_no_end() -> None:
    """Rows, comments and routines in the dumps hold end markers; cut right behind each of them."""
    for name in WHOLE:
        content = text(name)
        for marker in (b"Dump completed", b"dump complete"):
            for end in [i for i in range(len(content)) if content[:i].endswith(marker)][:-1]:
                assert scan(content[:end] + b"\n").damage, (name, end)


def test_a_row_of_an_insert_ends_at_the_semicolon_outside_of_its_quotes() -> None:
    content = text("postgresql-inserts.sql")
    old = b"it''s;\n"
    assert old in content
    trap = b"CREATE TABLE public.trap (\n-- PostgreSQL database dump complete\n--\n\n"
    for row in (old + trap, b"it''s;\n'';\n" + trap, b"'';\n;\n" + trap):
        hostile = content.replace(old, row)
        assert facts(scan(hostile))[:-1] == facts(scan(content))[:-1]
        assert scan(hostile[: hostile.index(trap) + len(trap)]).damage


def test_a_dump_without_comments_cannot_be_shown_to_be_whole() -> None:
    dump = scan(text("mariadb-compact.sql"))
    assert "--skip-comments" in dump.damage
    assert "stack" in dump.tables
    commentless = b"".join(
        line
        for line in text("postgresql.sql").splitlines(keepends=True)
        if not line.startswith(b"--")
    )
    assert "keep the comment lines" in scan(commentless).damage


@given(
    st.lists(st.sampled_from([b";", b"\n", b"\\", b".", b"$x$", b"'", b";" * 40, b"\\" * 40])),
    st.sampled_from([b";\n", b"\n\\.\n", b"\nDELIMITER ;\n", b"$x$"]),
    st.integers(0, 60),
)
def test_the_end_of_skipped_text_is_found_however_often_its_rarest_byte_comes(
    parts: list[bytes], words: bytes, position: int
) -> None:
    for buffer in (b"".join(parts), b"".join(parts) + words):
        assert next_place(words, buffer, position) == buffer.find(words, position)


def test_rows_of_tables_that_are_not_counted_are_passed_over() -> None:
    """Until the semicolon that ends a line, which no string holds."""
    rows = b",\n".join(b"(%d,'a;b);','(c),;')" % number for number in range(90))
    content = text("mariadb.sql").replace(
        b"\nINSERT INTO `alembic_version` VALUES\n",
        b"\nINSERT INTO `event` VALUES\n" + rows + b";\nINSERT INTO `alembic_version` VALUES\n",
        1,
    )
    expected = facts(scan(text("mariadb.sql")))[:-1]
    for piece in (1, 7, 100, 10**6):
        assert facts(scan(content, piece, reach=200))[:-1] == expected
    assert scan(content[: content.index(rows) + len(rows)]).damage


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


@pytest.mark.parametrize("suffix", ["+gzip", "+bz2", "+xz", "+zstd"])
def test_a_second_member_that_is_damaged_is_no_end(suffix: str, tmp_path: Path) -> None:
    whole = COMPRESS[suffix](text("mariadb.sql"))
    broken = whole + whole[:30] + b"\xff" * 30 + whole[60:]
    found = newest(written(tmp_path / "heat", broken))
    assert found.damage.startswith(("is damaged", "is cut off"))
    assert found.decoded_bytes >= len(text("mariadb.sql"))


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


# --- other formats --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "unknown", "is empty"),
        (b"\x28\xb5\x2f\xfd\0\0", "unknown+zstd", "is cut off: its zstd stream ends early"),
        (b"\x04\x22\x4d\x18", "lz4", "zstd"),
        (b"age-encryption.org/v1\n", "encrypted with age", "not encrypted"),
        (b"-----BEGIN PGP MESSAGE-----\n", "encrypted with PGP", "not encrypted"),
        (b"XBCRYP01", "encrypted with xbcrypt", "not encrypted"),
        (b"Salted__abcdefgh", "encrypted with openssl", "not encrypted"),
        (b"XBSTCK01\0", "mariabackup stream", "is cut off in the middle of a chunk"),
        (b"x" * 257 + b"ustar\0", "tar", "tar archive"),
        (b"\x85\x02\x0c\x03" * 2000, "unknown", "encrypted"),
        (gzip.compress(b"", mtime=0), "unknown+gzip", "unknown"),
        (
            gzip.compress(gzip.compress(b"--", mtime=0), mtime=0),
            "gzip+gzip",
            "compress the dump once",
        ),
    ],
)
def test_what_cannot_be_read_is_named(
    content: bytes, name: str, words: str, tmp_path: Path
) -> None:
    found = newest(written(tmp_path / "heat.backup", content))
    assert found.format == name
    assert words in found.damage
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert (found.tables, found.revision) == ((), "")


def sqlite_file(path: Path, *statements: str) -> Path:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    connection.execute("CREATE TABLE stack (id VARCHAR(36) PRIMARY KEY, name TEXT)")
    connection.executemany(
        "INSERT INTO stack VALUES (?, ?)", [(str(i), "x" * 500) for i in range(100)]
    )
    for statement in (f"INSERT INTO alembic_version VALUES ('{HEAT}')", *statements):
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_sqlite_file_is_read_and_left_alone(mode: str, tmp_path: Path) -> None:
    path = sqlite_file(tmp_path / "heat #1?.sqlite")
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.close()
    before = path.read_bytes()
    path.chmod(0o440)
    found = newest(path)
    assert (found.format, found.damage, found.revision) == ("sqlite", "", HEAT)
    assert found.tables == ("alembic_version", "stack")
    assert found.sha256 == hashlib.sha256(before).hexdigest()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_cut_sqlite_file_is_damage(tmp_path: Path) -> None:
    content = sqlite_file(tmp_path / "whole").read_bytes()
    for length in [*range(0, len(content), 1021), 4096, 8192, len(content) - 4096]:
        assert newest(written(tmp_path / "cut", content[:length])).damage, length


def test_a_broken_sqlite_page_is_damage(tmp_path: Path) -> None:
    content = bytearray(sqlite_file(tmp_path / "whole").read_bytes())
    content[4096 * 2 : 4096 * 2 + 100] = b"\xff" * 100
    assert "damaged" in newest(written(tmp_path / "broken", bytes(content))).damage


def test_a_copy_of_a_sqlite_database_in_use_is_damage(tmp_path: Path) -> None:
    path = sqlite_file(tmp_path / "heat.sqlite")
    (tmp_path / "heat.sqlite-wal").write_bytes(b"x")
    assert "heat.sqlite-wal lies beside it" in newest(path).damage


@pytest.mark.parametrize(
    ("inside", "kind", "words"),
    [
        ("xtrabackup_checkpoints", "mariabackup folder", "is cut off: it has no"),
        ("metadata", "mydumper folder", "do not say that mydumper finished"),
        ("metadata.partial", "mydumper folder", "do not say that mydumper finished"),
    ],
)
def test_backup_folders_are_recognised(inside: str, kind: str, words: str, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    folder.mkdir()
    (folder / inside).write_text("x")
    found = newest(folder)
    assert (found.format, found.bytes) == (kind, 1)
    assert words in found.damage


# --- rows and stacks ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "count", "exact"),
    [
        (b" VALUES\n('a',1),\n('b',2),\n('c),(d',3);\n", 3, True),
        (b" VALUES ('a',1),('b',2);\n", 2, False),
        (b" VALUES ('a',1);\nINSERT INTO `stack` VALUES ('b',1);\n", 2, True),
        (b" VALUES('a',1)\n,('b',2)\n,('c',3);\n", 3, True),
        (b" (`id`, `name`) VALUES\n('a',1),\n('b',2);\n", 2, True),
    ],
)
def test_rows_of_every_form_of_insert(rows: bytes, count: int, exact: bool) -> None:
    content = (
        b"-- MariaDB dump 10.19\n--\n-- Host: localhost    Database: heat\n"
        b"CREATE TABLE `stack` (\n  `id` varchar(36) NOT NULL,\n  `n` int\n);\n"
        b"INSERT INTO `stack`" + rows + b"UNLOCK TABLES;\n"
        b"CREATE TABLE `event` (\n  `id` int\n);\nINSERT INTO `event` VALUES\n(1),\n(2);\n"
        b"-- Dump completed\n"
    )
    for piece in (1, 7, 10**6):
        dump = scan(content, piece, reach=200)
        assert (dump.rows.counted, dump.rows.are_exact) == ({"stack": count}, exact)
        assert dump.rows.stacks == ["a", "b", "c"][:count] if b"c)" not in rows else ["a", "b"]
        assert dump.damage == ""


def test_rows_between_pieces_are_counted_whatever_stands_between_them() -> None:
    rows = b",\n".join(b"\t('s%d', 'it''s; x')" % number for number in range(50))
    content = (
        b"--\n-- PostgreSQL database dump\n--\n\n"
        b"CREATE TABLE public.stack (\n    id character varying(36) NOT NULL\n);\n\n"
        b"INSERT INTO public.stack VALUES\n" + rows + b";\n\n"
        b"--\n-- PostgreSQL database dump complete\n--\n\n"
    )
    for piece in (*range(1, 80), 997):
        dump = scan(content, piece, reach=200)
        assert (dump.rows.counted, dump.damage) == ({"stack": 50}, ""), piece


def test_the_sample_needs_to_know_the_column_of_the_ids() -> None:
    content = (
        b"-- MariaDB dump 10.19\nCREATE TABLE `stack` (\n  `name` text,\n  `id` varchar(36)\n);\n"
        b"INSERT INTO `stack` VALUES\n('a','b');\n-- Dump completed\n"
    )
    assert (scan(content).rows.counted, scan(content).rows.stacks) == ({"stack": 1}, [])
    copied = text("postgresql.sql").replace(b"COPY public.stack (id, ", b"COPY public.stack (x, ")
    assert copied != text("postgresql.sql")
    assert scan(copied).rows.stacks == []


def test_rows_of_another_database_are_not_counted() -> None:
    for name in ("mariadb-databases.sql", "postgresql-all.sql"):
        assert scan(text(name)).rows.counted == {"stack": 2}
        assert scan(text(name), database="keystone").rows.counted == {}


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


# --- which files ----------------------------------------------------------------------------------


def test_no_match_is_a_fact(tmp_path: Path) -> None:
    for pattern in ("heat.sql", "*.sql", "missing/*.sql", "file/heat.sql"):
        (tmp_path / "file").touch()
        backups = backup.read(str(tmp_path / pattern), "heat")
        assert (backups.found, backups.newest) == ((), None)
        assert backups.extent == f"no file matches {tmp_path / pattern}"


def test_the_newest_match_is_read(tmp_path: Path) -> None:
    written(tmp_path / "heat-3.sql", b"old", age=90)
    written(tmp_path / "heat-1.sql", text("mariadb.sql"), age=10)
    written(tmp_path / "heat-2.sql", b"older", age=50)
    written(tmp_path / "keystone.sql", b"not asked for", age=0)
    backups = backup.read(str(tmp_path / "heat-*.sql"), "heat")
    names = [Path(file.path).name for file in backups.found]
    assert names == ["heat-1.sql", "heat-2.sql", "heat-3.sql"]
    assert backups.newest is not None
    assert backups.newest.path == backups.found[0].path
    assert backups.newest.damage == ""
    assert backups.extent.startswith("3 files match ")


@pytest.mark.parametrize("pattern", ["*/*.sql", "**/*.sql", "day-[12]/heat.sql", "day-?/h*"])
def test_patterns_reach_into_folders(pattern: str, tmp_path: Path) -> None:
    for day in ("day-1", "day-2", ".hidden", "lost+found"):
        (tmp_path / day).mkdir()
        (tmp_path / day / "heat.sql").touch()
        (tmp_path / day / ".heat.sql.part").touch()
    found = backup.read(str(tmp_path / pattern), "heat").found
    assert {Path(file.path).parent.name for file in found} == {"day-1", "day-2"}
    assert len(found) == 2


@pytest.mark.parametrize("pattern", ["closed/heat.sql", "closed/*", "*/heat.sql", "**/*.sql"])
def test_a_closed_folder_is_not_an_empty_one(
    pattern: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    closed = tmp_path / "closed"

    def refuse(path: object) -> bool:
        if Path(str(path)) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return False

    def is_inside(path: Path) -> bool:
        return refuse(path.parent)

    real_list, real_lstat = os.listdir, Path.lstat
    monkeypatch.setattr(os, "listdir", lambda path: refuse(path) or real_list(path))
    monkeypatch.setattr(Path, "lstat", lambda path: is_inside(path) or real_lstat(path))
    with pytest.raises(Unobserved, match=r"closed.* \(Permission denied\): run as"):
        backup.read(str(tmp_path / pattern), "heat")


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


def test_a_file_that_may_not_be_read_is_unobserved() -> None:
    # Not below tmp_path: its parents are closed to the user that root becomes here.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        written(folder / "heat.sql", text("mariadb.sql")).chmod(0)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            with pytest.raises(Unobserved, match="Permission denied"):
                backup.read(str(folder / "heat.sql"), "heat")
        finally:
            if root:
                os.seteuid(0)


def test_what_is_no_backup_is_unobserved(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Unobserved, match="no known backup format"):
        backup.read(str(tmp_path / "folder"), "heat")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unobserved, match="neither a file nor a folder"):
        backup.read(str(tmp_path / "pipe"), "heat")
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(Unobserved, match="went away"):
        backup.read(str(tmp_path / "l*"), "heat")


def test_a_file_that_is_being_written_is_unobserved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "heat.sql", text("mariadb.sql"))
    real = backup._decoded

    def grow(*arguments: object) -> Backup:
        with path.open("ab") as file:
            file.write(b"more")
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(backup, "_decoded", grow)
    with pytest.raises(Unobserved, match="was written to while it was read"):
        backup.read(str(path), "heat")


def test_facts_survive_json() -> None:
    backups = backup.read(str(DUMPS / "mariadb*.sql"), "heat")
    adapter = TypeAdapter(Backups)
    assert adapter.validate_json(adapter.dump_json(backups)) == backups
