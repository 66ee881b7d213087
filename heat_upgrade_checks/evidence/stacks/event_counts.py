"""Live stacks with far more events than Heat keeps.

Heat deletes a stack's oldest events only while it writes new ones, by chance once in some hundred
events, where the stack has more than `[DEFAULT] max_events_per_stack` (heat/db/api.py,
event_create). So a stack may have some hundred more; one with twice as many is not purged.

The events are counted by one statement. MariaDB and MySQL read the index of the foreign key
`event.stack_id` for it and no row; PostgreSQL has none there and reads the table once.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from heat_upgrade_checks.evidence.database.errors import took_too_long
from heat_upgrade_checks.evidence.database.heat_tables import EVENT, STACK
from heat_upgrade_checks.evidence.database.session import ask_in_session
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site

_OPTION, _DEFAULT = "max_events_per_stack", 1000
_TIMES = 2
_NAMED = 100


@dataclass(frozen=True)
class StackEvents:
    """A live stack and how many events it has."""

    id: str
    name: str
    project: str
    events: int


@dataclass(frozen=True)
class EventCounts(Facts):
    """The live stacks with more than twice the `kept` events; of `stacks` the first 100 are named.

    `kept` is what the current release's configuration lets a stack have, 0 for any number, of which
    none is too many. `counted` is False where the server ended the statement for taking too long.
    """

    kept: int
    counted: bool = True
    stacks: int = 0
    named: tuple[StackEvents, ...] = ()

    @property
    def limit(self) -> int:
        """The number of events that a stack may have here."""
        return _TIMES * self.kept

    @property
    def extent(self) -> str:
        """What was read."""
        if not self.kept:
            return f"[DEFAULT] {_OPTION} of the current release, which keeps every event"
        return f"events of all live stacks, counted by stack; {_OPTION} = {self.kept}"


def observe(site: Site) -> EventCounts:
    """Count the events of live stacks, nested, hidden and every project's included."""
    kept = max(0, site.conf("current").number(_OPTION, _DEFAULT))
    return ask_in_session(site, lambda session: _counts(session, kept)) if kept else EventCounts(0)


def _counts(session: sa.Connection, kept: int) -> EventCounts:
    events = sa.func.count().label("events")
    many = (
        sa.select(EVENT.c.stack_id, events)
        .group_by(EVENT.c.stack_id)
        .having(events > _TIMES * kept)
        .subquery()
    )
    live = (
        sa.select(STACK.c.id, STACK.c.name, STACK.c.tenant, many.c.events)
        .join_from(many, STACK, STACK.c.id == many.c.stack_id)
        .where(STACK.c.deleted_at.is_(None))
        .order_by(many.c.events.desc(), STACK.c.id)
    )
    try:
        found = session.execute(live).all()
    except DBAPIError as error:
        if not took_too_long(error):
            raise
        return EventCounts(kept, counted=False)
    return EventCounts(
        kept,
        stacks=len(found),
        named=tuple(StackEvents(*row) for row in found[:_NAMED]),
    )
