"""`baseline.jsonl.gz`: the stacks as they were before an upgrade, kept in the folder of its gate.

The first line is a header, each following line a stack, and the last one an end mark with the
counts, so that a file that was cut off is known for one.
"""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from heat_upgrade_checks.errors import Unobserved

FILE = "baseline.jsonl.gz"
_VERSION = 1


@dataclass(frozen=True)
class StoredResource:
    """A resource row; `physical_id` is "" for what has none (heat/db/models.py: nova_instance)."""

    name: str
    physical_id: str
    action: str
    status: str


@dataclass(frozen=True)
class StoredStack:
    """A stack of any project, nested, hidden and backup included.

    `updated_at` is when its newest operation began, as the database keeps it, or "" while that is
    the creation. Of its outputs only the names are kept.
    """

    id: str
    name: str
    project: str
    owner_id: str
    action: str
    status: str
    updated_at: str
    outputs: tuple[str, ...]
    resources: tuple[StoredResource, ...]


@dataclass(frozen=True)
class Header:
    """Which database was read, and its clock before the first stack was."""

    database: str
    clock: datetime


@dataclass(frozen=True)
class Counts:
    """What the file holds."""

    stacks: int = 0
    resources: int = 0
    outputs: int = 0

    def plus(self, stack: StoredStack) -> "Counts":
        """These, and one stack more."""
        return Counts(
            self.stacks + 1,
            self.resources + len(stack.resources),
            self.outputs + len(stack.outputs),
        )


def write(path: Path, header: Header, stacks: Iterable[StoredStack]) -> Counts:
    """Write the stacks as they come.

    :raises Unobserved: the file cannot be written.
    """
    counts = Counts()
    try:
        with gzip.open(path, "wt", compresslevel=6, encoding="utf-8") as file:
            path.chmod(0o640)
            head = {"database": header.database, "clock": header.clock.isoformat()}
            file.write(json.dumps({"baseline": _VERSION, **head}) + "\n")
            for stack in stacks:
                counts = counts.plus(stack)
                file.write(json.dumps(asdict(stack)) + "\n")
            file.write(json.dumps({"end": asdict(counts)}) + "\n")
    except OSError as error:
        raise Unobserved(
            f"the baseline cannot be written to {path.parent}: {error.strerror}; make room there, "
            "or name another folder with --reports"
        ) from None
    return counts


class Reader:
    """Reads a baseline once, stack by stack; `counts` is what was read so far.

    `stacks` raises `Unobserved` where the file ends without its end mark, so nothing may be
    concluded from it before it has come to its end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = self._read()
        first = next(self._lines, {})
        if first.get("baseline") != _VERSION:
            raise self._damaged()
        self.header = Header(first["database"], datetime.fromisoformat(first["clock"]))
        self.counts = Counts()

    def stacks(self) -> Iterator[StoredStack]:
        """The stacks of the file, in its order."""
        for line in self._lines:
            if "end" in line:
                if line["end"] != asdict(self.counts):
                    raise self._damaged()
                return
            stack = self._stack(line)
            self.counts = self.counts.plus(stack)
            yield stack
        raise self._damaged()

    def _read(self) -> Iterator[dict[str, Any]]:
        try:
            with gzip.open(self._path, "rt", encoding="utf-8") as file:
                for line in file:
                    document = json.loads(line)
                    if not isinstance(document, dict):
                        raise self._damaged()
                    yield document
        except (OSError, EOFError, ValueError, zlib.error):
            raise self._damaged() from None

    def _stack(self, line: dict[str, Any]) -> StoredStack:
        try:
            resources = tuple(StoredResource(**resource) for resource in line.pop("resources"))
            return StoredStack(
                **{**line, "outputs": tuple(line["outputs"]), "resources": resources}
            )
        except (KeyError, TypeError):
            raise self._damaged() from None

    def _damaged(self) -> Unobserved:
        return Unobserved(
            f"{self._path} cannot be read, was cut off or damaged, or is of another version; "
            "bring the file back as the gate wrote it"
        )
