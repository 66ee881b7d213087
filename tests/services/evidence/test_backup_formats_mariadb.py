"""Backups made by MariaDB's tools, whole and damaged."""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.backup import mydumper as backup_mydumper
from heat_upgrade_checks.evidence.backup.folders import digest
from tests.services import processes
from tests.services.evidence.made_backups import (
    DATABASE,
    REVISION,
    STACKS,
    damage_of,
    fill,
    identity,
    newest,
    run,
    sentences_of_broken,
    whole,
)
from tests.services.mariadb import MariaDB


@pytest.fixture(scope="module")
def maria(mariadb: MariaDB) -> MariaDB:
    mariadb.add_database(DATABASE, "formats", "secret")
    fill(mariadb)
    return mariadb


@pytest.fixture
def dump(maria: MariaDB, tmp_path: Path) -> Path:
    path = tmp_path / "heat.sql"
    maria.dump(DATABASE, path)
    return path


@pytest.mark.parametrize(
    ("tool", "suffix", "words"),
    [
        ("gzip", "gzip", "gzip"),
        ("bzip2", "bz2", "bz2"),
        ("xz", "xz", "xz"),
        ("zstd", "zstd", "zstd"),
    ],
)
def test_a_compressed_dump(tool: str, suffix: str, words: str, dump: Path) -> None:
    packed = dump.with_suffix(".packed")
    packed.write_bytes(run(processes.program(tool, tool), "-c", dump))
    found = whole(packed, f"mariadb-dump+{suffix}")
    assert found.finished_at is not None
    assert found.decoded_bytes == dump.stat().st_size
    cut, last, changed = sentences_of_broken(packed)
    assert cut.startswith(f"is cut off: its {words} stream ends early after ")
    assert last.startswith(f"is cut off: its {words} stream ends early after ")
    assert changed.startswith("is damaged: ")


def test_zstd_of_many_frames_with_frames_to_skip(dump: Path) -> None:
    content = dump.read_bytes()
    skip = b"\x52\x2a\x4d\x18\x03\0\0\0abc"
    packed = dump.with_suffix(".zst")
    frames = []
    for start in range(0, len(content), 40_000):
        part = dump.with_suffix(".part")
        part.write_bytes(content[start : start + 40_000])
        frames.append(run("zstd", "-qc", part))
    packed.write_bytes(skip + skip.join(frames) + skip)
    whole(packed, "mariadb-dump+zstd")
    packed.write_bytes(packed.read_bytes() + b"more")
    assert damage_of(packed).startswith("is followed by bytes that are not zstd")


