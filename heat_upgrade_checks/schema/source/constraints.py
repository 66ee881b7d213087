"""What is told of constraints and indexes, and of whatever else only takes away."""

from collections.abc import Callable

from heat_upgrade_checks.schema.migrations import Operation, Part
from heat_upgrade_checks.schema.source.operation_call import OperationCall

REFUSED = "its rows may be refused as duplicates"
_DROPS: dict[str, Part] = {
    "foreignkey": "drop_foreign_key",
    "primary": "drop_primary_key",
    "unique": "drop_index",
}


def takes_away(does: str, breaks: str, part: Part) -> Callable[[OperationCall], Operation]:
    """An operation that never only adds: what it does, and what that means for an older release.

    :param does: with {} for the columns that it names.
    """

    def told(call: OperationCall) -> Operation:
        columns = ", ".join(call.columns) or "that only running it tells"
        return call.told("contract", does.format(columns), breaks, parts=(part,))

    return told


def creates_foreign_key(call: OperationCall) -> Operation:
    """create_foreign_key: binds the rows of both of its tables."""
    referent = call.text("referent_table")
    return call.told(
        "contract",
        f"adds a foreign key to {referent or 'a table'}",
        "its rows may be refused, and its deletes of what they refer to",
        refers=(referent,),
        parts=("add_foreign_key",),
    )


def creates_index(call: OperationCall) -> Operation:
    """create_index: only a unique one refuses rows."""
    unique = call.names.flag(call.arguments.get("unique"), False)
    if unique is None:
        return call.unknown("creates an index that only running it tells to be unique")
    if unique:
        columns = ", ".join(call.columns) or "what only running it tells"
        does = f"creates a unique index on {columns}"
        return call.told("contract", does, REFUSED, parts=("create_index",))
    return call.told("expand", "creates an index", parts=("create_index",))


def drops_constraint(call: OperationCall) -> Operation:
    """drop_constraint: only of a check nobody relies on what it refuses."""
    type_ = call.text("type_")
    if type_ == "check":
        return call.told("expand", "drops a check constraint", parts=("drop_check",))
    part = _DROPS.get(type_)
    if part is None:
        return call.unknown("drops a constraint of a type that it does not name")
    breaks = (
        "its deletes may rely on what follows them"
        if type_ == "foreignkey"
        else "it relies on duplicates being refused"
    )
    return call.told("contract", f"drops a {type_} constraint", breaks, parts=(part,))
