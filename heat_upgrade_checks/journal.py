"""The gates of one upgrade, in the order in which they were run."""

import errno
import hashlib
import itertools
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from heat_upgrade_checks import gate as document
from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.gate import Gate, Previous

_GATE_FOLDER = re.compile(r"(?P<number>\d+)-(?P<name>.+)")


@dataclass(frozen=True)
class Entry:
    """One gate that was written: its folder, and its document or why that cannot be read."""

    folder: Path
    gate: Gate | str


def entries(upgrade_folder: Path) -> list[Entry]:
    """All gates of an upgrade, oldest first; none where the folder does not exist yet."""
    if not upgrade_folder.is_dir():
        return []
    numbered = sorted(
        (int(match["number"]), folder.name, folder)
        for folder in upgrade_folder.iterdir()
        if (match := _match(folder)) and folder.is_dir()
    )
    return [Entry(folder, _load(folder / "gate.json")) for _, _, folder in numbered]


def _load(path: Path) -> Gate | str:
    try:
        return document.load(path)
    except OSError as error:
        return f"gate.json cannot be read: {error.strerror}"
    except ValueError:
        return f"gate.json is not a gate document of version {document.SCHEMA_VERSION}"


def previous(upgrade_folder: Path) -> Previous | None:
    """The gate that the next one follows: the last one that was not partial."""
    for entry in reversed(entries(upgrade_folder)):
        if isinstance(entry.gate, Gate) and not entry.gate.partial:
            digest = hashlib.sha256((entry.folder / "gate.json").read_bytes()).hexdigest()
            return Previous(entry.gate.phase, digest)
    return None


@contextmanager
def new_folder(upgrade_folder: Path, name: str) -> Iterator[Path]:
    """A folder to write the next gate into; it appears as `<NN>-<name>` only when it is whole.

    :raises UsageError: nothing can be written there.
    """
    try:
        upgrade_folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=upgrade_folder))
    except OSError as error:
        raise UsageError(
            f"reports cannot be written to {upgrade_folder}: {error.strerror}; "
            "name another folder with --reports"
        ) from None
    try:
        yield unfinished
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def publish(unfinished: Path, name: str) -> Path:
    """Give a gate's folder the next number of its upgrade."""
    unfinished.chmod(0o750)
    taken = [int(match["number"]) for match in map(_match, unfinished.parent.iterdir()) if match]
    for number in itertools.count(max(taken, default=0) + 1):
        folder = unfinished.parent / f"{number:02}-{name}"
        try:
            return unfinished.rename(folder)
        except OSError as error:
            if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
                raise
    raise AssertionError("count() does not end")


def _match(folder: Path) -> re.Match[str] | None:
    return _GATE_FOLDER.fullmatch(folder.name)
