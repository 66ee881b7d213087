"""What checks of the schema say of a release that works on it."""

from heat_upgrade_checks.evidence.code.models import Models
from heat_upgrade_checks.evidence.database.live_schema import LiveSchema
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.schema.comparison import Difference, differences
from heat_upgrade_checks.schema.meaning import meaning, restraint


def say_differences(
    models: Models, live: LiveSchema, gate: Judgement, *, side: SideName, hint: str
) -> None:
    """Say what of a release's models the database does not serve."""
    gate.looked_at(f"{live.extent}; {models.extent}")
    for each in differences(models.tables, live.tables, live.dialect):
        if each.kind == "extra-column":
            continue
        harmful = each.kind not in {"referred", "unreferenced"}
        (gate.block if harmful else gate.warn)(
            each.object,
            meaning(each, side),
            hint=_hint(each, live, side, hint),
            data={"kind": each.kind, "models": each.models, "database": each.database},
        )


def _hint(difference: Difference, live: LiveSchema, side: SideName, hint: str) -> str:
    table, _, what = difference.object.partition(".")
    if difference.kind == "referred":
        return restraint(difference.models, side)
    if difference.kind == "unreferenced":
        return (
            "Delete the rows that refer to nothing, then put it back: "
            f"ALTER TABLE {table} ADD {difference.models}"
        )
    if drop := _own(difference.kind, table, what, live):
        return f"If it is the site's own and no release's: {drop}. Otherwise: {hint}"
    return hint


def _own(kind: str, table: str, what: str, live: LiveSchema) -> str:
    """The statement that drops what a site may have added, or "" for what it has not."""
    if kind == "unwritten-column":
        return f"ALTER TABLE {table} DROP COLUMN {what}"
    if kind == "unique":
        for each in live.tables:
            for key, drop in zip(each.keys, each.key_drops, strict=False):
                if (each.name, ",".join(key)) == (table, what):
                    return drop
    return ""
