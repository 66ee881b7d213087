"""Of a plain dump only what belongs into one database, and nothing that reaches beyond it.

A dump of several databases creates and enters each of them by its name, which on a shared scratch
server is the live one's. What names a database, an account or the whole server is taken out, and so
are the sections of other databases. An empty line stays for each line that is taken out, so that a
client's line numbers are those of the decoded dump.
"""

import re
from typing import ClassVar

from heat_upgrade_checks.evidence.backup.quoted_names import (
    MARIADB_NAME,
    POSTGRESQL_NAME,
    mariadb_name,
    postgresql_database,
)
from heat_upgrade_checks.evidence.backup.statements import Statements

# How far into a line a statement is recognised; every pattern is bounded well below it.
REACH = 4096


class Sections(Statements):
    """A filter over the bytes of one dump, in constant memory.

    `databases` are the names of the sections seen, in order. Without any the dump is of a single
    database, whatever its name, and all of it is wanted.
    """

    # Which statements are taken out, by their group in `statements`, up to the words that end them.
    taken_out: ClassVar[dict[str, bytes]]
    # Whether literals may hold newlines, and double a quote in them.
    has_open_literals: ClassVar[bool]

    def __init__(self, database: str, reach: int = REACH) -> None:
        super().__init__(reach)
        self.databases: dict[str, None] = {}
        self._wanted = database
        self._keeps = True
        self._is_first = True
        # Whether what is passed over is taken out.
        self._drops = False
        self._output: list[bytes] = []

    def feed(self, piece: bytes) -> bytes:
        """What of the dump so far is certain and was not returned before."""
        self._add(piece)
        return self._put_out()

    def end(self) -> bytes:
        """The rest, when the dump is over."""
        self._finish()
        return self._put_out()

    @property
    def holds_wanted(self) -> bool:
        """Whether anything of the dump belongs to the wanted database."""
        return not self.databases or self._wanted in self.databases

    def _put_out(self) -> bytes:
        text = b"".join(self._output)
        self._output.clear()
        if self._is_first and text:
            # The newline that makes the first line like all others.
            self._is_first, text = False, text[1:]
        return text

    def _see(self, start: int, stop: int) -> None:
        if self._keeps and not self._drops:
            self._output.append(self._buffer[start:stop])
        else:
            self._output.append(b"\n" * self._buffer.count(b"\n", start, stop))

    def _see_end(self, start: int, stop: int) -> None:
        self._see(start, stop)
        self._drops = False

    def _take(self, match: re.Match[bytes]) -> int:
        begin = match.start() + 1
        # The newline, which ends the line before.
        self._see(match.start(), begin)
        kind = match.lastgroup or ""
        if kind in self.taken_out:
            self._drops = True
            self._pass_over(self.taken_out[kind], counts_quotes=self.has_open_literals)
        return self._act(kind, match, begin)

    def _act(self, kind: str, match: re.Match[bytes], begin: int) -> int:
        """Act on a statement that begins at this place in the buffer; where to go on."""
        raise NotImplementedError

    def _enter(self, database: str) -> None:
        self.databases[database] = None
        self._keeps = database == self._wanted


# An account as the MySQL family quotes it; a role has no host.
_ACCOUNT = rb"`(?:[^`\n]|``){0,300}`(?:@`(?:[^`\n]|``){0,300}`)?"
_DEFINER = (
    rb"(?P<before>(?:/\*!\d{5} )?CREATE(?:\*/)? (?:OR REPLACE )?(?:ALGORITHM=\w{1,12} )?)"
    rb"(?:/\*!\d{5} )?DEFINER=" + _ACCOUNT + rb"(?:\*/)?(?P<definer>)"
    rb"|(?P<view>/\*!\d{5}) DEFINER=" + _ACCOUNT + rb"(?P<of_view>(?= SQL SECURITY ))"
)
# Written around a trigger, a routine or an event, to make it with its database's old collation.
_RECODED = (
    rb"(?P<line>ALTER DATABASE " + MARIADB_NAME + rb" CHARACTER SET \w{1,64} COLLATE \w{1,64} ;)"
)


