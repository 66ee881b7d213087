"""What is sought in a plain SQL dump, whichever program made it."""

import re
from datetime import datetime
from typing import ClassVar

from heat_upgrade_checks.evidence.backup.live_rows import COUNTED
from heat_upgrade_checks.evidence.backup.quoted_names import text
from heat_upgrade_checks.evidence.backup.rows import Rows
from heat_upgrade_checks.evidence.backup.statements import Statements

# How far a statement's beginning is looked at. Wider than any usual list of columns in COPY.
REACH = 16 * 1024

# Up to the first row, which begins after the parenthesis that ends this match.
VALUES = re.compile(rb"""(?P<columns>[^'\n]*?)VALUES(?P<space>\s*)\(""")
# What ends an INSERT of one row, or of several on lines of their own.
INSERT_END = re.compile(rb"\)(?: ON CONFLICT DO NOTHING)?;\n")

_FIRST_COLUMN_IS_ID = re.compile(rb"""\s*\(\s*[`"]?id[`"]?[\s,)]""")
_ALEMBIC, _MIGRATE = b"alembic_version", b"migrate_version"


class Dump(Statements):
    """One dump, fed piece by piece in constant memory, complete after `end()`.

    `tables` are those of the wanted database; `databases` the names that the dump itself states.
    `finished_at` takes the local time in the end marker for UTC, because no dump tells its zone.
    `rows` are those of the wanted database's tables that stand in COUNTED.
    """

    format: ClassVar[str]
    end_marker: str
    header: ClassVar[re.Pattern[bytes]]
    without_comments: ClassVar[str]

    def __init__(self, database: str, head: bytes, reach: int = REACH) -> None:
        super().__init__(reach)
        self.bytes = 0
        self.databases: dict[str, None] = {}
        self.tables: dict[str, None] = {}
        self.finished_at: datetime | None = None
        self.rows = Rows()
        self._id_is_first = False
        self._revisions: dict[bytes, dict[str, None]] = {_ALEMBIC: {}, _MIGRATE: {}}
        self._wanted = database
        self._current: str | None = None
        self._commented = bool(self.header.search(head))
        self._closed = False
        self._ends = 0
        self._last = b""

    def feed(self, piece: bytes) -> None:
        """Search the next piece of the dump."""
        self.bytes += len(piece)
        self._last = (self._last + piece[-2:])[-2:]
        self._add(piece)

    def end(self) -> None:
        """Search what is left when the dump is over."""
        self._finish()

    @property
    def revision(self) -> str:
        """The wanted database's alembic revision, else its sqlalchemy-migrate version, else ""."""
        return ", ".join(self._revisions[_ALEMBIC] or self._revisions[_MIGRATE])

    @property
    def damage(self) -> str:
        """What shows that the dump is not whole, as the end of a sentence; "" if it is."""
        if self._closed and self._is_finished():
            return ""
        if self._ends:
            return f"does not end at its end marker `{self.end_marker}`"
        if self._commented:
            return f"is cut off: `{self.end_marker}` is missing after {self.bytes} bytes"
        return (
            "was made without comments, so that its end cannot be told from a cut: "
            f"{self.without_comments}"
        )

    def _see(self, start: int, stop: int) -> None:
        self.rows.count(self._buffer, start, stop)
        if self._closed and self._buffer[start:stop].strip():
            self._closed = False

    def _see_end(self, start: int, stop: int) -> None:  # noqa: ARG002 - they hold no row
        self.rows.end()

    def _unsearched(self, position: int) -> int:
        longest = self.rows.separator_length
        if longest > len(self._until):
            # One may have begun there that only the next piece completes.
            return max(position, len(self._buffer) - longest + 1)
        return super()._unsearched(position)

    def _is_finished(self) -> bool:
        return True

    def _close(self) -> None:
        self._closed = True
        self._ends += 1

    def _enter(self, database: str) -> None:
        self._current = database
        if database:
            self.databases[database] = None

    def _is_wanted(self) -> bool:
        return self._current is None or self._current == self._wanted

    def _is_counted(self, table: str) -> bool:
        return table in COUNTED and self._is_wanted()

    def _add_table(self, name: str, columns: int) -> None:
        """Remember a table, whose columns are listed from this place in the buffer on."""
        if name == "stack":
            self._id_is_first = _FIRST_COLUMN_IS_ID.match(self._buffer, columns) is not None
        if self._is_wanted():
            self.tables[name] = None
            self.rows.expect(name)

    def _shows_ids(self, table: str, columns: bytes) -> bool:
        """Whether an INSERT into these columns, b"" for all, begins with ids of wanted stacks."""
        if table != "stack" or self.rows.sample_is_full:
            return False
        columns = columns.strip()
        return _FIRST_COLUMN_IS_ID.match(columns) is not None if columns else self._id_is_first

    def _shown(self, start: int) -> bytes:
        """What of the statement that goes on here is certain to be in the buffer."""
        return self._buffer[start : start + self._reach]

    def _is_version(self, table: str) -> bool:
        return table.encode() in self._revisions

    def _add_revision(self, table: str, row: bytes) -> None:
        """Remember what a row of a version table says; for migrate its last column counts."""
        pattern = rb"([0-9A-Za-z_]+)" if table.encode() == _ALEMBIC else rb"(\d+)$"
        for value in re.findall(pattern, row.strip()) if self._is_wanted() else ():
            self._revisions[table.encode()][text(value)] = None
