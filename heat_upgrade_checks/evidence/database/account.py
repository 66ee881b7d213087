"""What the account that reads Heat's database may do there, by the server's own word."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from heat_upgrade_checks.evidence.database.heat_tables import ALEMBIC, MIGRATE, REQUIRED


@dataclass(frozen=True)
class Account:
    """The account in whose name the tool reads.

    `is_heats` tells whether `[database] connection` names the same one on the same host.
    `privileges` hold for the whole database, what a migration adds to it included. PostgreSQL has
    no privilege to alter or drop a table or to index it: its owner may, so ALTER, DROP and INDEX
    stand for owning every table; `not_owned` lists the others. `schema` is PostgreSQL's current
    one. `read_only` is a server that accepts no change from an ordinary account, as a replica.
    """

    name: str
    is_heats: bool
    schema: str
    privileges: tuple[str, ...]
    not_owned: tuple[str, ...]
    read_only: bool


def account(session: sa.Connection, *, is_heats: bool) -> Account | None:
    """The account of this session; None for SQLite, which has none."""
    reader = {"mysql": _of_mysql, "postgresql": _of_postgresql}.get(session.dialect.name)
    return None if reader is None else reader(session, is_heats)


def _of_mysql(session: sa.Connection, is_heats: bool) -> Account:
    name, database, read_only = session.exec_driver_sql(
        "SELECT CURRENT_USER(), DATABASE(), @@global.read_only"
    ).one()
    statements = session.exec_driver_sql("SHOW GRANTS").scalars()
    return Account(
        name=name,
        is_heats=is_heats,
        schema="",
        privileges=tuple(sorted(privileges_on(database, statements))),
        not_owned=(),
        # A number, and a word since MariaDB 12.
        read_only=str(read_only).upper() not in {"0", "OFF"},
    )


# Quoted with ` or, in sql_mode ANSI_QUOTES, with ". A grant on one table does not match, for it
# says nothing of the tables that a migration makes; nor does a role's name, which has no ON: the
# server lists the privileges of an active role beside those of the account.
_GRANT = re.compile(
    r"""(?P<verb>GRANT|REVOKE)\ (?P<privileges>[A-Z_,\ ]+?)\ ON
        \ (?P<quote>[`"]?)(?P<database>.+?)(?P=quote)\.\*\ (?:TO|FROM)\ (?P<whose>\S+)""",
    re.VERBOSE,
)
_EVERY = "*"


def privileges_on(database: str, statements: Iterable[str]) -> set[str]:
    """What `SHOW GRANTS` gives on every table of a database.

    The statements hold a hash of the password; only the privileges' names leave this function.
    A REVOKE is MySQL's partial revoke of a global privilege. Of the grants that an account, or a
    role, has on patterns of databases the server takes the most specific alone (sql/sql_acl.cc,
    acl_get); of several that are equally so, what all of them give is sure.
    """
    everywhere: set[str] = set()
    revoked: set[str] = set()
    on_patterns: dict[str, dict[int, list[set[str]]]] = defaultdict(lambda: defaultdict(list))
    for match in filter(None, map(_GRANT.match, statements)):
        pattern = match["database"].replace("``", "`")
        privileges = set(re.split(r", *", match["privileges"]))
        if match["verb"] == "REVOKE":
            revoked |= privileges if _names(pattern, database) else set()
        elif pattern == _EVERY:
            everywhere |= privileges
        elif _names(pattern, database):
            on_patterns[match["whose"]][_specificity(pattern)].append(privileges)
    held = everywhere - revoked
    for of_one in on_patterns.values():
        held |= set.intersection(*of_one[max(of_one)])
    return held


def _specificity(pattern: str) -> int:
    """How specific the server takes a database's pattern to be: where its first wildcard stands."""
    wildcard = re.match(r"(?:\\.|[^%_\\])*[%_]", pattern, re.DOTALL)
    return len(wildcard[0]) if wildcard else _LONGEST_NAME


# More than any name with all its characters escaped.
_LONGEST_NAME = 1000


def _names(pattern: str, database: str) -> bool:
    r"""Whether a grant's database is this one: `%` and `_` stand for others, `\_` for itself."""
    if pattern == _EVERY:
        return True
    parts = re.findall(r"\\[%_]|.", pattern, re.DOTALL)
    wildcards = {"%": ".*", "_": "."}
    expression = "".join(
        wildcards.get(part) or re.escape(part[-1] if len(part) > 1 else part) for part in parts
    )
    return re.fullmatch(expression, database, re.DOTALL) is not None


# Ownership by way of a role counts as the server counts it: what is inherited, not what SET ROLE
# would give. Privileges by the table's number, which needs no quoting.
_POSTGRESQL_TABLES = sa.text(
    """
    SELECT c.relname AS name, pg_has_role(c.relowner, 'USAGE') AS owned,
        has_table_privilege(c.oid, 'SELECT') AS may_select,
        has_table_privilege(c.oid, 'INSERT') AS may_insert,
        has_table_privilege(c.oid, 'UPDATE') AS may_update,
        has_table_privilege(c.oid, 'DELETE') AS may_delete,
        has_table_privilege(c.oid, 'REFERENCES') AS may_references
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') ORDER BY c.relname
    """
)


def _of_postgresql(session: sa.Connection, is_heats: bool) -> Account:
    name, schema, may_create, read_only = session.exec_driver_sql(
        "SELECT current_user, current_schema(), "
        "has_schema_privilege(current_schema(), 'CREATE'), pg_is_in_recovery()"
    ).one()
    # Others may live in the same schema.
    heats = REQUIRED | {ALEMBIC.name, MIGRATE.name}
    tables = [row for row in session.execute(_POSTGRESQL_TABLES) if row.name in heats]
    not_owned = tuple(row.name for row in tables if not row.owned)
    held = {
        verb
        for verb in ("SELECT", "INSERT", "UPDATE", "DELETE", "REFERENCES")
        if all(getattr(row, f"may_{verb.lower()}") for row in tables)
    }
    if may_create:
        held.add("CREATE")
    if not not_owned:
        held |= {"ALTER", "DROP", "INDEX"}
    return Account(name, is_heats, schema or "", tuple(sorted(held)), not_owned, read_only)