def test_zstd_with_a_window_that_takes_gigabytes(dump: Path) -> None:
    # A frame header with a window of 2 GiB (RFC 8878, 3.1.1.1.2), and an empty last block.
    packed = dump.with_suffix(".zst")
    packed.write_bytes(b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00")
    assert "has a zstd window of more than 128 MiB" in damage_of(packed)


def mydumper(server: MariaDB, folder: Path, *options: str) -> Path:
    program = processes.program("mydumper", "mydumper")
    access = [f"--socket={server.socket}", "--user=root", f"--database={DATABASE}"]
    run(program, *access, f"--outputdir={folder}", *options)
    return folder


@pytest.mark.parametrize(
    "options", [(), ("--compress",), ("--rows=10",), ("--statement-size=3000",)]
)
def test_a_mydumper_folder(options: Sequence[str], maria: MariaDB, tmp_path: Path) -> None:
    folder = mydumper(maria, tmp_path / "backup", *options)
    found = whole(folder, "mydumper folder")
    assert found.finished_at is not None
    assert found.databases == (DATABASE,)
    assert found.bytes == sum(file.stat().st_size for file in folder.iterdir())
    (rows,) = folder.glob(f"{DATABASE}.stack.sql*")
    content = rows.read_bytes()
    for length in (len(content) * 6 // 10, len(content) - 2):
        rows.write_bytes(content[:length])
        assert damage_of(folder).startswith(f"is not whole: its file {rows.name} is cut off: ")
    if rows.suffix == ".gz":
        middle = len(content) // 2
        rows.write_bytes(content[:middle] + bytes([content[middle] ^ 0x55]) + content[middle + 1 :])
        assert f"its file {rows.name} is damaged: " in damage_of(folder)
    rows.write_bytes(b"")
    assert damage_of(folder) == f"is not whole: its file {rows.name} is empty"


def test_an_unfinished_mydumper_folder(maria: MariaDB, tmp_path: Path) -> None:
    folder = mydumper(maria, tmp_path / "backup")
    metadata = folder / "metadata"
    metadata.rename(folder / "metadata.partial")
    assert damage_of(folder) == "is cut off: its metadata do not say that mydumper finished"
    metadata.write_text("Started dump at: 2026-11-22 20:58:09\n")
    assert damage_of(folder) == "is cut off: its metadata do not say that mydumper finished"


def test_the_layout_of_newer_mydumpers(maria: MariaDB, tmp_path: Path) -> None:
    """Rows in the metadata, statements whose rows begin with the comma, zstd."""
    folder = mydumper(maria, tmp_path / "backup")
    rows = folder / f"{DATABASE}.stack.sql"
    content = rows.read_bytes().replace(b" VALUES\n(", b" VALUES(").replace(b"),\n(", b")\n,(")
    rows.unlink()
    plain = tmp_path / "rows"
    plain.write_bytes(content)
    rows = folder / f"{DATABASE}.stack.00000.sql.zst"
    rows.write_bytes(run("zstd", "-qc", plain))
    metadata = (
        "# Started dump at: 2026-11-22 20:58:09\n[config]\nquote-character = BACKTICK\n\n"
        f"[`{DATABASE}`.`stack`]\nreal_table_name=stack\nrows = {{rows}}\n\n"
        f"[`{DATABASE}`.`resource`]\nreal_table_name=resource\nrows = 0\n"
        "# Finished dump at: 2026-11-22 20:58:10\n"
    )
    (folder / "metadata").write_text(metadata.format(rows=STACKS))
    found = newest(folder)
    assert (found.damage, found.revision) == ("", REVISION)
    # Each string with `),(` in it may be a row as well.
    assert found.rows is not None
    assert found.rows["stack"] >= STACKS
    assert not found.rows_are_exact
    assert found.stacks[0] == identity(0)
    (folder / "metadata").write_text(metadata.format(rows=found.rows["stack"] + 1))
    assert "rows of stack, its metadata state" in damage_of(folder)


def mariabackup(server: MariaDB, folder: Path, *options: str) -> bytes:
    program = processes.program("mariabackup", "mariadb-backup")
    access = [f"--socket={server.socket}", "--user=root", f"--datadir={server.folder / 'data'}"]
    return run(program, "--no-defaults", "--backup", *access, f"--target-dir={folder}", *options)


def pages_of(folder: Path, table: str) -> Path:
    (pages,) = [*folder.glob(f"{DATABASE}/{table}.ibd"), *folder.glob(f"{DATABASE}/{table}.new")]
    return pages


@pytest.fixture(scope="module")
def copied(maria: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Pages that were not written yet are zero in the copy, and nothing in them can break.
    maria.execute("SET GLOBAL innodb_max_dirty_pages_pct = 0")
    maria.execute(f"FLUSH TABLES `{DATABASE}`.stack FOR EXPORT")
    folder = tmp_path_factory.mktemp("copy") / "backup"
    mariabackup(maria, folder)
    return folder


def test_a_mariabackup_folder(copied: Path, tmp_path: Path) -> None:
    found = whole(copied, "mariabackup folder", readable=False)
    assert found.finished_at is not None
    folder = Path(shutil.copytree(copied, tmp_path / "backup"))
    pages = pages_of(folder, "stack")
    content = pages.read_bytes()
    middle = len(content) // 2 // 16384 * 16384 + 5000
    assert any(content), "the pages are zero"
    system = folder / "ibdata1"
    size = system.stat().st_size
    for length in (size - 2, size * 6 // 10):
        os.truncate(system, length)
        assert "its file ibdata1 is cut off: " in damage_of(folder)
    shutil.copy(copied / "ibdata1", system)
    pages.write_bytes(content[: len(content) * 6 // 10])
    name = f"{DATABASE}/{pages.name}"
    assert damage_of(folder).startswith(f"is not whole: its file {name} is cut off: it states ")
    pages.write_bytes(content[:-2])
    assert damage_of(folder).startswith(f"is not whole: its file {name} is cut off: it states ")
    pages.write_bytes(content[:middle] + bytes([content[middle] ^ 0x55]) + content[middle + 1 :])
    assert damage_of(folder) == (
        f"is not whole: its file {name} is damaged: innochecksum finds wrong pages in it"
    )


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        ("ibdata1", "lacks ibdata1"),
        ("ib_logfile0", "lacks ib_logfile0"),
        ("xtrabackup_info", "which come last"),
    ],
)
def test_a_mariabackup_folder_that_lacks_a_file(
    lost: str, words: str, copied: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(copied, tmp_path / "backup"))
    (folder / lost).unlink()
    assert words in damage_of(folder)


def test_a_mariabackup_folder_that_lacks_a_table(copied: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(copied, tmp_path / "backup"))
    (folder / DATABASE / "stack.frm").unlink()
    pages_of(folder, "resource").unlink()
    assert newest(folder).tables == ("alembic_version",)


def test_an_increment_is_no_backup(copied: Path, maria: MariaDB, tmp_path: Path) -> None:
    mariabackup(maria, tmp_path / "more", f"--incremental-basedir={copied}")
    assert damage_of(tmp_path / "more") == (
        "is no whole backup but of type incremental: make a full one"
    )


def test_a_prepared_copy_and_one_of_some_databases(maria: MariaDB, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    mariabackup(maria, folder, f"--databases={DATABASE}")
    whole(folder, "mariabackup folder", readable=False)
    run("mariabackup", "--no-defaults", "--prepare", f"--target-dir={folder}")
    whole(folder, "mariabackup folder", readable=False)


def test_without_innochecksum_a_copy_is_unobserved(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unobserved, match=r"innochecksum.* is not installed here: install it"):
        newest(copied)


@pytest.mark.parametrize("packing", ["", "gzip", "zstd"])
def test_a_mariabackup_stream(packing: str, maria: MariaDB, tmp_path: Path) -> None:
    path = tmp_path / "heat.xbstream"
    # Of two databases, so that no file of another is the greater part of it.
    path.write_bytes(
        mariabackup(maria, tmp_path / "work", "--stream=xbstream", f"--databases={DATABASE}")
    )
    if packing:
        path.write_bytes(run(packing, "-qc", path))
    form = f"mariabackup stream+{packing}" if packing else "mariabackup stream"
    found = whole(path, form, readable=False)
    assert found.finished_at is not None
    cut, last, changed = sentences_of_broken(path)
    assert cut.startswith("is cut off")
    assert last.startswith("is cut off")
    assert changed.startswith("is damaged: ")


def test_a_stream_that_ends_between_two_files(maria: MariaDB, tmp_path: Path) -> None:
    path = tmp_path / "heat.xbstream"
    content = mariabackup(maria, tmp_path / "w", "--stream=xbstream", f"--databases={DATABASE}")
    for end in [i for i in range(len(content)) if content.startswith(b"XBSTCK01", i)][1:-1][-9:]:
        path.write_bytes(content[:end])
        assert damage_of(path).startswith("is cut off"), end


# --- any folder -----------------------------------------------------------------------------------


def test_the_digest_of_a_folder_is_that_of_its_names_and_files(
    maria: MariaDB, tmp_path: Path
) -> None:
    folder = mydumper(maria, tmp_path / "backup")
    first = newest(folder).sha256
    files = {file.name: run("sha256sum", file).decode().split()[0] for file in folder.iterdir()}
    assert first == digest(files)
    (folder / "metadata").rename(folder / "metadata2")
    shutil.copy(folder / "metadata2", folder / "metadata")
    assert newest(folder).sha256 != first


def test_a_folder_that_is_written_to_is_unobserved(
    maria: MariaDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = mydumper(maria, tmp_path / "backup")
    real: Callable[..., object] = backup_mydumper.read

    def grow(*arguments: object) -> object:
        (folder / "more.sql").write_text("x")
        return real(*arguments)

    monkeypatch.setattr(backup_mydumper, "read", grow)
    with pytest.raises(Unobserved, match="was written to while it was read"):
        newest(folder)
