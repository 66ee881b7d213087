from heat_upgrade_checks.evidence.database.schema_state import SchemaState
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat.administration import PURGE_DAYS

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
