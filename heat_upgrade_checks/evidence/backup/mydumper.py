"""A folder made by mydumper: a file of schema and files of rows for each table.

From 0.10 on, `metadata` ends with the time at which the dump was finished and is called
`metadata.partial` until then; later versions write it in ini form with each table's rows
(mydumper's src/mydumper/mydumper_start_dump.c).
"""

import re
from datetime import UTC, datetime

from heat_upgrade_checks.evidence.backup.content import Content
from heat_upgrade_checks.evidence.backup.folders import Folder
from heat_upgrade_checks.evidence.backup.live_rows import COUNTED
from heat_upgrade_checks.evidence.backup.mariadb_dump import MariaDBDump

FORMAT = "mydumper folder"
METADATA, UNFINISHED = "metadata", "metadata.partial"

_SQL = r"\.sql(?:\.gz|\.zst)?"
_DATABASE = re.compile(rf"(?P<name>[^.]+)(?:-schema-create{_SQL}|\..+\.(?:sql|dat)(?:\.\w+)?)")
_FINISHED = re.compile(r"^(?:# )?Finished dump at: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.M)
_SECTION = re.compile(
    r"^\[`?(?P<database>[^`\n]+?)`?\.`?(?P<table>[^`\n]+?)`?\]\n(?P<keys>[^[]*)", re.M
)
_ROWS = re.compile(r"^rows\s*=\s*(\d+)", re.M | re.I)


def read(folder: Folder, database: str) -> Content:
    """What the folder says, after every file in it was decoded to its end.

    `finished_at` takes the dumping host's local time for UTC. Where rows were written for
    LOAD DATA (`--load-data`, `--csv`) they cannot be counted: `rows` is None.
    """
    dump = MariaDBDump(database, b"")
    mine = re.compile(rf"{re.escape(database)}\.(?P<table>.+?)(?P<schema>-schema)?{_SQL}")
    schema_first = sorted(folder.names, key=lambda name: "-schema" not in name)
    metadata = ""
    for name in schema_first:
        match = mine.fullmatch(name)
        if name == METADATA:
            metadata = folder.text(name)
        elif match:
            _search(dump, folder, name)
        else:
            for _ in folder.read(name):
                pass
    dump.end()
    rows_elsewhere = any(
        name.startswith(f"{database}.") and ".dat" in name for name in folder.names
    )
    finished = _FINISHED.search(metadata)
    return Content(
        decoded_bytes=folder.decoded_bytes,
        format=FORMAT,
        damage=_damage(folder, finished is not None, _missing(metadata, database, dump)),
        finished_at=datetime.fromisoformat(finished[1]).replace(tzinfo=UTC) if finished else None,
        databases=tuple(sorted({m["name"] for n in folder.names if (m := _DATABASE.fullmatch(n))})),
        tables=tuple(dump.tables),
        revision=dump.revision,
        rows=None if rows_elsewhere else dict(dump.rows.counted),
        rows_are_exact=dump.rows.are_exact,
        stacks=tuple(dump.rows.stacks),
    )


def _search(dump: MariaDBDump, folder: Folder, name: str) -> None:
    """Feed one file of the wanted database; whole, it ends with a statement's end."""
    last = b""
    for piece in folder.read(name):
        last = (last + piece[-2:])[-2:]
        dump.feed(piece)
    if last != b";\n":
        folder.report(name, "is empty" if not last else "is cut off: its last statement has no end")


def _missing(metadata: str, database: str, dump: MariaDBDump) -> str:
    """Which table has not the rows that the metadata state, as the end of a sentence."""
    for section in _SECTION.finditer(metadata):
        table, stated = section["table"], _ROWS.search(section["keys"])
        if section["database"] != database or stated is None or table not in COUNTED:
            continue
        held = dump.rows.counted.get(table, 0)
        if held < int(stated[1]):
            return f"is cut off: it holds {held} rows of {table}, its metadata state {stated[1]}"
    return ""


def _damage(folder: Folder, is_finished: bool, missing: str) -> str:
    if UNFINISHED in folder.names or not is_finished:
        return "is cut off: its metadata do not say that mydumper finished"
    return folder.damage or missing
