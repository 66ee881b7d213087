"""What the live database holds of that which a backup of it should hold: rows and stacks.

It is no source of its own: which stacks to look for is known once the backup was read, so the
source of the backups asks it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.database.heat_tables import STACK
from heat_upgrade_checks.evidence.database.session import ask_in_session
from heat_upgrade_checks.evidence.site import Site

# Tables that a later release than Zed (19) brings: resource_snapshot comes with 2026.1 (26).
_LATER = frozenset({"resource_snapshot"})

# Tables of the releases up to 2026.2 (27) whose rows no release makes again. Not event, which may
# be left out of a backup; not service, stack_lock and sync_point, which are of the moment.
COUNTED = frozenset(
    {
        "raw_template",
        "raw_template_files",
        "resource",
        "resource_data",
        "resource_properties_data",
        "resource_snapshot",
        "snapshot",
        "software_config",
        "software_deployment",
        "stack",
        "stack_tag",
        "user_creds",
    }
)

# How many stacks of a backup are looked for in the live database.
SAMPLE = 20


@dataclass(frozen=True)
class LiveRows:
    """The rows of each table in COUNTED that the database has, soft-deleted ones included.

    `due` are those of them that every backup of then must hold, because they are older; a row that
    does not tell its age counts as one. `stacks` are those of the sample that exist, soft-deleted
    ones included. `error` is "" or the sentence why nothing is known of all this.
    """

    rows: dict[str, int]
    due: dict[str, int]
    stacks: tuple[str, ...]
    error: str


def ask_for(site: Site, sample: Sequence[str], then: datetime) -> LiveRows:
    """The live database's rows, and which stacks of the sample it has; one read-only snapshot.

    Each table is read once. InnoDB and PostgreSQL read a table's rows for it, of which most have
    no index that could be counted instead.

    :param then: from when on rows may have come too late for the backup.
    """
    try:
        return ask_in_session(site, lambda session: _read(session, sample, then))
    except Unobserved as reason:
        return LiveRows({}, {}, (), site.secrets.redact(str(reason)))


def _read(session: sa.Connection, sample: Sequence[str], then: datetime) -> LiveRows:
    absent = _LATER - set(sa.inspect(session).get_table_names())
    made_at = sa.column("created_at", sa.DateTime)
    late = sa.case((made_at >= then.astimezone(UTC).replace(tzinfo=None), 1))
    rows, due = {}, {}
    for name in sorted(COUNTED - absent):
        counts = sa.select(sa.func.count(), sa.func.count(late)).select_from(sa.table(name))
        every, too_late = session.execute(counts).one()
        rows[name], due[name] = every, every - too_late
    known = session.execute(sa.select(STACK.c.id).where(STACK.c.id.in_(sample)))
    return LiveRows(rows, due, tuple(sorted(known.scalars())), "")
