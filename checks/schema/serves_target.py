from heat_upgrade_checks.evidence.code.models import Models
from heat_upgrade_checks.evidence.database.live_schema import LiveSchema
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check

from . import say_differences


@check("schema.serves-target", phases=["synced", "post"], guide="cold 5, rolling 2-3")
def check_target_release_can_work_on_the_schema(
    target_models: Models, live_schema: LiveSchema, gate: Judgement
) -> None:
    """The target release can work on the database as it is."""
    say_differences(
        target_models,
        live_schema,
        gate,
        side="target",
        hint="Run the target's db_sync; where it changes nothing, find out who altered the table.",
    )