class MariaDBSections(Sections):
    """Of a dump made by mariadb-dump or mysqldump.

    Taken out besides the databases: accounts and plugins (`--system`), replication and the binary
    log (`--set-gtid-purged`, `--master-data`), the server's variables, definers, for whom a scratch
    server has no account, and the sandbox line, which older clients take for a command.
    """

    _STATEMENTS = re.compile(
        rb"\n(?=[UCDASGFI/])(?:"
        rb"USE (?P<use>" + MARIADB_NAME + rb"|[^\s;`]{1,300});"
        rb"|DELIMITER (?P<delimiter>(?!;\n)\S{1,30})(?=\n)"
        rb"|" + _RECODED + rb"|" + _DEFINER + rb"|(?P<database>(?:/\*M?!\d{5,6} )?"
        rb"(?:CREATE|DROP|ALTER) (?:/\*M?!\d{5,6} [A-Z ]{1,30}\*/ )?(?:DATABASE|SCHEMA) )"
        rb"|(?P<sandbox>/\*M?!999999\\- )"
        rb"|(?P<statement>SET @@GLOBAL\.|SET @@SESSION\.SQL_LOG_BIN|SET @MYSQLDUMP_TEMP_LOG_BIN"
        rb"|CHANGE (?:MASTER|REPLICATION) |(?:STOP|START) (?:ALL )?(?:SLAVE|REPLICA)"
        rb"|(?:/\*M?!\d{5,6} )?SET GLOBAL |/\*M!\d{5,6} EXECUTE IMMEDIATE "
        rb"|(?:/\*! )?FLUSH |GRANT |INSTALL |SET DEFAULT ROLE |ALTER USER "
        rb"|CREATE (?:/\*M?!\d{5,6} OR REPLACE \*/ )?(?:USER|ROLE|SERVER) )"
        rb"|(?P<trailer>/\*M?!\d{5,6} SET \w{1,64}=@OLD_)"
        rb")"
    )
    _BODY = re.compile(
        rb"\n(?=[DAC/])(?:(?P<end>DELIMITER ;)(?=\n)|" + _RECODED + b"|" + _DEFINER + b")"
    )
    _BODY_OF_KNOWN = re.compile(rb"\n(?:(?P<end>DELIMITER ;)(?=\n)|" + _RECODED + b")")

    statements = _STATEMENTS
    has_open_literals = False
    taken_out: ClassVar[dict[str, bytes]] = {
        "use": b"\n",
        "line": b"\n",
        "database": b"\n",
        "sandbox": b"\n",
        "statement": b";\n",
    }

    def _act(self, kind: str, match: re.Match[bytes], begin: int) -> int:
        if kind == "use":
            self._enter(mariadb_name(match["use"]))
        elif kind == "trailer":
            self._keeps = True
        elif kind == "delimiter":
            self.statements = self._BODY
        elif kind == "end":
            self.statements = self._STATEMENTS
        elif kind in ("definer", "of_view"):
            if kind == "definer" and self.statements is self._BODY:
                # A line of the body itself may look like one.
                self.statements = self._BODY_OF_KNOWN
            if self._keeps:
                self._output.append(match["before"] or match["view"])
            return match.end()
        return begin


class PostgreSQLSections(Sections):
    """Of a plain dump made by pg_dump or pg_dumpall.

    Taken out besides the databases: roles, owners, privileges and tablespaces, which a scratch
    server lacks, and settings that an older server does not know. `knows_restrict` says whether
    psql has the command that new dumps begin with (CVE-2025-8714).
    """

    statements = re.compile(
        rb"\n(?=[C \\IADGRS])(?:"
        rb"\\connect (?P<connect>[^\n]{1,1000})(?=\n)"
        rb"|\\(?:un)?restrict (?P<restrict>)"
        rb"|COPY " + POSTGRESQL_NAME + rb" (?P<copy>)[^\n]{0,3000}FROM stdin;(?=\n)"
        rb"|INSERT INTO (?P<insert>)"
        rb"|(?P<statement>COMMENT ON (?:DATABASE|EXTENSION|SCHEMA public) "
        rb"|(?:CREATE|ALTER|DROP) (?:DATABASE|ROLE|TABLESPACE|USER|GROUP) |GRANT |REVOKE "
        rb"|ALTER DEFAULT PRIVILEGES |SECURITY LABEL "
        rb"|SET (?:default_tablespace = (?!'')|transaction_timeout ))"
        rb"|COMMENT ON (?P<comment>)"
        rb"|(?P<owner>ALTER [^\n]{1,1000} OWNER TO [^\n]{1,300};)(?=\n)"
        rb"|    AS (?P<body>\$[^$\n]{0,64}\$)"
        rb")"
    )
    has_open_literals = True
    taken_out: ClassVar[dict[str, bytes]] = {
        "connect": b"\n",
        "owner": b"\n",
        "statement": b";\n",
    }

    def __init__(self, database: str, *, knows_restrict: bool, reach: int = REACH) -> None:
        super().__init__(database, reach)
        self._knows_restrict = knows_restrict

    def _act(self, kind: str, match: re.Match[bytes], begin: int) -> int:
        if kind == "connect":
            self._enter(postgresql_database(match["connect"]))
        elif kind == "restrict" and not self._knows_restrict:
            self._drops = True
            self._pass_over(b"\n")
        elif kind == "copy":
            self._pass_over(b"\n\\.\n")
        elif kind in ("insert", "comment"):
            self._pass_over(b";\n", counts_quotes=True)
        elif kind == "body":
            self._see(begin, match.end())
            self._pass_over(match["body"])
            return match.end()
        return begin
