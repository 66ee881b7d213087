"""What a plain dump by mariadb-dump or mysqldump holds."""

import re
from datetime import UTC, datetime

from heat_upgrade_checks.evidence.backup.dump import INSERT_END, VALUES, Dump
from heat_upgrade_checks.evidence.backup.quoted_names import MARIADB_NAME, mariadb_name

_ROW = re.compile(rb"""(?:\n,?|\),)\((['"])([^'"\\\n]+)\1""")


class MariaDBDump(Dump):
    """A dump made by mariadb-dump or mysqldump, of one or several databases."""

    format = "mariadb-dump"
    header = re.compile(rb"^-- (?:MariaDB|MySQL) dump ", re.MULTILINE)
    end_marker = "-- Dump completed"
    without_comments = "dump without --skip-comments and --compact"
    statements = re.compile(
        rb"\n(?=[CU\-DIR])(?:"
        rb"CREATE TABLE (?:IF NOT EXISTS )?(?P<table>" + MARIADB_NAME + rb"|[^\s(`]+)"
        rb"|USE (?P<use>" + MARIADB_NAME + rb"|[^\s;`]+);"
        rb"|-- Host: [^\n]*? Database: (?P<stated>[^\n]*)(?=\n)"
        rb"|-- Dump completed(?P<end>(?: on \d{4}-\d\d-\d\d +\d{1,2}:\d\d:\d\d)?)(?=\n)"
        # The bodies of triggers, routines and events keep their newlines.
        rb"|DELIMITER (?P<delimiter>(?!;\n)\S+)(?=\n)"
        rb"|(?:INSERT|REPLACE)[A-Z_ ]* INTO (?P<insert>" + MARIADB_NAME + rb"|[^\s(`]+)(?=[ (])"
        rb")"
    )

    def _take(self, match: re.Match[bytes]) -> int:
        kind = match.lastgroup
        value = match[kind] if kind else b""
        self._closed = False
        self.rows.end()
        if kind == "insert":
            self._take_rows(mariadb_name(value), match.end())
        elif kind == "table":
            self._add_table(mariadb_name(value), match.end())
        elif kind in ("use", "stated"):
            self._enter(mariadb_name(value))
        elif kind == "delimiter":
            self._pass_over(b"\nDELIMITER ;\n")
        else:
            self.finished_at = _moment(value)
            self._close()
        return match.end()

    def _take_rows(self, table: str, start: int) -> None:
        if self._is_version(table):
            statement = INSERT_END.split(self._shown(start), 1)[0]
            for row in statement.partition(b"VALUES")[2].split(b"),\n"):
                self._add_revision(table, row)
        values = VALUES.match(self._buffer, start)
        in_lines = values is not None and b"\n" in values["space"]
        if in_lines:
            # One row in each line, and newlines in strings are escaped.
            self._pass_over(b";\n")
        if values is None or not self._is_counted(table):
            return
        if in_lines:
            self.rows.begin(table, 0, b"\n")
        else:
            self.rows.begin(table, 1, b"),(", b"\n,(")
        if self._shows_ids(table, values["columns"]):
            shown = self._buffer[values.end() - 1 : start + self._reach].partition(b");\n")[0]
            self.rows.sample(row[2] for row in _ROW.finditer(b"\n" + shown))


def _moment(text: bytes) -> datetime | None:
    if not text:
        return None
    date, time = text.decode("ascii").split()[1:]
    try:
        return datetime.fromisoformat(f"{date} {time:0>8}").replace(tzinfo=UTC)
    except ValueError:
        return None
