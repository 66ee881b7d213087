"""`rehearsal.json`: what the last rehearsal of an upgrade showed, beside the upgrade's gates."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.files.whole_file import put
from heat_upgrade_checks.rehearsal.errors import Step
from heat_upgrade_checks.rehearsal.exercise import Exercise
from heat_upgrade_checks.rehearsal.migrate import Migrated
from heat_upgrade_checks.schema.comparison import Difference

FILE = "rehearsal.json"


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

    side: Literal["current", "target"]
    difference: Difference


@dataclass(frozen=True)
class Failure:
    """The step in which the rehearsal ended early, and why."""

    step: Step
    sentence: str


@dataclass(frozen=True)
class Rehearsal:
    """One rehearsal that was carried out; what comes after `failure` is None.

    `server` is the scratch server's version, `differs` how it is unlike the live one. `changes` are
    what the migration added to the schema or took from it, as phrases. `seconds` is all it took.
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
    restored: Restored | None = None
    migrated: Migrated | None = None
    changes: tuple[str, ...] = ()
    differences: tuple[SideDifference, ...] = ()
    exercise: Exercise | None = None
    failure: Failure | None = None
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
