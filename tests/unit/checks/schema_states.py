"""A schema as its server tells it."""

from heat_upgrade_checks.evidence.database.account import Account
from heat_upgrade_checks.evidence.database.open_transactions import Transactions
from heat_upgrade_checks.evidence.database.schema_state import Charsets, Deleted, SchemaState, Text

OLD, NEW = Text("utf8mb3", "utf8mb3_general_ci"), Text("utf8mb4", "utf8mb4_general_ci")
ACCOUNT = Account("heat@%", True, "", ("ALL PRIVILEGES",), (), False)
STATE = SchemaState(
    backend="mysql",
    name="heat",
    columns=("snapshot.id", "stack.id", "sync_point.entity_id"),
    charsets=Charsets(OLD, {"snapshot": OLD, "stack": OLD}),
    account=ACCOUNT,
    transactions=Transactions((), hidden=False),
    deleted_stacks=Deleted(0, None),
    deleted_services=Deleted(0, None),
    lone_templates=0,
)
