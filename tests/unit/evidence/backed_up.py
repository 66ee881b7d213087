"""Dumps as files, and what is read of them."""

import bz2
import gzip
import lzma
import os
import sys
from collections.abc import Callable
from pathlib import Path

from heat_upgrade_checks.evidence.backup import newest as backup
from heat_upgrade_checks.evidence.backup.newest import Backup

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DUMPS = Path(__file__).parent / "dumps"
HEAT = "c6214ca60943"
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "+gzip": gzip.compress,
    "+bz2": bz2.compress,
    "+xz": lzma.compress,
    "+zstd": zstd.compress,
}


def text(name: str) -> bytes:
    """A dump beside this file."""
    return (DUMPS / name).read_bytes()


def newest(path: Path | str, database: str = "heat", piece: int = backup.PIECE) -> Backup:
    """What is read of the newest file that matches."""
    found = backup.read(str(path), database, piece=piece).newest
    assert found is not None
    return found


def written(path: Path, content: bytes, age: float = 0) -> Path:
    """The file with this content, last modified so many seconds earlier than others."""
    path.write_bytes(content)
    os.utime(path, (1_795_000_000 - age,) * 2)
    return path
