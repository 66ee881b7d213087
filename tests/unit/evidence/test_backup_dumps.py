"""Backups are decoded to their end, whatever hides in their data and wherever pieces are split.

The dumps beside this file were made by mariadb-dump 10.11 and pg_dump 15; their rows, comments and
routines contain text that looks like statements and like end markers.
"""

import gzip
import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heat_upgrade_checks.evidence.backup import newest as backup
from heat_upgrade_checks.evidence.backup.dump import Dump
from heat_upgrade_checks.evidence.backup.recognition import recognise
from heat_upgrade_checks.evidence.backup.statements import next_place

if sys.version_info >= (3, 14):
    pass
else:
    pass
from tests.unit.evidence.backed_up import COMPRESS, DUMPS, HEAT, newest, text, written

WHOLE = (
    "mariadb.sql",
    "mariadb-databases.sql",
    "postgresql.sql",
    "postgresql-inserts.sql",
    "postgresql-all.sql",
)


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
