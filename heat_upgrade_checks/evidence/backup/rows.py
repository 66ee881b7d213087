"""Rows in a plain SQL dump, counted by what stands between two of them.

That is exact where each row begins a line (mariadb-dump, mydumper) or is one (COPY), and where each
has a statement of its own. Where several stand in one line (mysqldump: `),(`) or their strings keep
newlines (`pg_dump --rows-per-insert`), a string can hold the same bytes: the count is then the most
that there can be.
"""

import re
from collections.abc import Iterable

from heat_upgrade_checks.evidence.backup.live_rows import COUNTED, SAMPLE
from heat_upgrade_checks.evidence.backup.quoted_names import text

# Separators that a string can hold as well.
_IN_STRINGS_TOO = (b"),(", b",\n\t(")
_ID = re.compile(rb"[0-9A-Za-z-]{1,36}")


class Rows:
    """The rows seen so far of the tables in COUNTED, and the ids of the first stacks.

    Without `are_exact` there may be fewer than `counted` says, never more.
    """

    def __init__(self) -> None:
        self.counted: dict[str, int] = {}
        self.are_exact = True
        self.stacks: list[str] = []
        self._table = ""
        self._separators: tuple[bytes, ...] = ()

    def begin(self, table: str, first: int, *separators: bytes) -> None:
        """From here on count the rows of this table, of which the statement shows the first."""
        self._table, self._separators = table, separators
        self.counted[table] = self.counted.get(table, 0) + first

    def end(self) -> None:
        """What comes next are no rows."""
        self._table, self._separators = "", ()

    def expect(self, table: str) -> None:
        """This table is there, if without rows."""
        if table in COUNTED:
            self.counted.setdefault(table, 0)

    def count(self, buffer: bytes, start: int, stop: int) -> None:
        """Count the rows that begin in this part of the buffer."""
        for separator in self._separators:
            count = _occurrences(separator, buffer[start : stop + len(separator) - 1])
            self.counted[self._table] += count
            if count and separator in _IN_STRINGS_TOO:
                self.are_exact = False

    @property
    def separator_length(self) -> int:
        """The bytes of the longest separator that is looked for; 0 where none is."""
        return max(map(len, self._separators), default=0)

    @property
    def sample_is_full(self) -> bool:
        """Whether there are as many stacks as are looked for in the live database."""
        return len(self.stacks) >= SAMPLE

    def sample(self, ids: Iterable[bytes]) -> None:
        """Remember the ids of stacks, as far as the sample is not full and they look like ids."""
        for id in ids:
            if not self.sample_is_full and _ID.fullmatch(id):
                self.stacks.append(text(id))


def _occurrences(separator: bytes, part: bytes) -> int:
    # Until Python 3.13 bytes.count looks at each byte, while bytes.replace jumps from one newline
    # to the next; they are far apart in the tables that are large.
    if len(separator) == 1:
        return len(part) - len(part.replace(separator, b""))
    return part.count(separator)
