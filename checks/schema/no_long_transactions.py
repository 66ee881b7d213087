from heat_upgrade_checks.evidence.database.schema_state import SchemaState
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat import administration
from heat_upgrade_checks.wording import duration

# Seconds (H13). An ALTER waits for the metadata lock, and everything else waits behind the ALTER.
_LONG = 60.0


@check("schema.no-long-transactions", phases=["pre", "stopped"], guide="prerequisites, cold 1")
def check_nothing_holds_a_metadata_lock(
    database: Database, schema_state: SchemaState, gate: Judgement
) -> None:
    """No transaction of another session is open for long."""
    transactions, account = schema_state.transactions, schema_state.account
    if transactions is None or account is None:
        gate.not_applicable(f"{database.server} keeps no list of its transactions")
    long = [one for one in transactions.oldest if one.age > _LONG]
    if schema_state.hidden_sessions and not long:
        gate.not_applicable(schema_state.hidden_sessions)
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
            commands=[
                administration.run(
                    database.server,
                    database.name,
                    administration.end_session(schema_state.backend, one.session),
                )
            ],
            data={"session": one.session, "seconds": one.age},
        )
