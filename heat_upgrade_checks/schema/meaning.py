"""What a difference between a release's models and a database means for that release."""

from heat_upgrade_checks.phases import SideName
from heat_upgrade_checks.schema.comparison import Difference, Kind

_MEANS: dict[Kind, str] = {
    "missing-table": "is missing",
    "missing-column": "is missing; the {side} release names it in its queries ({models})",
    "unwritten-column": "is {database}; the {side} release does not know it, so its inserts fail",
    "not-null": "is {database}; the {side} release may write NULL ({models})",
    "not-generated": "is {database}; the {side} release leaves that to the server",
    "narrower-type": "is {database}, narrower than the {side} release's {models}",
    "other-type": "is {database}; the {side} release takes it for {models}",
    "unique": "is unique in the database; the {side} release may write a value twice",
    "not-unique": "is not unique in the database; the {side} release relies on it",
    "constrained": "{database}; the {side} release does not know of it, so its rows may be refused",
    "referred": "{database}; the {side} release does not know of it, so its deletes of these rows "
    "of {models} fail",
    "unreferenced": "has lost its {models}; deletes by the {side} release leave rows behind here",
}
# What an operator does that deletes a table's rows.
_DELETES = {
    # heat/db/api.py: snapshot_delete of 2025.2 and older knows no resource_snapshot.
    "snapshot": "Do not delete or restore snapshots, nor delete stacks that have one,",
}


def meaning(difference: Difference, side: SideName) -> str:
    """What goes wrong, as the end of a sentence that begins with the difference's object."""
    return _MEANS[difference.kind].format(
        side=side, models=difference.models, database=difference.database
    )


def restraint(table: str, side: SideName = "current") -> str:
    """What to leave undone while a release cannot delete the rows of a table."""
    what = _DELETES.get(table, f"Do not delete what has rows in {table}")
    return f"{what} through the {side} release's API until that release is gone."
