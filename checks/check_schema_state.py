"""Will a migration of the schema run to its end, and did the last one?"""

from collections.abc import Iterable
from dataclasses import dataclass

from heat_upgrade_checks.evidence.code.release import Release
from heat_upgrade_checks.evidence.database.account import Account
from heat_upgrade_checks.evidence.database.open_transactions import Transaction
from heat_upgrade_checks.evidence.database.schema_state import PURGE_DAYS, SchemaState
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat import releases
from heat_upgrade_checks.report.wording import duration

# sqlalchemy-migrate's last number, from Rocky (11) to 2023.1 (20): 086_drop_watch_rule_watch_data.
_LAST_NUMBER = 86


@dataclass(frozen=True)
class _Revision:
    """One of alembic's revisions: the table or `table.column` that it adds.

    `refers_to` is the table to whose `id` it makes a foreign key. Up to Heat's major release
    `last_in` a release ends with it; None for one that only leads to the next.
    """

    id: str
    adds: str = ""
    refers_to: str = ""
    last_in: int | None = None


# heat/db/migrations/versions of 21 to 27, oldest first.
_REVISIONS = (
    _Revision("c6214ca60943", last_in=25),
    _Revision("d2db381e3324", adds="sync_point.extra_data"),
    _Revision("88be64598c0f", adds="resource_snapshot", refers_to="snapshot"),
    _Revision("97b2a986f922", adds="snapshot.action", last_in=27),
)
_PLACES = {revision.id: place for place, revision in enumerate(_REVISIONS)}


def _place(revisions: Iterable[str]) -> int:
    """How far these revisions lead; one that is not known here comes after all that are.

    A database without any is stamped with the first one (heat/db/migration.py).
    """
    return max((_PLACES.get(id, len(_REVISIONS)) for id in revisions), default=0)


def _head(target: Release) -> int:
    """How far the target's db_sync leads."""
    if target.schema_heads or target.migrate_head is not None:
        return _place(target.schema_heads)
    major = releases.parse(target.version).major
    heads = ((place, r.last_in) for place, r in enumerate(_REVISIONS) if r.last_in is not None)
    return next((place for place, last_in in heads if major <= last_in), len(_REVISIONS))


def _at_head(database: Database, target: Release) -> bool:
    """Whether the target has nothing left to do, as far as its own code tells."""
    return {*target.schema_heads} == {*database.revisions} != set()


@check("schema.legacy-version", phases=["pre"], guide="prerequisites")
def check_legacy_migrations_are_complete(
    database: Database, current_release: Release, gate: Judgement
) -> None:
    """The numbered migrations ran to their last where alembic has not taken over."""
    number = database.migrate_version
    gate.looked_at(
        f"alembic_version ({', '.join(database.revisions) or 'empty'}) and migrate_version "
        f"({'empty' if number is None else number}), database {database.name}"
    )
    if database.revisions:
        if number is not None and number != _LAST_NUMBER:
            gate.note(
                database.name,
                f"was at migration {number} when alembic took over; later ones never ran",
                hint="Compare its tables with those of a new database of the current release.",
            )
    elif number is None:
        gate.cannot_tell(
            f"database {database.name} has Heat's tables, but its account sees no row in "
            "alembic_version or migrate_version; let it read both, or restore them if they are "
            "empty"
        )
    elif number != _LAST_NUMBER:
        gate.block(
            database.name,
            f"is at migration {number}, not {_LAST_NUMBER}; db_sync from 2023.2 on would skip the "
            "missing ones for ever",
            hint="Run db_sync of 2023.1 (20.x) or of an older release first.",
            # Any other heat-manage may be the one that skips them.
            commands=[gate.plan.current.heat_manage("db_sync")]
            if current_release.migrate_head is not None
            else [],
            data={"found": number, "expected": _LAST_NUMBER},
        )


@check("schema.charset", phases=["pre"], guide="prerequisites")
def check_new_tables_can_refer_to_old_ones(
    database: Database, schema_state: SchemaState, target_release: Release, gate: Judgement
) -> None:
    """New tables get the charset and collation of the tables that they refer to."""
    charsets = schema_state.charsets
    if charsets is None:
        return gate.not_applicable(
            f"{database.server} takes a table's charset from the database, for old and new alike"
        )
    gate.looked_at(
        f"default of database {database.name} ({charsets.default.collation}) against column id of "
        f"{', '.join(sorted(charsets.ids))}; head of {target_release.extent}"
    )
    if "snapshot" not in charsets.ids:
        return gate.cannot_tell(
            f"table snapshot of database {database.name} has no text column id; it is not Heat's, "
            "or it was changed by hand: compare it with heat/db/models.py"
        )
    differ = {
        table: text
        for table, text in sorted(charsets.ids.items())
        if text.collation != charsets.default.collation
    }
    if not differ:
        return None
    done, head = _place(database.revisions), _head(target_release)
    creating = [r for r in _REVISIONS[done + 1 : head + 1] if r.refers_to in differ]
    unknown = head == len(_REVISIONS) and not _at_head(database, target_release)
    reason = (
        f"revision {creating[0].id} refers to {creating[0].refers_to}.id and will fail"
        if creating
        else "a revision of the target that is not known here may refer to it"
        if unknown
        else "no pending revision refers to it"
    )
    goal = differ.get("snapshot") or next(iter(differ.values()))
    sql = (
        f"ALTER DATABASE {_mysql_name(database.name)} "
        f"CHARACTER SET {goal.charset} COLLATE {goal.collation}"
    )
    (gate.block if creating or unknown else gate.warn)(
        f"database {database.name}",
        f"gives new tables {charsets.default.collation}, but {_and_more(differ)} "
        f"{'has' if len(differ) == 1 else 'have'} {goal.collation}; {reason}",
        hint=f"Before db_sync, let new tables be like the old ones: {sql}",
        commands=[_run(database, sql)],
        data={
            "default": charsets.default.collation,
            "tables": {table: text.collation for table, text in differ.items()},
        },
    )
    return None


