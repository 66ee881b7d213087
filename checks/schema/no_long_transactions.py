from heat_upgrade_checks.evidence.database.open_transactions import Transaction
from heat_upgrade_checks.evidence.database.schema_state import SchemaState
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat import administration
from heat_upgrade_checks.wording import duration, some

# Seconds (H13). An ALTER waits for the metadata lock, and everything else waits behind the ALTER.
_LONG = 60.0
_NAMED = 3


@check("schema.no-long-transactions", phases=["pre", "stopped"], guide="prerequisites, cold 1")
def check_nothing_holds_a_metadata_lock(
    database: Database, schema_state: SchemaState, gate: Judgement
) -> None:
    """No transaction of another session is open for long, and no table is locked."""
    transactions, account = schema_state.transactions, schema_state.account
    if transactions is None or account is None:
        gate.not_applicable(f"{database.server} keeps no list of its transactions")
    gate.looked_at(
        f"transactions of {'some' if transactions.hidden else 'all'} other sessions on database "
        f"{database.name}, {len(transactions.oldest)} open"
        f"{', but not their locks' if transactions.locks_unseen else ''}; {database.server}"
    )
    if schema_state.hidden_sessions:
        gate.cannot_tell(schema_state.hidden_sessions)
    for one in transactions.oldest:
        # No lock of LOCK TABLES ends by itself, and none tells when it began.
        if one.age > _LONG or one.kind == "lock":
            _tell(one, database, schema_state, gate)
    # Before the migration begins there is still time; once Heat is stopped it is next.
    is_next = gate.phase == "stopped"
    if transactions.kept:
        (gate.block if is_next else gate.warn)(
            f"tables {some(transactions.kept, _NAMED)}",
            "are locked while nobody runs a statement, as by LOCK TABLES; db_sync would wait for "
            "its end",
            hint=_HOW_LOCKS_ARE_SHOWN[database.server.startswith("MariaDB")],
            data={"tables": list(transactions.kept)},
        )
    elif transactions.locks_unseen:
        (gate.warn if is_next else gate.note)(
            database.server,
            "does not tell who holds locks without a transaction, as after FLUSH TABLES WITH READ "
            "LOCK; db_sync would wait for its end",
            hint=_HOW_LOCKS_ARE_SHOWN[database.server.startswith("MariaDB")],
        )


_HOW_LOCKS_ARE_SHOWN = {
    True: "As administrator: INSTALL SONAME 'metadata_lock_info'; then locks and their sessions "
    "are told. UNINSTALL SONAME takes it out again.",
    False: "As administrator: GRANT SELECT ON performance_schema.* to the account that reads; then "
    "locks and their sessions are told.",
}


def _tell(one: Transaction, database: Database, state: SchemaState, gate: Judgement) -> None:
    is_next = gate.phase == "stopped"
    end = administration.end_session(state.backend, one.session)
    hint = "Find out what it does, such as a backup, and let it end; or end the session."
    obj = f"session {one.session} of {one.account}" + (f" at {one.host}" if one.host else "")
    says = f"has a transaction open for {duration(one.age)}; db_sync would wait for its end"
    say = gate.block if is_next else gate.warn
    if one.kind == "prepared":
        obj = f"prepared transaction {one.name}"
        says = f"is held by no session for {duration(one.age)}; db_sync would wait for its end"
        hint, end = administration.end_prepared(state.backend, one.name)
    elif one.kind == "lock":
        says = "has locked Heat's tables, or all of the server; db_sync would wait for its end"
    elif one.kind == "elsewhere":
        says = (
            f"has a transaction open for {duration(one.age)}, with another database chosen; if it "
            "read Heat's tables, which this server does not tell, db_sync would wait for its end"
        )
        hint += f" {_HOW_LOCKS_ARE_SHOWN[database.server.startswith('MariaDB')]}"
        say = gate.warn
    say(
        obj,
        says,
        hint=hint,
        commands=[administration.run(database.server, database.name, end)],
        data={"session": one.session, "seconds": one.age, "kind": one.kind},
    )
