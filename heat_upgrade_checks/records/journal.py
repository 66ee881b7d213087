"""The gates of one upgrade, in the order in which they were run."""

import errno
import itertools
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from heat_upgrade_checks.records import gate as document
from heat_upgrade_checks.records import seal
from heat_upgrade_checks.records.gate import Gate, Previous
from heat_upgrade_checks.records.reports_folder import writing_to

_GATE_FOLDER = re.compile(r"(?P<number>\d+)-(?P<name>.+)")


@dataclass(frozen=True)
class Entry:
    """One gate that was written: its folder, and its document or why that cannot be read."""

    folder: Path
    gate: Gate | str

    @property
    def number(self) -> int:
        """Its place in the upgrade, from 1."""
        return int(self.folder.name.partition("-")[0])

    @property
    def whole(self) -> Gate | None:
        """The document of a gate that was not partial, which later gates follow."""
        return self.gate if isinstance(self.gate, Gate) and not self.gate.partial else None


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
        gate = document.load(path)
    except OSError as error:
        return f"gate.json cannot be read: {error.strerror}"
    except ValueError:
        return f"gate.json is not a gate document of version {document.SCHEMA_VERSION}"
    return "gate.json is that of a replay, which is no gate" if gate.replayed_at else gate


def previous(upgrade_folder: Path) -> Previous | None:
    """The gate that the next one follows: the last one that was not partial."""
    for entry in reversed(entries(upgrade_folder)):
        if entry.whole:
            return Previous(entry.whole.phase, seal.digest(entry.folder))
    return None


def damage(found: Sequence[Entry]) -> dict[str, list[str]]:
    """What is not as it was written, by the name of the folder; nothing for what is.

    A gate whose number is missing is named as well. Whoever makes all sums anew is not found out:
    the last gate's SHA-256 in the change ticket is what shows that.
    """
    damaged = {entry.folder.name: seal.broken(entry.folder) for entry in found}
    numbers = {entry.number for entry in found}
    for number in sorted(set(range(1, max(numbers, default=0))) - numbers):
        damaged[f"{number:02}"] = ["is gone, with all that it held"]
    followed: set[str | None] = {None}
    ever = set(followed)
    for entry in found:
        before = entry.gate.previous if isinstance(entry.gate, Gate) else None
        # A partial gate has no turn: while it was judged, a whole one may have come between.
        partial = isinstance(entry.gate, Gate) and entry.gate.partial
        if isinstance(entry.gate, str):
            damaged[entry.folder.name].append(entry.gate)
        elif (before and before.sha256) not in (ever if partial else followed):
            damaged[entry.folder.name].append("follows another gate than the one before it here")
        if entry.whole:
            followed = {seal.digest(entry.folder)}
        elif isinstance(entry.gate, str):
            # It may have been a whole gate; those after it tell what it was.
            followed = {*followed, seal.digest(entry.folder)}
        ever |= followed
    return {name: problems for name, problems in damaged.items() if problems}


@contextmanager
def new_folder(upgrade_folder: Path, name: str) -> Iterator[Path]:
    """A folder to write the next gate into; it appears as `<NN>-<name>` only when it is whole.

    :raises UsageError: nothing can be written there.
    """
    with writing_to(upgrade_folder):
        upgrade_folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=upgrade_folder))
    try:
        yield unfinished
    finally:
        # Nothing of it is left there once it was published.
        shutil.rmtree(unfinished, ignore_errors=True)


def publish(unfinished: Path, name: str) -> Path:
    """Seal a gate's folder and give it the next number of its upgrade."""
    seal.close(unfinished)
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