@check("schema.not-half-migrated", phases=["pre", "synced"], guide="prerequisites, cold 5")
def check_no_migration_is_half_done(
    database: Database, schema_state: SchemaState, target_release: Release, gate: Judgement
) -> None:
    """Every recorded migration was carried out to its end, and no other one was begun."""
    at = ", ".join(database.revisions) or "no revision of alembic's"
    added = [revision for revision in _REVISIONS if revision.adds]
    gate.looked_at(
        f"what {', '.join(revision.id for revision in added)} add, in database {database.name}, "
        f"which is at {at}; head of {target_release.extent}"
    )
    # One that only the target knows has all of those behind it that are known here.
    strange = {*database.revisions} - _PLACES.keys() - {*target_release.schema_heads}
    if _head(target_release) == len(_REVISIONS) and not _at_head(database, target_release):
        gate.cannot_tell(
            f"what the migrations of Heat {target_release.version} add is not known here; use a "
            "version of this tool that knows that release"
        )
    elif strange:
        return gate.not_applicable(
            f"database {database.name} is at {at}, which neither the target nor this tool knows; "
            "see schema.at-head"
        )
    done = _place(database.revisions)
    for revision in () if strange else added:
        present, recorded = schema_state.has(revision.adds), _PLACES[revision.id] <= done
        thing = f"{'column' if '.' in revision.adds else 'table'} {revision.adds}"
        if present and not recorded:
            gate.block(
                thing,
                f"is there already, but revision {revision.id}, which adds it, is not recorded; "
                "db_sync will fail on it",
                hint="A db_sync was cut off after this step, or the column was added by hand. "
                "Restore the backup from before it, or remove what the revision added.",
                data={"revision": revision.id, "at": list(database.revisions)},
            )
        elif recorded and not present:
            gate.block(
                thing,
                f"is missing, though revision {revision.id}, which adds it, is recorded",
                hint="If the account may see all tables, the revision was stamped and not carried "
                "out: restore the backup, then run db_sync.",
                data={"revision": revision.id, "at": list(database.revisions)},
            )
    if done < len(_REVISIONS) and _REVISIONS[done].last_in is None:
        left = [revision.id for revision in _REVISIONS[done + 1 :]]
        gate.block(
            f"database {database.name}",
            f"stopped at {at}, amid a release's migrations; {', '.join(left)} did not run",
            hint="Find the reason in db_sync's log and remove it (schema.charset names the known "
            "one), then run db_sync of the same release again.",
            data={"pending": left},
        )
    return None


# What db_sync and the services do. DROP is for a migration that ends badly and for downgrades.
_NEEDED = (
    *("SELECT", "INSERT", "UPDATE", "DELETE"),
    *("CREATE", "ALTER", "DROP", "INDEX", "REFERENCES"),
)


@check("schema.grants", phases=["pre", "stopped"], guide="prerequisites")
def check_the_account_may_migrate(
    database: Database, schema_state: SchemaState, gate: Judgement
) -> None:
    """Heat's account may do to the schema what db_sync does."""
    account = schema_state.account
    if account is None:
        return gate.not_applicable(f"{database.server} has no accounts")
    if not account.is_heats:
        return gate.not_applicable(
            f"database.url in the plan reads as {account.name}, not with the account and from the "
            "host of [database] connection, so that one's privileges are not seen; judge once "
            "without database.url"
        )
    gate.looked_at(
        f"privileges of account {account.name} on database {database.name}: "
        f"{', '.join(account.privileges) or 'none'}; {database.server}"
    )
    if account.read_only:
        gate.block(
            database.server,
            "accepts no change: it is read-only or a replica",
            hint="Let [database] connection name the server that is written to.",
        )
    held = set(account.privileges)
    missing = [] if "ALL PRIVILEGES" in held else [word for word in _NEEDED if word not in held]
    if missing:
        statements = _grants(account, schema_state, missing)
        gate.block(
            f"account {account.name}",
            f"lacks {', '.join(missing)} on database {database.name}",
            hint=f"As administrator: {'; '.join(statements)}",
            commands=[_run(database, statement) for statement in statements],
            data={"missing": missing},
        )
    return None


