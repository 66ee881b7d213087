"""Stored credentials, and whether a release's own code can decrypt them."""

import json
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import sqlalchemy as sa

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.configuration.given import GivenConfiguration
from heat_upgrade_checks.evidence.database.heat_tables import RESOURCE_DATA
from heat_upgrade_checks.evidence.database.session import ask_in_session
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.phases import SideName

_SAMPLE = 20
# Rows are looked for among the newest ids of a table, for encrypted ones may be few among millions.
_NEWEST = 100_000
_SCHEMA = sa.MetaData()
# heat/db/models.py, Zed (19) to 2026.2 (27).
_USER_CREDS = sa.Table(
    "user_creds",
    _SCHEMA,
    sa.Column("id", sa.Integer),
    sa.Column("trust_id", sa.String(255)),
    sa.Column("password", sa.String(255)),
    sa.Column("decrypt_method", sa.String(64)),
)
_PROPERTIES = sa.Table(
    "resource_properties_data",
    _SCHEMA,
    sa.Column("id", sa.Integer),
    # JSON; not sa.JSON, which would parse a damaged row here.
    sa.Column("data", sa.Text),
    sa.Column("encrypted", sa.Boolean),
)


@dataclass(frozen=True)
class Sample:
    """The newest encrypted rows of one column, and what became of each under a release's code.

    `searched` ids were looked through. `refused` and `uncertain` are ids of rows: a refused one
    cannot be decrypted; an uncertain one was stored by a method that decrypts to something under
    any key, and the current release does not make the same of it. `refused_before` are those of
    `refused` that the current release refuses as well; None where it was not asked.
    """

    table: str
    column: str
    searched: int
    rows: int
    refused: tuple[int, ...]
    uncertain: tuple[int, ...]
    refused_before: tuple[int, ...] | None


@dataclass(frozen=True)
class Credentials(Facts):
    """A sample of each column with credentials, decrypted by `interpreter` of one `side`."""

    side: SideName
    interpreter: str
    samples: tuple[Sample, ...]

    @property
    def rows(self) -> int:
        """How many rows were decrypted."""
        return sum(sample.rows for sample in self.samples)

    @property
    def extent(self) -> str:
        """What was read."""
        parts = ", ".join(f"{each.rows} of {each.table}.{each.column}" for each in self.samples)
        how = f", decrypted by {self.interpreter}" if self.rows else ""
        return f"the newest encrypted rows among the last {_NEWEST} ids: {parts}{how}"


@dataclass(frozen=True)
class _Row:
    id: int
    table: str
    column: str
    method: str
    text: str


def observe(site: Site) -> Credentials:
    """Whether the target's code decrypts what is stored, or the current's where there is none yet.

    :raises Unobserved: neither is named with its configuration, or the database cannot be read.
    """
    side = _side(site)
    found = ask_in_session(site, lambda session: list(_newest(session)))
    rows = [row for rows in found for row in rows.rows]
    sides: list[SideName] = [side]
    if side == "target" and _is_there(site, "current"):
        sides.append("current")
    became: list[Mapping[_Row, str]] = []
    # Of this run alone, and kept nowhere: without it a fingerprint tells nothing of a text.
    key = secrets.token_hex(32)
    if rows:
        with ThreadPoolExecutor(len(sides)) as pool:
            became = list(pool.map(lambda each: _decrypt(site, each, rows, key), sides))
    samples = tuple(
        _judged(each, became[0] if became else {}, became[1] if len(became) > 1 else None)
        for each in found
    )
    return Credentials(side, str(site.plan.side(side).python), samples)


def _is_there(site: Site, side: SideName) -> bool:
    plan = site.plan.side(side)
    return plan.python is not None and plan.is_configured


def _side(site: Site) -> SideName:
    for side in ("target", "current"):
        if _is_there(site, side):
            return side
    raise Unobserved(
        "only Heat's own code decrypts what it stored; add target.python and target.config to the "
        "plan, or before the target is installed current.python and current.config"
    )


@dataclass(frozen=True)
class _Found:
    table: str
    column: str
    searched: int
    rows: tuple[_Row, ...]


def _newest(session: sa.Connection) -> Iterator[_Found]:
    for table, column, wanted in (
        (_USER_CREDS, _USER_CREDS.c.trust_id, _USER_CREDS.c.decrypt_method.is_not(None)),
        (_USER_CREDS, _USER_CREDS.c.password, _USER_CREDS.c.decrypt_method.is_not(None)),
        (RESOURCE_DATA, RESOURCE_DATA.c.value, RESOURCE_DATA.c.redact.is_(sa.true())),
        (_PROPERTIES, _PROPERTIES.c.data, _PROPERTIES.c.encrypted.is_(sa.true())),
    ):
        last = session.scalar(sa.select(sa.func.max(table.c.id))) or 0
        first = max(last - _NEWEST, 0)
        method = table.c.get("decrypt_method", sa.null())
        rows = session.execute(
            sa.select(table.c.id, method.label("method"), column.label("text"))
            .where(table.c.id > first, wanted, column.is_not(None))
            .order_by(table.c.id.desc())
            .limit(_SAMPLE)
        )
        yield _Found(
            table.name,
            column.name,
            last - first,
            tuple(
                _Row(row.id, table.name, column.name, row.method or "", str(row.text))
                for row in rows
            ),
        )


@dataclass(frozen=True)
class _Became:
    """Of each value "read", "refused" or a fingerprint, in the order in which they were sent."""

    became: tuple[str, ...]


def _decrypt(site: Site, side: SideName, rows: list[_Row], key: str) -> Mapping[_Row, str]:
    values = [{"column": row.column, "method": row.method, "text": row.text} for row in rows]
    question = GivenConfiguration(site, side).question(values=values, key=key)
    interpreter = site.interpreter(side)
    answer = interpreter.ask(_Became, "credentials.py", json.dumps(question))
    if len(answer.became) != len(rows):
        raise interpreter.left_out("what becomes of stored credentials")
    return dict(zip(rows, answer.became, strict=True))


def _judged(found: _Found, became: Mapping[_Row, str], before: Mapping[_Row, str] | None) -> Sample:
    words = {row: became[row] for row in found.rows}
    refused = [row for row, word in words.items() if word == "refused"]
    return Sample(
        table=found.table,
        column=found.column,
        searched=found.searched,
        rows=len(words),
        refused=tuple(row.id for row in refused),
        uncertain=tuple(
            row.id
            for row, word in words.items()
            if word not in {"read", "refused"} and (before is None or before[row] != word)
        ),
        refused_before=None
        if before is None
        else tuple(row.id for row in refused if before[row] == "refused"),
    )
