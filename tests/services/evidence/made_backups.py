"""A small database of Heat, and what is asked of every backup that a real tool makes of it."""

import os
import subprocess
from pathlib import Path

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.backup import newest as backup
from heat_upgrade_checks.evidence.backup.newest import Backup
from tests.services.mariadb import MariaDB
from tests.services.postgresql import PostgreSQL

DATABASE = "formats_heat"
REVISION = "c6214ca60943"
TABLES = ("alembic_version", "resource", "stack")
STACKS = 60
# What a string of a template may hold, among it what separates rows.
HOSTILE = "a\nb),('c'\"\\;\n(x,\n\t(y\n\\.\n-- Dump completed\n"


def fill(server: MariaDB | PostgreSQL) -> None:
    """Make the tables and rows that every backup here holds."""
    for statement in (
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        f"INSERT INTO alembic_version VALUES ('{REVISION}')",
        "CREATE TABLE stack (id VARCHAR(36) PRIMARY KEY, name TEXT)",
        "CREATE TABLE resource (id INT PRIMARY KEY, name TEXT)",
    ):
        server.execute(statement, database=DATABASE)
    places = ", ".join(["(%s, %s)"] * STACKS)
    values = [
        value for n in range(STACKS) for value in (identity(n), HOSTILE + os.urandom(300).hex())
    ]
    server.execute(f"INSERT INTO stack VALUES {places}", values, database=DATABASE)


def identity(number: int) -> str:
    """The id of a stack."""
    return f"{number:08x}-0000-4000-8000-000000000000"


def run(*command: str | Path) -> bytes:
    """What a tool printed; anything but success is an error."""
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def newest(path: Path, database: str = DATABASE) -> Backup:
    """The newest backup, read to its end."""
    found = backup.read(str(path), database).newest
    assert found is not None
    return found


def whole(path: Path, form: str, *, readable: bool = True) -> Backup:
    """The backup, which is whole and holds what `fill` made, as far as its format shows it."""
    found = newest(path)
    assert (found.damage, found.format) == ("", form)
    assert set(found.tables) == set(TABLES)
    assert DATABASE in found.databases or not found.databases
    assert len(found.sha256) == 64
    if readable:
        assert found.revision == REVISION
        assert found.rows == {"resource": 0, "stack": STACKS}
        assert found.rows_are_exact
        assert found.stacks == tuple(identity(n) for n in range(20))
    else:
        assert (found.revision, found.rows, found.stacks) == ("", None, ())
    return found


def sentences_of_broken(path: Path, changed: bool = True) -> list[str]:
    """What is said of the file cut at 60 %, at its last bytes and with a changed byte in it."""
    content = path.read_bytes()
    half = len(content) // 2
    broken = [content[: len(content) * 6 // 10], content[:-2]]
    if changed:
        broken.append(content[:half] + bytes([content[half] ^ 0x55]) + content[half + 1 :])
    said = []
    for each in broken:
        path.write_bytes(each)
        said.append(damage_of(path))
    path.write_bytes(content)
    assert newest(path).damage == ""
    return said


def damage_of(path: Path) -> str:
    """What is wrong with a backup, in a sentence."""
    try:
        damage = newest(path).damage
    except Unobserved as reason:
        damage = str(reason)
    assert damage, "it passes"
    assert "\n" not in damage
    return damage
