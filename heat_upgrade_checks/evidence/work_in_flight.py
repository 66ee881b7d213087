"""How much work is in flight in Heat's database, and which engines report, asked cheaply."""

from dataclasses import dataclass

import sqlalchemy as sa

from heat_upgrade_checks.evidence import database, database_session
from heat_upgrade_checks.evidence.database import ServiceRow
from heat_upgrade_checks.evidence.site import Site

_IN_FLIGHT = """
FROM stack LEFT JOIN stack_lock ON stack_lock.stack_id = stack.id {more}
WHERE stack.deleted_at IS NULL
AND (stack.status = 'IN_PROGRESS' OR stack_lock.engine_id IS NOT NULL)
"""
_STACKS = sa.text("SELECT COUNT(*)" + _IN_FLIGHT.format(more=""))
# Found through their stacks: neither column of the resource has an index.
_RESOURCES = sa.text(
    "SELECT COUNT(*)"
    + _IN_FLIGHT.format(more="JOIN resource ON resource.stack_id = stack.id")
    + "AND (resource.status = 'IN_PROGRESS' OR resource.engine_id IS NOT NULL)"
)


@dataclass(frozen=True)
class WorkInFlight:
    """Stacks that are IN_PROGRESS or locked, and those of their resources that are worked on."""

    stacks: int
    resources: int
    services: tuple[ServiceRow, ...]


def observe(site: Site) -> WorkInFlight:
    """What is in flight now, in one session.

    :raises Unobserved: the database cannot be read.
    """

    def count(connection: sa.Connection) -> WorkInFlight:
        return WorkInFlight(
            stacks=connection.execute(_STACKS).scalar_one(),
            resources=connection.execute(_RESOURCES).scalar_one(),
            services=database.reporting(connection),
        )

    return database_session.ask_in_session(site, count)
