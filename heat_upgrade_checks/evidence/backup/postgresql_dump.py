"""What a plain dump by pg_dump or pg_dumpall holds."""

import re

from heat_upgrade_checks.evidence.backup.dump import INSERT_END, REACH, VALUES, Dump
from heat_upgrade_checks.evidence.backup.quoted_names import (
    POSTGRESQL_NAME,
    postgresql_database,
    postgresql_table,
    text,
)

_STRING = re.compile(rb"'([^'\n]+)'")


class PostgreSQLDump(Dump):
    """A plain dump made by pg_dump or pg_dumpall, its data as COPY or as INSERT."""

    format = "pg_dump"
    header = re.compile(rb"^-- PostgreSQL database (?:cluster )?dump$", re.MULTILINE)
    end_marker = "-- PostgreSQL database dump complete"
    without_comments = "keep the comment lines that pg_dump writes"
    statements = re.compile(
        rb"\n(?=[C \-I\\])(?:"
        rb"CREATE (?:UNLOGGED )?TABLE (?P<table>" + POSTGRESQL_NAME + rb")"
        rb"|COPY (?P<copy>" + POSTGRESQL_NAME + rb") (?P<columns>[^\n]*)FROM stdin;(?=\n)"
        rb"|INSERT INTO (?P<insert>" + POSTGRESQL_NAME + rb")"
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

    def _take(self, match: re.Match[bytes]) -> int:
        kind = "copy" if match["copy"] is not None else match.lastgroup
        value = match[kind] if kind else b""
        self._closed = self._closed and kind == "unrestrict"
        if kind == "table":
            self._add_table(postgresql_table(value), match.end())
        elif kind == "copy":
            self._pass_over(b"\n\\.\n")
            self._take_copied(postgresql_table(value), match["columns"], match.end())
        elif kind == "insert":
            self._pass_over(b";\n", counts_quotes=True)
            self._take_inserted(postgresql_table(value), match.end())
        elif kind == "comment":
            self._pass_over(b";\n", counts_quotes=True)
        elif kind == "body":
            self._pass_over(value)
        elif kind == "connect":
            self._enter(postgresql_database(value))
        elif kind == "stated":
            self.databases[text(value)] = None
        elif kind in ("restrict", "unrestrict"):
            self._restricted = kind == "restrict"
        elif kind == "begin":
            self._cluster = True
            self.end_marker = "-- PostgreSQL database cluster dump complete"
        elif bool(value) == self._cluster:
            self._close()
        return match.end()

    def _is_finished(self) -> bool:
        # The end marker, and from 2025 on the `\unrestrict` line, are followed by an empty line.
        return not self._restricted and self._last == b"\n\n"

    def _take_copied(self, table: str, columns: bytes, start: int) -> None:
        counted, version = self._is_counted(table), self._is_version(table)
        if counted:
            self.rows.begin(table, 0, b"\n")
        if not version and not (table == "stack" and counted):
            return
        rows = self._shown(start).partition(b"\n\\.\n")[0].split(b"\n")[1:]
        if version:
            for row in rows:
                self._add_revision(table, row)
            return
        names = [name.strip(b' "') for name in columns.strip().strip(b"()").split(b",")]
        if b"id" in names:
            place = names.index(b"id")
            fields = (row.split(b"\t") for row in rows)
            self.rows.sample(row[place] for row in fields if len(row) == len(names))

    def _take_inserted(self, table: str, start: int) -> None:
        if self._is_version(table):
            statement = INSERT_END.split(self._shown(start), 1)[0]
            self._add_revision(table, statement.partition(b"VALUES")[2].strip(b" (\n"))
        values = VALUES.match(self._buffer, start)
        if values is None or not self._is_counted(table):
            return
        # Several rows begin on a line of their own each, a single one behind VALUES.
        self.rows.begin(table, 1, *([b",\n\t("] if b"\n" in values["space"] else []))
        if self._shows_ids(table, values["columns"]) and (
            id := _STRING.match(self._buffer, values.end())
        ):
            self.rows.sample([id[1]])
