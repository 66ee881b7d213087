"""What the live database holds of that which a backup of it should hold: rows and stacks.

It is no source of its own: which stacks to look for is known once the backup was read, so the
source of the backups asks it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.database.heat_tables import STACK
from heat_upgrade_checks.evidence.database.session import ask_in_session
from heat_upgrade_checks.evidence.site import Site

# Tables that a later release than Zed (19) brings: resource_snapshot comes with 2026.1 (26).
_LATER = frozenset({"resource_snapshot"})

# Tables of the releases up to 2026.2 (27) without whose rows no stack can be updated, deleted or
# restored from a snapshot. Not event: it may be left out of a backup.
COUNTED = frozenset(
    {
        "raw_template",
        "resource",
        "resource_data",
        "resource_properties_data",
        "resource_snapshot",
        "snapshot",
        "software_config",
        "software_deployment",
        "stack",
        "user_creds",
    }
)

# How many stacks of a backup are looked for in the live database.
SAMPLE = 20


@dataclass(frozen=True)
class LiveRows:
    """The rows of each table in COUNTED that the database has, soft-deleted ones included.

    `stacks` are those of the sample that exist, soft-deleted ones included. `error` is "" or the
    sentence why nothing is known of all this.
    """

    rows: dict[str, int]
    stacks: tuple[str, ...]
    error: str


def ask_for(site: Site, sample: Sequence[str]) -> LiveRows:
    """The live database's rows, and which stacks of the sample it has; one read-only snapshot."""
    try:
        return ask_in_session(site, lambda session: _read(session, sample))
    except Unobserved as reason:
        return LiveRows({}, (), site.secrets.redact(str(reason)))


def _read(session: sa.Connection, sample: Sequence[str]) -> LiveRows:
    absent = _LATER - set(sa.inspect(session).get_table_names())
    rows = {
        name: session.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one()
        for name in sorted(COUNTED - absent)
    }
    known = session.execute(sa.select(STACK.c.id).where(STACK.c.id.in_(sample)))
    return LiveRows(rows, tuple(sorted(known.scalars())), "")
