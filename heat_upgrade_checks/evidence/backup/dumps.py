"""What a plain SQL dump holds, found in one pass over its bytes.

Statements are searched at line starts. Row data cannot imitate them: the MySQL family escapes
newlines inside literals, and PostgreSQL's data are skipped from `COPY … FROM stdin;` to `\\.`, or
from `INSERT INTO` to the semicolon outside of quotes.

Rows are counted by what stands between two of them. That is exact where each row begins a line
(mariadb-dump, mydumper) or is one (COPY), and where each has a statement of its own. Where several
stand in one line (mysqldump: `),(`) or their strings keep newlines (`pg_dump --rows-per-insert`), a
string can hold the same bytes: the count is then the most that there can be.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import ClassVar

from heat_upgrade_checks.evidence.backup.live_rows import COUNTED, SAMPLE

# How far a statement's beginning is looked at. Wider than any usual list of columns in COPY.
REACH = 16 * 1024

# How many bytes must be known to recognise a dump.
HEAD = 4096

# Bytes that data hold less often than newlines and letters.
_RARE = b"\\$;"
# How many of them are looked at, one by one, before that costs more than it can save.
_TRIES = 32

# Separators that a string can hold as well.
_IN_STRINGS_TOO = (b"),(", b",\n\t(")
_ID = re.compile(rb"[0-9A-Za-z-]{1,36}")
_FIRST_COLUMN_IS_ID = re.compile(rb"""\s*\(\s*[`"]?id[`"]?[\s,)]""")
# Up to the first row, which begins after the parenthesis that ends this match.
_VALUES = re.compile(rb"""(?P<columns>[^'\n]*?)VALUES(?P<space>\s*)\(""")

_ALEMBIC, _MIGRATE = b"alembic_version", b"migrate_version"


class Dump:
    """One dump, fed piece by piece in constant memory, complete after `end()`.

    `tables` are those of the wanted database; `databases` the names that the dump itself states.
    `finished_at` takes the local time in the end marker for UTC, because no dump tells its zone.
    `rows` are those of the wanted database's tables that stand in COUNTED; without
    `rows_are_exact` there may be fewer, never more. `stacks` are the ids of its first stacks.
    """

    format: ClassVar[str]
    statements: ClassVar[re.Pattern[bytes]]
    end_marker: str
    header: ClassVar[re.Pattern[bytes]]
    without_comments: ClassVar[str]

    def __init__(self, database: str, head: bytes, reach: int = REACH) -> None:
        self.bytes = 0
        self.databases: dict[str, None] = {}
        self.tables: dict[str, None] = {}
        self.finished_at: datetime | None = None
        self.rows: dict[str, int] = {}
        self.rows_are_exact = True
        self.stacks: list[str] = []
        self._counted = ""
        self._separators: tuple[bytes, ...] = ()
        self._id_is_first = False
        self._revisions: dict[bytes, dict[str, None]] = {_ALEMBIC: {}, _MIGRATE: {}}
        self._wanted = database
        self._current: str | None = None
        self._commented = bool(self.header.search(head))
        self._closed = False
        self._ends = 0
        self._reach = reach
        self._buffer = b"\n"
        self._last = b""
        self._until = b""
        self._in_statement = False
        self._odd_quotes = False

    def feed(self, piece: bytes) -> None:
        """Search the next piece of the dump."""
        self.bytes += len(piece)
        self._last = (self._last + piece[-2:])[-2:]
        self._buffer += piece
        self._search(len(self._buffer) - self._reach)

    def end(self) -> None:
        """Search what is left when the dump is over."""
        self._search(len(self._buffer))

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

    def _search(self, limit: int) -> None:
        """Search all that begins before `limit`; what begins later waits for the next piece."""
        buffer, position = self._buffer, 0
        while position < limit:
            if self._until or self._in_statement:
                position = self._skip(position)
                continue
            match = self.statements.search(buffer, position)
            start = min(match.start(), limit) if match else limit
            if self._counted:
                self._count(position, start)
            if self._closed and buffer[position:start].strip():
                self._closed = False
            if not match or match.start() >= limit:
                position = start
                break
            self._take(match)
            position = match.end()
        self._buffer = buffer[position:]

    def _skip(self, position: int) -> int:
        """Where the data that are being skipped end, or where to go on once more is known."""
        buffer, until = self._buffer, self._until or b";\n"
        found = next_place(until, buffer, position)
        stop = self._unsearched(until, position) if found < 0 else found
        if self._in_statement:
            self._odd_quotes ^= bool(buffer.count(b"'", position, stop) % 2)
        # The limit lies before the end of the buffer, or this is the end of the dump.
        after = max(stop, position + 1) if found < 0 else found
        if self._counted:
            self._count(position, after)
        if found < 0:
            return after
        if self._in_statement and self._odd_quotes:
            return found + 1
        self._until, self._in_statement, self._counted = b"", False, ""
        return found + len(until) - 1

    def _unsearched(self, until: bytes, position: int) -> int:
        """Where the words that end the skipped data, or one between rows, may have begun."""
        longest = max(map(len, (until, *self._separators)))
        start = max(position, len(self._buffer) - longest + 1)
        if longest > len(until):
            return start
        # Mostly nowhere; with nothing to keep, the next piece need not be copied behind it.
        begun = self._buffer.find(until[:1], start)
        return len(self._buffer) if begun < 0 else begun

    def _count(self, start: int, end: int) -> None:
        """Count the rows that begin in this part of the buffer."""
        for separator in self._separators:
            count = _occurrences(separator, self._buffer[start : end + len(separator) - 1])
            self.rows[self._counted] += count
            if count and separator in _IN_STRINGS_TOO:
                self.rows_are_exact = False

    def _begin_rows(self, table: str, first: int, *separators: bytes) -> None:
        """From here on count the rows of this table, of which the statement shows the first."""
        if table in COUNTED and self._is_wanted():
            self._counted, self._separators = table, separators
            self.rows[table] = self.rows.get(table, 0) + first

    def _sample(self, rows: Iterable[bytes]) -> None:
        """Remember the ids of stacks, as far as the sample is not full and they look like ids."""
        for row in rows:
            if len(self.stacks) < SAMPLE and _ID.fullmatch(row):
                self.stacks.append(_text(row))

    def _take(self, match: re.Match[bytes]) -> None:
        raise NotImplementedError

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

    def _add_table(self, name: str) -> None:
        if self._is_wanted():
            self.tables[name] = None
            if name in COUNTED:
                self.rows.setdefault(name, 0)

    def _add_revision(self, table: bytes, row: bytes) -> None:
        """Remember what a row of a version table says; for migrate its last column counts."""
        pattern = rb"([0-9A-Za-z_]+)" if table == _ALEMBIC else rb"(\d+)$"
        for value in re.findall(pattern, row.strip()) if self._is_wanted() else ():
            self._revisions[table][_text(value)] = None


class MariaDBDump(Dump):
    """A dump made by mariadb-dump or mysqldump, of one or several databases."""

    format = "mariadb-dump"
    header = re.compile(rb"^-- (?:MariaDB|MySQL) dump ", re.MULTILINE)
    end_marker = "-- Dump completed"
    without_comments = "dump without --skip-comments and --compact"
    statements = re.compile(
        rb"\n(?=[CU\-DIR])(?:"
        rb"CREATE TABLE (?:IF NOT EXISTS )?(?P<table>`(?:[^`\n]|``)+`|[^\s(`]+)"
        rb"|USE (?P<use>`(?:[^`\n]|``)+`|[^\s;`]+);"
        rb"|-- Host: [^\n]*? Database: (?P<stated>[^\n]*)(?=\n)"
        rb"|-- Dump completed(?P<end>(?: on \d{4}-\d\d-\d\d +\d{1,2}:\d\d:\d\d)?)(?=\n)"
        # The bodies of triggers, routines and events keep their newlines.
        rb"|DELIMITER (?P<delimiter>(?!;\n)\S+)(?=\n)"
        rb"|(?:INSERT|REPLACE)[A-Z_ ]* INTO (?P<insert>`(?:[^`\n]|``)+`|[^\s(`]+)(?=[ (])"
        rb")"
    )

    def _take(self, match: re.Match[bytes]) -> None:
        kind = match.lastgroup
        value = match[kind] if kind else b""
        self._closed, self._counted = False, ""
        if kind == "insert":
            self._take_rows(_unquoted(value, b"`"), match.end())
        elif kind == "table":
            self._add_table(_unquoted(value, b"`"))
            if value.strip(b"`") == b"stack":
                columns = _FIRST_COLUMN_IS_ID.match(self._buffer, match.end())
                self._id_is_first = columns is not None
        elif kind in ("use", "stated"):
            self._enter(_unquoted(value, b"`"))
        elif kind == "delimiter":
            self._until = b"\nDELIMITER ;\n"
        else:
            self.finished_at = _moment(value)
            self._close()

    def _take_rows(self, table: str, start: int) -> None:
        if table.encode() in self._revisions:
            statement = _PG_INSERT_END.split(self._buffer[start : start + self._reach], 1)[0]
            for row in statement.partition(b"VALUES")[2].split(b"),\n"):
                self._add_revision(table.encode(), row)
        values = _VALUES.match(self._buffer, start)
        in_lines = values is not None and b"\n" in values["space"]
        if in_lines:
            # One row in each line, and newlines in strings are escaped.
            self._until = b";\n"
        if table not in COUNTED or not values:
            return
        if in_lines:
            self._begin_rows(table, 0, b"\n")
        else:
            self._begin_rows(table, 1, b"),(", b"\n,(")
        if table == "stack" and self._counted and len(self.stacks) < SAMPLE:
            columns = values["columns"].strip()
            first = _FIRST_COLUMN_IS_ID.match(columns) if columns else self._id_is_first
            if first:
                shown = self._buffer[values.end() - 1 : start + self._reach].partition(b");\n")[0]
                self._sample(row[2] for row in _MARIADB_ROW.finditer(b"\n" + shown))


_MARIADB_ROW = re.compile(rb"""(?:\n,?|\),)\((['"])([^'"\\\n]+)\1""")

_PG_PART = rb'(?:"(?:[^"\n]|"")+"|[^\s".(;]+)'
_PG_NAME = _PG_PART + rb"(?:\." + _PG_PART + rb")?"


class PostgreSQLDump(Dump):
    """A plain dump made by pg_dump or pg_dumpall, its data as COPY or as INSERT."""

    format = "pg_dump"
    header = re.compile(rb"^-- PostgreSQL database (?:cluster )?dump$", re.MULTILINE)
    end_marker = "-- PostgreSQL database dump complete"
    without_comments = "keep the comment lines that pg_dump writes"
    statements = re.compile(
        rb"\n(?=[C \-I\\])(?:"
        rb"CREATE (?:UNLOGGED )?TABLE (?P<table>" + _PG_NAME + rb")"
        rb"|COPY (?P<copy>" + _PG_NAME + rb") (?P<columns>[^\n]*)FROM stdin;(?=\n)"
        rb"|INSERT INTO (?P<insert>" + _PG_NAME + rb")"
        rb"|COMMENT ON (?P<comment>)"
        rb"|    AS (?P<body>\$[^$\n]*\$)"
        rb"|\\connect (?P<connect>[^\n]+)(?=\n)"
        rb"|-- Name: (?P<stated>[^\n]+); Type: DATABASE;"
        rb"|\\restrict (?P<restrict>)"
        rb"|\\unrestrict (?P<unrestrict>)[^\n]*(?=\n)"
        rb"|-- PostgreSQL database (?P<begin>cluster )dump(?=\n)"
        rb"|-- PostgreSQL database (?P<end>(?:cluster )?)dump complete\n--(?=\n\n)"
        rb")"
    )

    def __init__(self, database: str, head: bytes, reach: int = REACH) -> None:
        super().__init__(database, head, reach)
        self._cluster = False
        self._restricted = False

    def _take(self, match: re.Match[bytes]) -> None:
        kind = "copy" if match["copy"] is not None else match.lastgroup
        value = match[kind] if kind else b""
        self._closed = self._closed and kind == "unrestrict"
        if kind == "table":
            self._add_table(_pg_name(value))
            if _pg_name(value) == "stack":
                columns = _FIRST_COLUMN_IS_ID.match(self._buffer, match.end())
                self._id_is_first = columns is not None
        elif kind == "copy":
            self._until = b"\n\\.\n"
            self._take_copied(_pg_name(value), match["columns"], match.end())
        elif kind == "insert":
            self._in_statement, self._odd_quotes = True, False
            self._take_inserted(_pg_name(value), match.end())
        elif kind == "comment":
            self._in_statement, self._odd_quotes = True, False
        elif kind == "body":
            self._until = value
        elif kind == "connect":
            self._enter(_pg_database(value))
        elif kind == "stated":
            self.databases[_text(value)] = None
        elif kind in ("restrict", "unrestrict"):
            self._restricted = kind == "restrict"
        elif kind == "begin":
            self._cluster = True
            self.end_marker = "-- PostgreSQL database cluster dump complete"
        elif bool(value) == self._cluster:
            self._close()

    def _is_finished(self) -> bool:
        # The end marker, and from 2025 on the `\unrestrict` line, are followed by an empty line.
        return not self._restricted and self._last == b"\n\n"

    def _take_copied(self, table: str, columns: bytes, start: int) -> None:
        self._begin_rows(table, 0, b"\n")
        version = table.encode() in self._revisions
        if not version and not (table == "stack" and self._counted):
            return
        data = self._buffer[start : start + self._reach].partition(b"\n\\.\n")[0]
        rows = data.split(b"\n")[1:]
        if version:
            for row in rows:
                self._add_revision(table.encode(), row)
            return
        names = [name.strip(b' "') for name in columns.strip().strip(b"()").split(b",")]
        if b"id" in names:
            place = names.index(b"id")
            fields = (row.split(b"\t") for row in rows)
            self._sample(row[place] for row in fields if len(row) == len(names))

    def _take_inserted(self, table: str, start: int) -> None:
        if table.encode() in self._revisions:
            statement = _PG_INSERT_END.split(self._buffer[start : start + self._reach], 1)[0]
            row = statement.partition(b"VALUES")[2].strip(b" (\n")
            self._add_revision(table.encode(), row)
        values = _VALUES.match(self._buffer, start)
        if table not in COUNTED or not values:
            return
        # Several rows begin on a line of their own each, a single one behind VALUES.
        self._begin_rows(table, 1, *([b",\n\t("] if b"\n" in values["space"] else []))
        if table == "stack" and self._counted and len(self.stacks) < SAMPLE:
            columns = values["columns"].strip()
            first = _FIRST_COLUMN_IS_ID.match(columns) if columns else self._id_is_first
            if first and (id := _PG_STRING.match(self._buffer, values.end())):
                self._sample([id[1]])


_PG_INSERT_END = re.compile(rb"\)(?: ON CONFLICT DO NOTHING)?;\n")
_PG_STRING = re.compile(rb"'([^'\n]+)'")


def recognise(head: bytes) -> type[Dump] | None:
    """Which kind of dump begins so, None if it is no plain SQL dump."""
    for signs in (_HEADERS, _TRACES):
        found = [(match.start(), kind) for kind, sign in signs if (match := sign.search(head))]
        if found:
            return min(found, key=lambda sign: sign[0])[1]  # Rows may imitate the other kind.
    return None


_HEADERS: tuple[tuple[type[Dump], re.Pattern[bytes]], ...] = (
    (MariaDBDump, MariaDBDump.header),
    (PostgreSQLDump, PostgreSQLDump.header),
)

# What the heads of dumps without comments have in common.
_TRACES: tuple[tuple[type[Dump], re.Pattern[bytes]], ...] = (
    (
        MariaDBDump,
        re.compile(
            rb"^(?:/\*M?!\d{5,6}|(?:CREATE TABLE|INSERT INTO|DROP TABLE IF EXISTS) `)", re.M
        ),
    ),
    (
        PostgreSQLDump,
        re.compile(rb"^(?:\\restrict |SET statement_timeout = 0;|CREATE TABLE public\.)", re.M),
    ),
)


def next_place(words: bytes, buffer: bytes, position: int) -> int:
    """Where these words come next in the buffer, -1 if they do not: as `bytes.find`, but faster."""
    # bytes.find goes to a single byte many times as fast as to several. Where the data are full of
    # that byte, a regular expression is faster than either.
    rare = next((byte for byte in _RARE if byte in words), words[0])
    before = words.index(rare)
    at = position + before
    for _ in range(_TRIES):
        if (at := buffer.find(rare, at)) < 0:
            return -1
        if buffer.startswith(words, at - before):
            return at - before
        at += 1
    match = re.compile(re.escape(words)).search(buffer, at - before)
    return match.start() if match else -1


def _occurrences(separator: bytes, part: bytes) -> int:
    # Until Python 3.13 bytes.count looks at each byte, while bytes.replace jumps from one newline
    # to the next; they are far apart in the tables that are large.
    if len(separator) == 1:
        return len(part) - len(part.replace(separator, b""))
    return part.count(separator)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def _unquoted(name: bytes, quote: bytes) -> str:
    if name.startswith(quote):
        name = name[1:-1].replace(quote * 2, quote)
    return _text(name)


def _pg_name(name: bytes) -> str:
    """A table's name, without its schema where that is the default one."""
    parts = [_unquoted(part, b'"') for part in re.findall(_PG_PART, name)]
    return ".".join(parts[1:] if parts[0] == "public" and len(parts) > 1 else parts)


def _pg_database(words: bytes) -> str:
    """The database in `\\connect name` or `\\connect -reuse-previous=on "dbname='na me'"`."""
    if named := re.search(rb"dbname='((?:[^'\\]|\\.)*)'", words):
        return _text(re.sub(rb"\\(.)", rb"\1", named[1]).replace(b'""', b'"'))
    return _unquoted(words, b'"')


def _moment(text: bytes) -> datetime | None:
    if not text:
        return None
    date, time = text.decode("ascii").split()[1:]
    try:
        return datetime.fromisoformat(f"{date} {time:0>8}").replace(tzinfo=UTC)
    except ValueError:
        return None
