"""What the costs mean for the size of a table, a cluster's limits and the time that there is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from heat_upgrade_checks.schema.change_cost.pending import Cost
from heat_upgrade_checks.schema.change_cost.server import Galera, StoredTable


@dataclass(frozen=True)
class MeasuredRevision:
    """How long a migration took in a rehearsal, and the rows that each table had then."""

    seconds: float
    rows: Mapping[str, int]


def exceeds(cost: Cost, table: StoredTable | None, limit: int) -> bool | None:
    """Whether more than `limit` bytes are worked on; None where the server does not tell."""
    if cost.work == "catalog" and not cost.provided:
        return False
    size = table.bytes if table else None
    return None if size is None else size > limit


def refusal(cost: Cost, table: StoredTable | None, galera: Galera) -> str:
    """Why Galera would refuse the change of rows, or nothing; an UPDATE is one transaction.

    Tried on MariaDB 10.11 with Galera 4: errors 1180 (rows) and 1105 (bytes).
    """
    if cost.work != "rows" or table is None:
        return ""
    if galera.max_rows and (table.rows or 0) > galera.max_rows:
        return f"about {table.rows} rows are more than wsrep_max_ws_rows, {galera.max_rows}"
    sent = (table.data_bytes or 0) * (2 if galera.full_images else 0)
    if sent > galera.max_bytes and not galera.fragments:
        return f"about {sent} bytes are more than wsrep_max_ws_size, {galera.max_bytes}"
    return ""


def expected_seconds(
    costs: Iterable[Cost],
    measured: Mapping[str, MeasuredRevision],
    rows: Mapping[str, int | None],
) -> float | None:
    """How long the pending migrations will take, from how long they took in a rehearsal.

    Each revision's time grows with the rows of the table that grew most since, and never shrinks.
    None where one that does more than to change the catalog was not measured, or it is not known
    which table it works on, or how that grew.

    :param measured: by revision.
    :param rows: of the live tables.
    """
    by_revision: dict[str, list[Cost]] = {}
    for cost in costs:
        by_revision.setdefault(cost.revision, []).append(cost)
    total = 0.0
    for revision, its in by_revision.items():
        working = [cost for cost in its if cost.work != "catalog"]
        known = measured.get(revision)
        if known is None:
            if working:
                return None
            continue
        growth = 1.0
        for each in working:
            grown = _growth(known.rows.get(each.table), rows.get(each.table))
            if grown is None:
                return None
            growth = max(growth, grown)
        total += known.seconds * growth
    return total


def _growth(before: int | None, now: int | None) -> float | None:
    if before is None or now is None or (before == 0 < now):
        return None
    return now / before if before else 1.0
