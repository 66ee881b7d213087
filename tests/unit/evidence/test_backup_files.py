"""Which file is the newest backup, and what other formats say."""

import gzip
import hashlib
import os
import sqlite3
import sys
import tempfile
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.backup import newest as backup
from heat_upgrade_checks.evidence.backup.newest import Backup, Backups

if sys.version_info >= (3, 14):
    pass
else:
    pass
from tests.unit.evidence.backed_up import DUMPS, HEAT, newest, text, written

# --- other formats --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "unknown", "is empty"),
        (b"\x28\xb5\x2f\xfd\0\0", "unknown+zstd", "is cut off: its zstd stream ends early"),
        (b"\x04\x22\x4d\x18", "lz4", "zstd"),
        (
            b"age-encryption.org/v1\n",
            "encrypted with age",
            "nothing of it can be read: decrypt it into a folder",
        ),
        (
            b"-----BEGIN PGP MESSAGE-----\n",
            "encrypted with PGP",
            "nothing of it can be read: decrypt it into a folder",
        ),
        (
            b"XBCRYP01",
            "encrypted with xbcrypt",
            "nothing of it can be read: decrypt it into a folder",
        ),
        (
            b"Salted__abcdefgh",
            "encrypted with openssl",
            "nothing of it can be read: decrypt it into a folder",
        ),
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


def test_a_link_to_a_backup_that_is_not_there_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "latest.sql").symlink_to("/mnt/backups/heat.sql")
    with pytest.raises(
        Unobserved, match=r"latest\.sql is a link to /mnt/backups/heat\.sql, which is not there: "
    ):
        backup.read(str(tmp_path / "*.sql"), "heat")


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
