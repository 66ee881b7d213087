"""How much work is in flight in Heat's database, and which engines report, asked cheaply."""

from dataclasses import dataclass

import sqlalchemy as sa

from heat_upgrade_checks.evidence.database.heat_tables import RESOURCE, STACK
from heat_upgrade_checks.evidence.database.session import ask_in_session, portions
from heat_upgrade_checks.evidence.database.state import (
    ServiceRow,
    longest_report_interval,
    reporting,
)
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.stacks.in_flight import AT_WORK, RESOURCE_AND_HOOK
from heat_upgrade_checks.evidence.stacks.scan import ids_in_flight


@dataclass(frozen=True)
class WorkCounts:
    """Stacks that are worked on, and the resources in them that are."""

    stacks: int
    resources: int
    services: tuple[ServiceRow, ...]


def observe(site: Site) -> WorkCounts:
    """What is in flight now, in one session.

    :raises Unobserved: the database cannot be read.
    """

    longest = longest_report_interval(site)

    def count(connection: sa.Connection) -> WorkCounts:
        stacks = resources = 0
        for ids in portions(ids_in_flight(connection)):
            live = STACK.c.id.in_(ids) & STACK.c.deleted_at.is_(None)
            joined = STACK.join(RESOURCE_AND_HOOK, RESOURCE.c.stack_id == STACK.c.id)
            counted = sa.select(sa.func.count())
            stacks += connection.execute(counted.select_from(STACK).where(live)).scalar_one()
            resources += connection.execute(
                counted.select_from(joined).where(live, AT_WORK)
            ).scalar_one()
        return WorkCounts(stacks, resources, reporting(connection, longest))

    return ask_in_session(site, count)
