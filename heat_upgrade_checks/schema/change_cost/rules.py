"""What a kind of server does with each part of an operation, as a list of rules."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from heat_upgrade_checks.schema.change_cost.server import Server, StoredTable
from heat_upgrade_checks.schema.description import Column
from heat_upgrade_checks.schema.migrations import Operation

# By what they cost, the cheapest first: "catalog" touches no row, "scan" reads them all, "index"
# reads them into an index, "rows" may change each of them in one transaction, "rebuild" writes the
# table anew while it is in use, "copy" does so while it is not.
Work = Literal["catalog", "scan", "index", "rows", "rebuild", "copy", "unknown"]
# What waits for the end of the work, the least first.
Waits = Literal["nothing", "writes", "reads and writes"]


@dataclass(frozen=True)
class Case:
    """A statement to a server on a table, and the column that it is about, if one."""

    operation: Operation
    server: Server
    table: StoredTable
    column: Column | None

    @property
    def lengths(self) -> tuple[int | None, int | None]:
        """Characters of a VARCHAR as it is and as it will be."""
        types = (self.column.type if self.column else "", self.operation.new_type)
        old, new = (re.match(r"VARCHAR\((\d+)\)", each) for each in types)
        return int(old[1]) if old else None, int(new[1]) if new else None


Condition = Callable[[Case], bool]


@dataclass(frozen=True)
class Rule:
    """What the parts named in `parts` cost where `when` holds; the first rule that fits counts.

    `provided` is empty, or what the server did not show and the cost depends on.
    """

    parts: str
    work: Work
    waits: Waits
    when: Condition = lambda _: True
    provided: str = ""


UNKNOWN = Rule("", "unknown", "reads and writes")
