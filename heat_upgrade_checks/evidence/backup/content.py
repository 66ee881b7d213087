"""What was found in a backup, whatever its format, and the reading of plain dumps."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from heat_upgrade_checks.evidence.backup.dump import Dump
from heat_upgrade_checks.evidence.backup.recognition import HEAD


@dataclass(frozen=True)
class Content:
    """The content of one backup; the fields are those of `backup.Backup`."""

    decoded_bytes: int
    format: str
    damage: str
    finished_at: datetime | None = None
    databases: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    revision: str = ""
    rows: dict[str, int] | None = None
    rows_are_exact: bool = True
    stacks: tuple[str, ...] = ()


def begun(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, as many as a format is known by, and all pieces with them."""
    head = b""
    while len(head) < HEAD and (piece := next(pieces, b"")):
        head += piece
    return head, _after(head, pieces)


def _after(head: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from pieces


def searched(dump: Dump, pieces: Iterator[bytes], name: str = "") -> Content:
    """What a dump's pieces say, fed to their end; `name` is the format's, else the dump's own."""
    for piece in pieces:
        dump.feed(piece)
    dump.end()
    return Content(
        decoded_bytes=dump.bytes,
        format=name or dump.format,
        damage=dump.damage,
        finished_at=dump.finished_at,
        databases=tuple(dump.databases),
        tables=tuple(dump.tables),
        revision=dump.revision,
        rows=dict(dump.rows.counted),
        rows_are_exact=dump.rows.are_exact,
        stacks=tuple(dump.rows.stacks),
    )
