"""Backups made by PostgreSQL's tools, whole and damaged."""

from pathlib import Path

import pytest

from heat_upgrade_checks.errors import Unobserved
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
from tests.services.postgresql import PostgreSQL


@pytest.fixture(scope="module")
def postgres(postgresql: PostgreSQL) -> PostgreSQL:
    postgresql.add_database(DATABASE, "formats", "secret")
    fill(postgresql)
    return postgresql


def pg_dump(server: PostgreSQL, path: Path, *options: str) -> Path:
    program = processes.program("pg_dump", "postgresql-client")
    access = ["--host=127.0.0.1", f"--port={server.port}", "--username=postgres"]
    run(program, *access, f"--file={path}", *options, DATABASE)
    return path


@pytest.mark.parametrize(
    ("options", "form", "guarded"),
    [
        (["--format=custom"], "pg_dump custom archive", True),
        (["--format=custom", "--compress=0"], "pg_dump custom archive", False),
        (["--format=tar"], "pg_dump tar archive", False),
    ],
)
def test_an_archive_of_pg_dump(
    options: list[str], form: str, guarded: bool, postgres: PostgreSQL, tmp_path: Path
) -> None:
    path = pg_dump(postgres, tmp_path / "heat.dump", *options)
    found = whole(path, form)
    assert found.databases == (DATABASE,)
    assert found.bytes == path.stat().st_size
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    cut = damage_of(path)
    assert cut.startswith(("is damaged: pg_restore cannot read it", "is cut off: `-- PostgreSQL"))
    if guarded:
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 0x55]) + content[middle + 1 :])
        assert damage_of(path) == "is damaged: pg_restore cannot read it to its end"
    path.write_bytes(content)
    packed = tmp_path / "packed"
    packed.write_bytes(run("zstd", "-qc", path))
    whole(packed, f"{form}+zstd")
    cut, last, changed = sentences_of_broken(packed)
    assert cut.startswith("is cut off: its zstd stream ends early")
    assert last.startswith("is cut off: its zstd stream ends early")
    assert changed.startswith("is damaged: its zstd stream cannot be decompressed")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("custom", "is damaged: pg_restore cannot read it to its end"),
        ("tar", "is cut off: the end of its tar archive is missing"),
    ],
)
def test_an_archive_that_lacks_its_last_bytes(
    kind: str, words: str, postgres: PostgreSQL, tmp_path: Path
) -> None:
    path = pg_dump(postgres, tmp_path / "heat.dump", f"--format={kind}")
    path.write_bytes(path.read_bytes()[:-2])
    assert damage_of(path) == words


@pytest.mark.parametrize("compress", ["0", "6"])
def test_a_folder_of_pg_dump(compress: str, postgres: PostgreSQL, tmp_path: Path) -> None:
    folder = pg_dump(postgres, tmp_path / "backup", "--format=directory", f"--compress={compress}")
    found = whole(folder, "pg_dump folder")
    assert found.databases == (DATABASE,)
    biggest = max(folder.glob("*.dat*"), key=lambda file: file.stat().st_size)
    content = biggest.read_bytes()
    for length in (len(content) * 6 // 10, len(content) - 2):
        biggest.write_bytes(content[:length])
        assert damage_of(folder).startswith(f"is not whole: its file {biggest.name} is cut off: ")
    if compress != "0":
        middle = len(content) // 2
        changed = content[:middle] + bytes([content[middle] ^ 0x55]) + content[middle + 1 :]
        biggest.write_bytes(changed)
        assert f"its file {biggest.name} is damaged: " in damage_of(folder)
    biggest.unlink()
    assert damage_of(folder) == "is damaged: pg_restore cannot read it to its end"


@pytest.mark.parametrize(
    "option",
    ["--inserts", "--column-inserts", "--rows-per-insert=7", "--inserts --on-conflict-do-nothing"],
)
def test_a_folder_of_inserts(option: str, postgres: PostgreSQL, tmp_path: Path) -> None:
    options = [*option.split(), "--format=directory", "--compress=0"]
    folder = pg_dump(postgres, tmp_path / "backup", *options)
    assert b"\n\n" in {file.read_bytes() for file in folder.glob("*.dat")}, "a table without rows"
    found = newest(folder)
    assert (found.damage, found.format, found.revision) == ("", "pg_dump folder", REVISION)
    biggest = max(folder.glob("*.dat"), key=lambda file: file.stat().st_size)
    content = biggest.read_bytes()
    between_rows = content.index(b";\n", len(content) // 2) + 2
    for length in (0, between_rows, len(content) - 2):
        biggest.write_bytes(content[:length])
        assert damage_of(folder).startswith(f"is not whole: its file {biggest.name} is cut off: ")


def test_a_folder_in_lz4_is_unobserved(postgres: PostgreSQL, tmp_path: Path) -> None:
    folder = pg_dump(postgres, tmp_path / "backup", "--format=directory", "--compress=0")
    file = next(folder.glob("[0-9]*.dat"))
    file.rename(f"{file}.lz4")  # As PostgreSQL 16 and later names it.
    with pytest.raises(Unobserved, match=r"compressed with lz4, of which .* --compress=zstd"):
        newest(folder)


@pytest.mark.parametrize("kind", ["custom", "directory"])
def test_without_pg_restore_an_archive_is_unobserved(
    kind: str, postgres: PostgreSQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pg_dump(postgres, tmp_path / "heat.dump", f"--format={kind}")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        Unobserved, match="pg_restore is not installed here: install the PostgreSQL"
    ):
        newest(path)


def test_an_archive_of_a_newer_pg_dump_is_unobserved(postgres: PostgreSQL, tmp_path: Path) -> None:
    path = pg_dump(postgres, tmp_path / "heat.dump", "--format=custom")
    content = bytearray(path.read_bytes())
    content[6] = 99  # The minor version of the archive's format.
    path.write_bytes(bytes(content))
    with pytest.raises(Unobserved, match="cannot read: install the PostgreSQL client"):
        newest(path)


@pytest.mark.parametrize(
    ("options", "exact"),
    [(["--inserts"], True), (["--column-inserts"], True), (["--rows-per-insert=7"], False)],
)
def test_rows_of_a_plain_dump(
    options: list[str], exact: bool, postgres: PostgreSQL, tmp_path: Path
) -> None:
    found = newest(pg_dump(postgres, tmp_path / "heat.sql", *options))
    assert found.damage == ""
    assert found.rows is not None
    assert found.rows_are_exact == exact
    assert found.rows["stack"] == STACKS if exact else found.rows["stack"] >= STACKS
    assert found.stacks[0] == identity(0)
