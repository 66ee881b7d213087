"""The state in which a migration would find Heat's database, in one snapshot.

`stack` and `service` are scanned once, for their soft-deleted rows, and the ids of `raw_template`
are looked up in `stack`; nothing reads a bigger table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.database.account import Account, account
from heat_upgrade_checks.evidence.database.heat_tables import (
    RAW_TEMPLATE,
    REQUIRED,
    SERVICE,
    STACK,
)
from heat_upgrade_checks.evidence.database.open_transactions import Transactions, open_transactions
from heat_upgrade_checks.evidence.database.session import ask_in_session, clock, url_of, utc
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.heat import administration
from heat_upgrade_checks.heat.administration import PURGE_DAYS
from heat_upgrade_checks.wording import counted


@dataclass(frozen=True)
class Text:
    """How text is stored: by a column, or by what is made without saying how."""

    charset: str
    collation: str


@dataclass(frozen=True)
class Charsets:
    """What MariaDB or MySQL gives a new table, and what each table's text column `id` has.

    Those are the columns that foreign keys refer to.
    """

    default: Text
    ids: dict[str, Text]


@dataclass(frozen=True)
class Deleted:
    """Rows that were soft-deleted more than 90 days ago, and when the oldest was."""

    rows: int
    oldest: datetime | None


@dataclass(frozen=True)
class SchemaState(Facts):
    """What a migration depends on, and what may stop it halfway.

    `backend` is mysql (MariaDB too), postgresql or sqlite. `columns` are those of all tables, as
    `table.column`. What the backend does not have is None. `lone_templates` are those that no
    stack refers to, be it deleted; Heat never looks for them again.
    """

    backend: str
    name: str
    columns: tuple[str, ...]
    charsets: Charsets | None
    account: Account | None
    transactions: Transactions | None
    deleted_stacks: Deleted
    deleted_services: Deleted
    lone_templates: int

    @property
    def hidden_sessions(self) -> str:
        """The sentence that the server hides some sessions, with the right that shows them."""
        if not (self.transactions and self.transactions.hidden and self.account):
            return ""
        right = "PROCESS ON *.*" if self.backend == "mysql" else "pg_read_all_stats"
        return (
            f"the server hides other accounts' sessions from {self.account.name}; it shows them "
            f"after GRANT {right} TO {administration.grantee(self.backend, self.account.name)}"
        )

    @property
    def incomplete(self) -> tuple[str, ...]:
        """What is said of sessions that the server hides."""
        return tuple(filter(None, (self.hidden_sessions,)))

    @property
    def extent(self) -> str:
        """What was read."""
        return (
            f"{counted(len(self.columns), 'column')} of all tables, "
            f"{self.deleted_stacks.rows} stacks and "
            f"{self.deleted_services.rows} service rows deleted over {PURGE_DAYS} days ago, "
            f"{self.lone_templates} templates without a stack, "
            f"database {self.name}"
        )

    def has(self, name: str) -> bool:
        """Whether a table, or a column named `table.column`, exists."""
        return name in self.columns or any(c.startswith(f"{name}.") for c in self.columns)


def observe(site: Site) -> SchemaState:
    """Look at the database as a migration would find it."""
    is_heats = _reads_as_heat(site)
    return ask_in_session(site, lambda session: _read(session, url_of(site).database, is_heats))


def _reads_as_heat(site: Site) -> bool:
    if site.plan.database.url is None:
        return True
    conf = site.conf("current")
    if conf.get("connection", "database") is None:
        return False
    read_by = url_of(site)
    try:
        heats = make_url(conf.database_url())
    except (ArgumentError, ValueError):
        return False
    return (heats.username, (heats.host or "").lower()) == (
        read_by.username,
        (read_by.host or "").lower(),
    )


def _read(session: sa.Connection, name: str | None, is_heats: bool) -> SchemaState:
    backend = session.dialect.name
    # First: what other sources of this gate read at the same time has only begun by now.
    transactions = open_transactions(session)
    columns = session.exec_driver_sql(_COLUMNS[backend]).all()
    missing = REQUIRED - {column.table_name for column in columns}
    if missing:
        raise Unobserved(
            f"database {name} has no table {', '.join(sorted(missing))}; it is not Heat's, or its "
            "account may not see them: correct [database] connection or grant SELECT"
        )
    return SchemaState(
        backend=backend,
        name=name or "",
        columns=tuple(sorted(f"{c.table_name}.{c.column_name}" for c in columns)),
        charsets=_charsets(session, columns) if backend == "mysql" else None,
        account=account(session, is_heats=is_heats),
        transactions=transactions,
        deleted_stacks=_deleted(session, STACK),
        deleted_services=_deleted(session, SERVICE),
        lone_templates=session.execute(_LONE_TEMPLATES).scalar_one(),
    )


# By one statement each. PostgreSQL's information_schema would leave out what the account may not
# touch. Named in lower case, for MySQL 8 names them in upper case.
_COLUMNS = {
    "mysql": "SELECT table_name AS table_name, column_name AS column_name, "
    "character_set_name AS charset, collation_name AS collation_name "
    "FROM information_schema.columns WHERE table_schema = DATABASE()",
    "postgresql": "SELECT c.relname AS table_name, a.attname AS column_name "
    "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
    "JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') "
    "AND a.attnum > 0 AND NOT a.attisdropped",
    "sqlite": "SELECT m.name AS table_name, c.name AS column_name "
    "FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'",
}


def _charsets(session: sa.Connection, columns: Iterable[sa.Row[Any]]) -> Charsets:
    default = session.exec_driver_sql(
        "SELECT default_character_set_name, default_collation_name "
        "FROM information_schema.schemata WHERE schema_name = DATABASE()"
    ).one()
    return Charsets(
        default=Text(*default),
        ids={
            column.table_name: Text(column.charset, column.collation_name)
            for column in columns
            if column.column_name == "id" and column.collation_name is not None
        },
    )


_LONE_TEMPLATES = (
    sa.select(sa.func.count())
    .select_from(RAW_TEMPLATE)
    .where(
        ~sa.exists().where(STACK.c.raw_template_id == RAW_TEMPLATE.c.id),
        ~sa.exists().where(STACK.c.prev_raw_template_id == RAW_TEMPLATE.c.id),
    )
)


def _deleted(session: sa.Connection, table: sa.Table) -> Deleted:
    deleted_at = table.c.deleted_at
    line = clock(session).replace(tzinfo=None) - timedelta(days=PURGE_DAYS)
    rows, oldest = session.execute(
        sa.select(sa.func.count(), sa.func.min(deleted_at)).where(deleted_at < line)
    ).one()
    return Deleted(rows, None if oldest is None else utc(oldest))
