from heat_upgrade_checks.evidence.database.account import Account
from heat_upgrade_checks.evidence.database.schema_state import SchemaState
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat import administration
from heat_upgrade_checks.heat.privileges import NEEDED


@check("schema.grants", phases=["pre", "stopped"], guide="prerequisites")
def check_the_account_may_migrate(
    database: Database, schema_state: SchemaState, gate: Judgement
) -> None:
    """Heat's account may do to the schema what db_sync does."""
    account = schema_state.account
    if account is None:
        gate.not_applicable(f"{database.server} has no accounts")
    if not account.is_heats:
        gate.not_applicable(
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
    missing = [] if "ALL PRIVILEGES" in held else [each for each in NEEDED if each not in held]
    if missing:
        statements = _grants(account, schema_state, missing)
        gate.block(
            f"account {account.name}",
            f"lacks {', '.join(missing)} on database {database.name}",
            hint=f"As administrator: {'; '.join(statements)}",
            commands=[
                administration.run(database.server, database.name, statement)
                for statement in statements
            ],
            data={"missing": missing},
        )


def _grants(account: Account, state: SchemaState, missing: list[str]) -> list[str]:
    """The statements that give an account what it lacks."""
    to = administration.grantee(state.backend, account.name)
    if state.backend == "mysql":
        return [f"GRANT {', '.join(missing)} ON {administration.mysql_name(state.name)}.* TO {to}"]
    schema = administration.sql_name(account.schema)
    statements = [
        f"ALTER TABLE {schema}.{administration.sql_name(t)} OWNER TO {to}"
        for t in account.not_owned
    ]
    if "CREATE" in missing:
        statements.append(f"GRANT CREATE ON SCHEMA {schema} TO {to}")
    if rights := [word for word in missing if word not in {"CREATE", "ALTER", "DROP", "INDEX"}]:
        statements.append(f"GRANT {', '.join(rights)} ON ALL TABLES IN SCHEMA {schema} TO {to}")
    return statements
