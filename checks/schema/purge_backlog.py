from heat_upgrade_checks.evidence.database.schema_state import SchemaState
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.heat.administration import PURGE_DAYS

# Rows. Stacks: H12; beside each there are its resources and events, and every one is backed up,
# restored and scanned. A service row is small: this many are years of engines that restarted.
_MANY_STACKS = 100_000
_MANY_TEMPLATES = 100_000
_MANY_SERVICES = 10_000

_DELETE = (
    "DELETE FROM raw_template "
    "WHERE NOT EXISTS (SELECT 1 FROM stack WHERE stack.raw_template_id = raw_template.id) "
    "AND NOT EXISTS (SELECT 1 FROM stack WHERE stack.prev_raw_template_id = raw_template.id) "
    "AND NOT EXISTS (SELECT 1 FROM resource WHERE resource.current_template_id = raw_template.id)"
)


@check("schema.purge-backlog", phases=["pre"], guide="prerequisites")
def check_deleted_rows_were_purged(schema_state: SchemaState, gate: Judgement) -> None:
    """Rows that nothing uses any more do not make the database large."""
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
    if schema_state.lone_templates > _MANY_TEMPLATES:
        gate.warn(
            "templates",
            f"{schema_state.lone_templates} belong to no stack, not even a deleted one; the limit "
            f"is {_MANY_TEMPLATES}",
            hint="No command of Heat's removes them. As administrator, while every engine is "
            f"stopped and after a backup: {_DELETE}",
            data={"rows": schema_state.lone_templates},
        )
