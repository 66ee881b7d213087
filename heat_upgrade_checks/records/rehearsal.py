"""`rehearsal.json`: what the last rehearsal of an upgrade showed, beside the upgrade's gates."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.files.whole_file import put
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.schema.comparison import Difference

FILE = "rehearsal.json"

Step = Literal["restore", "migrate", "exercise"]
Operation = Literal["read", "insert", "select", "update", "delete"]
Writer = Literal["current", "target", "restored"]


@dataclass(frozen=True)
class RehearsedBackup:
    """The backup that was restored, by the digest that `Backup.sha256` has."""

    path: str
    format: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Restored:
    """The scratch database before its migration: rows per table, and the revision it was at."""

    seconds: float
    rows: dict[str, int]
    revision: str


@dataclass(frozen=True)
class SideDifference:
    """Where a release's models and the migrated database differ."""

    side: SideName
    difference: Difference


@dataclass(frozen=True)
class TimedRevision:
    """One revision that db_sync ran, and how long it took."""

    revision: str
    seconds: float


@dataclass(frozen=True)
class Migrated:
    """A db_sync that succeeded: `seconds` from its start to its end, Python's start included."""

    seconds: float
    revisions: tuple[TimedRevision, ...]


@dataclass(frozen=True)
class Failure:
    """What a release could not do with the rows of a table.

    `operation` is "read" for rows of the backup, else what was done to made-up rows. `wrote` tells
    whose rows they were: of the backup ("restored"), or of a release.

    `error` is the driver's number (MariaDB, MySQL: "1451"), its SQLSTATE (PostgreSQL: "23503") or
    name (SQLite), the class of an exception that is not the driver's ("JSONDecodeError"), "gone"
    for a row that is not there, or "altered" for one that gives back something else than was
    written.

    `refused_by`, `constraint` and `column` are the names that the server's message has, each empty
    where it has none; always so for "read", where the message may quote the operator's rows. A
    foreign key is named with the table that it belongs to. It is `unknown_foreign_key` if the
    release's models do not have it.
    """

    release: SideName
    operation: Operation
    table: str
    wrote: Writer
    error: str
    refused_by: str = ""
    constraint: str = ""
    column: str = ""
    unknown_foreign_key: bool = False

    @property
    def summary(self) -> str:
        """What went wrong with the table."""
        rows = "rows of the backup"
        if self.wrote != "restored":
            rows = f"what the {self.wrote} release wrote"
        named = [
            word and f", {what} {word}"
            for what, word in (
                ("column", self.column),
                ("refused by", self.refused_by),
                ("constraint", self.constraint),
            )
        ]
        return (
            f"the {self.release} release cannot {self.operation} {rows}: "
            f"error {self.error}{''.join(named)}"
        )


@dataclass(frozen=True)
class Skipped:
    """What was not tried, because of another table whose rows it needs out of the way, or there.

    An insert needs a row of table `because` to refer to; a delete needs the rows of `because`
    that refer to its own to be gone.
    """

    release: SideName
    operation: Operation
    table: str
    wrote: Writer
    because: str


@dataclass(frozen=True)
class Exercise:
    """What the releases did; `tables` and `restored` count each one's tables and restored rows.

    Up to 100 restored rows are read of each table. `operations` are statements on one table, all
    releases together, failed ones included. A failure is told once for each table and operation,
    however many of the made-up rows it met.
    """

    tables: Mapping[SideName, int]
    restored: Mapping[SideName, int]
    operations: int
    failures: tuple[Failure, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True)
class EndedEarly:
    """The step in which the rehearsal ended early, and why."""

    step: Step
    sentence: str


@dataclass(frozen=True)
class Rehearsal:
    """One rehearsal that was carried out; what comes after `failure` is None.

    `server` is the scratch server's version, `differs` how it is unlike the live one, and `unlike`
    those of them that make what it showed no proof for the live one: another kind of server,
    charset or collation. `changes` are what the migration added to the schema or took from it, as
    phrases. `seconds` is all it took.
    """

    tool: str
    started_at: datetime
    seconds: float
    database: str
    backup: RehearsedBackup
    current_version: str
    target_version: str
    server: str
    differs: tuple[str, ...]
    unlike: tuple[str, ...]
    restored: Restored | None = None
    migrated: Migrated | None = None
    changes: tuple[str, ...] = ()
    differences: tuple[SideDifference, ...] = ()
    exercise: Exercise | None = None
    failure: EndedEarly | None = None
    version: Literal[1] = 1


_RECORD = TypeAdapter(Rehearsal)


def write(folder: Path, rehearsal: Rehearsal) -> Path:
    """Keep the record in the upgrade's folder, in place of an earlier one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    put(path, _RECORD.dump_json(rehearsal, indent=2) + b"\n")
    return path


def read(folder: Path) -> Rehearsal | None:
    """The record in the upgrade's folder; None where there was no rehearsal.

    :raises Unobserved: there is one that cannot be read.
    """
    path = folder / FILE
    try:
        return _RECORD.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise Unobserved(
            f"{path} cannot be read, was damaged or is of another version of this tool; "
            "run heat-upgrade-check rehearse again"
        ) from None