def _grants(account: Account, state: SchemaState, missing: list[str]) -> list[str]:
    """The statements that give an account what it lacks."""
    to = _grantee(account, state)
    if state.backend == "mysql":
        return [f"GRANT {', '.join(missing)} ON {_mysql_name(state.name)}.* TO {to}"]
    schema = _sql_name(account.schema)
    statements = [f"ALTER TABLE {schema}.{_sql_name(t)} OWNER TO {to}" for t in account.not_owned]
    if "CREATE" in missing:
        statements.append(f"GRANT CREATE ON SCHEMA {schema} TO {to}")
    if rights := [word for word in missing if word not in {"CREATE", "ALTER", "DROP", "INDEX"}]:
        statements.append(f"GRANT {', '.join(rights)} ON ALL TABLES IN SCHEMA {schema} TO {to}")
    return statements


def _grantee(account: Account, state: SchemaState) -> str:
    if state.backend != "mysql":
        return _sql_name(account.name)
    user, _, host = account.name.rpartition("@")
    return f"'{user}'@'{host}'"


# Seconds (H13). An ALTER waits for the metadata lock, and everything else waits behind the ALTER.
_LONG = 60.0


@check("schema.no-long-transactions", phases=["pre", "stopped"], guide="prerequisites, cold 1")
def check_nothing_holds_a_metadata_lock(
    database: Database, schema_state: SchemaState, gate: Judgement
) -> None:
    """No transaction of another session is open for long."""
    transactions, account = schema_state.transactions, schema_state.account
    if transactions is None or account is None:
        return gate.not_applicable(f"{database.server} keeps no list of its transactions")
    long = [one for one in transactions.oldest if one.age > _LONG]
    if transactions.hidden and not long:
        right = "PROCESS ON *.*" if schema_state.backend == "mysql" else "pg_read_all_stats"
        return gate.not_applicable(
            f"the server hides other accounts' sessions from {account.name}; it shows them after "
            f"GRANT {right} TO {_grantee(account, schema_state)}"
        )
    gate.looked_at(
        f"transactions of {'some' if transactions.hidden else 'all'} other sessions on database "
        f"{database.name}, {len(transactions.oldest)} open; {database.server}"
    )
    # Before the migration begins there is still time; once Heat is stopped it is next.
    say = gate.block if gate.phase == "stopped" else gate.warn
    for one in long:
        say(
            f"session {one.session} of {one.account}" + (f" at {one.host}" if one.host else ""),
            f"has a transaction open for {duration(one.age)}; db_sync would wait for its end",
            hint="Find out what it does, such as a backup, and let it end; or end the session.",
            commands=[_run(database, _end(schema_state, one))],
            data={"session": one.session, "seconds": one.age},
        )
    return None


def _end(state: SchemaState, transaction: Transaction) -> str:
    if state.backend == "mysql":
        return f"KILL {transaction.session}"
    return f"SELECT pg_terminate_backend({transaction.session})"


# Rows. Stacks: H12; beside each there are its resources and events, and every one is backed up,
# restored and scanned. A service row is small: this many are years of engines that restarted.
_MANY_STACKS = 100_000
_MANY_SERVICES = 10_000


@check("schema.purge-backlog", phases=["pre"], guide="prerequisites")
def check_deleted_rows_were_purged(schema_state: SchemaState, gate: Judgement) -> None:
    """Soft-deleted rows do not make the database large."""
    gate.looked_at(schema_state.extent)
    for what, deleted, limit in (
        ("stacks", schema_state.deleted_stacks, _MANY_STACKS),
        ("service rows", schema_state.deleted_services, _MANY_SERVICES),
    ):
        if deleted.rows > limit:
            since = f", the oldest on {deleted.oldest:%Y-%m-%d}" if deleted.oldest else ""
            gate.warn(
                what,
                f"{deleted.rows} were deleted over {PURGE_DAYS} days ago{since}; "
                f"the limit is {limit}",
                hint="Purge them off-peak before the backup; it takes 20 stacks at a time.",
                commands=[gate.heat_manage("purge_deleted", str(PURGE_DAYS))],
                data={"rows": deleted.rows},
            )


def _run(database: Database, sql: str) -> list[str]:
    """The command by which an administrator runs a statement."""
    if database.server.startswith("PostgreSQL"):
        return ["psql", "--dbname", database.name, "--command", sql]
    client = "mariadb" if database.server.startswith("MariaDB") else "mysql"
    return [client, "--execute", sql]


def _mysql_name(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _sql_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _and_more(tables: Iterable[str]) -> str:
    names = [f"{table}.id" for table in tables]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
