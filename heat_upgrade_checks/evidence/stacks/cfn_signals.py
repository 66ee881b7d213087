"""Live stacks that sign requests to heat-api-cfn, with which servers signal and fetch metadata."""

from dataclasses import dataclass

import sqlalchemy as sa

from heat_upgrade_checks.evidence.database.heat_tables import RESOURCE, RESOURCE_DATA, STACK
from heat_upgrade_checks.evidence.database.session import ask_in_session
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site

_NAMED = 3
# What heat/engine/resources/stack_user.py and wait_condition.py store with an EC2 key pair.
_KEYS = ("ec2_signed_url", "secret_key")


@dataclass(frozen=True)
class CfnSignals(Facts):
    """How many live stacks hold an EC2 key pair, of which `named` are the first three."""

    stacks: int
    named: tuple[str, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        return f"resource_data of live stacks: {self.stacks} hold a key pair for heat-api-cfn"


def observe(site: Site) -> CfnSignals:
    """The live stacks for which heat-api-cfn must go on to answer."""
    return ask_in_session(site, _signals)


def _signals(session: sa.Connection) -> CfnSignals:
    using = (
        sa.select(STACK.c.id, STACK.c.name)
        .join_from(RESOURCE_DATA, RESOURCE, RESOURCE.c.id == RESOURCE_DATA.c.resource_id)
        .join(STACK, STACK.c.id == RESOURCE.c.stack_id)
        .where(RESOURCE_DATA.c.key.in_(_KEYS), STACK.c.deleted_at.is_(None))
        .distinct()
    )
    stacks = {row.id: row.name for row in session.execute(using)}
    return CfnSignals(len(stacks), tuple(f"{stacks[id]} ({id})" for id in sorted(stacks)[:_NAMED]))
