from heat_upgrade_checks.evidence.code.models import Models
from heat_upgrade_checks.evidence.database.live_schema import LiveSchema
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.gates.registry import check

from . import say_differences


@check("schema.serves-current", phases=["synced", "vhost", "engine"], guide="rolling 2-6")
def check_current_release_can_work_on_the_schema(
    current_models: Models, live_schema: LiveSchema, gate: Judgement
) -> None:
    """The current release can work on the database as it is."""
    say_differences(
        current_models,
        live_schema,
        gate,
        side="current",
        hint="Stop every service of the current release, or restore the backup.",
    )
