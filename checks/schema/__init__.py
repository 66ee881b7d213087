"""What checks of the schema say of a release that works on it."""

from heat_upgrade_checks.evidence.code.models import Models
from heat_upgrade_checks.evidence.database.live_schema import LiveSchema
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.schema.comparison import differences
from heat_upgrade_checks.schema.meaning import meaning, restraint


def say_differences(
    models: Models, live: LiveSchema, gate: Judgement, *, side: SideName, hint: str
) -> None:
    """Say what of a release's models the database does not serve."""
    gate.looked_at(f"{live.extent}; {models.extent}")
    for each in differences(models.tables, live.tables, live.dialect):
        if each.kind == "extra-column":
            continue
        data = {"kind": each.kind, "models": each.models, "database": each.database}
        referred = each.kind == "referred"
        (gate.warn if referred else gate.block)(
            each.object,
            meaning(each, side),
            hint=restraint(each.models, side) if referred else hint,
            data=data,
        )
