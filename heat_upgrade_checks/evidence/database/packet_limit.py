"""Whether MariaDB or MySQL takes a statement as large as what Heat has to write.

The largest rows are those of templates and their files. Each is measured once, where it lies, in
statements of a thousand rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import sqlalchemy as sa

from heat_upgrade_checks.evidence.database.heat_tables import (
    RAW_TEMPLATE,
    RAW_TEMPLATE_FILES,
    STACK,
)
from heat_upgrade_checks.evidence.database.session import ask_in_session, portions
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site

_AT_ONCE = 1000


@dataclass(frozen=True)
class LargeRow:
    """A row of a live stack that the server would not take again.

    A statement has more than these `bytes`, for it escapes quotes; to count them would take the
    server's REPLACE, whose time grows with the square of their number.
    """

    table: str
    id: int
    bytes: int
    stack_id: str
    stack: str


@dataclass(frozen=True)
class PacketLimit(Facts):
    """`limit` is the server's max_allowed_packet in bytes, None where it has none of the kind."""

    limit: int | None
    rows: tuple[LargeRow, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        if self.limit is None:
            return "nothing: this server limits no statement"
        return (
            f"max_allowed_packet, {self.limit} bytes, and the rows of raw_template and "
            f"raw_template_files ({len(self.rows)} of live stacks are larger)"
        )


def observe(site: Site) -> PacketLimit:
    """The server's limit, and what is larger."""
    return ask_in_session(site, _read)


def _read(session: sa.Connection) -> PacketLimit:
    if session.dialect.name != "mysql":
        return PacketLimit(None, ())
    limit = session.exec_driver_sql("SELECT @@global.max_allowed_packet").scalar_one()
    of, its_files = RAW_TEMPLATE.c, RAW_TEMPLATE_FILES.c
    rows = (
        *_in_use(session, RAW_TEMPLATE, [of.template, of.environment, of.files], of.id, limit),
        *_in_use(session, RAW_TEMPLATE_FILES, [its_files.files], of.files_id, limit),
    )
    return PacketLimit(limit, tuple(sorted(rows, key=lambda row: -row.bytes)))


def _in_use(
    session: sa.Connection,
    table: sa.Table,
    columns: list[sa.Column[Any]],
    of_template: sa.Column[Any],
    limit: int,
) -> Iterator[LargeRow]:
    """The rows of a table over the limit that a live stack's template leads to."""
    large = dict(_over(session, table, columns, limit))
    stacks = sa.select(of_template.label("row_id"), STACK.c.id, STACK.c.name).join_from(
        RAW_TEMPLATE, STACK, STACK.c.raw_template_id == RAW_TEMPLATE.c.id
    )
    for ids in portions(sorted(large)):
        query = stacks.where(STACK.c.deleted_at.is_(None), of_template.in_(ids))
        for row in session.execute(query.order_by(STACK.c.id)):
            yield LargeRow(table.name, row.row_id, large[row.row_id], row.id, row.name)


def _over(
    session: sa.Connection, table: sa.Table, columns: list[sa.Column[Any]], limit: int
) -> Iterator[tuple[int, int]]:
    lengths = (sa.func.coalesce(sa.func.length(column), 0) for column in columns)
    length = reduce(add, lengths).label("bytes")
    large = sa.select(table.c.id, length).where(length >= limit)
    last = session.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0
    for start in range(0, last + 1, _AT_ONCE):
        few = large.where(table.c.id.between(start, start + _AT_ONCE - 1))
        for id, bytes in session.execute(few):
            yield id, int(bytes)
