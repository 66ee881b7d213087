"""Stacks whose rows do not tell what they are at, and the sentences that say so."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from heat_upgrade_checks.evidence.database.heat_tables import STACK
from heat_upgrade_checks.evidence.database.session import portions
from heat_upgrade_checks.heat.administration import put_right
from heat_upgrade_checks.heat.tables import STACK_ACTIONS, STACK_STATUSES
from heat_upgrade_checks.wording import clipped, counted, visible

_TOLD = 20
_LONGEST_WORD = 40

_OF = STACK.c
IS_ILLEGIBLE = _OF.deleted_at.is_(None) & sa.or_(
    _OF.status.is_(None),
    _OF.status.not_in(sorted(STACK_STATUSES)),
    _OF.action.is_(None),
    _OF.action.not_in(sorted(STACK_ACTIONS)),
)


def is_illegible(action: str | None, status: str | None) -> bool:
    """Whether Heat writes no such words."""
    return action not in STACK_ACTIONS or status not in STACK_STATUSES


def described(connection: sa.Connection, stack_ids: Sequence[str]) -> Iterator[str]:
    """A sentence for each of the first of these stacks, and one for the others."""
    columns = (_OF.id, _OF.name, _OF.tenant, _OF.action, _OF.status)
    for ids in portions(stack_ids[:_TOLD]):
        for row in connection.execute(sa.select(*columns).where(_OF.id.in_(ids)).order_by(_OF.id)):
            wrong = [
                f"{column} = '{right}'"
                for column, value, words, right in (
                    ("action", row.action, STACK_ACTIONS, "UPDATE"),
                    ("status", row.status, STACK_STATUSES, "FAILED"),
                )
                if value not in words
            ]
            yield (
                f"stack {row.name} ({row.id}), project {row.tenant or ''}: its row has action "
                f"{_shown(row.action)} and status {_shown(row.status)}, which Heat writes nowhere, "
                "so whether it is worked on is not known; delete the stack, or set its row right: "
                f"{put_right(STACK.name, row.id, *wrong)}"
            )
    if (more := len(stack_ids) - _TOLD) > 0:
        yield (
            f"{counted(more, 'further stack')} of which the row does not tell what it is at: see "
            "action and status in the table stack"
        )


def undated(name: str, id: str, project: str) -> str:
    """The sentence on a stack in flight of which no time is told."""
    return (
        f"stack {name} ({id}), project {project}: its row has neither created_at nor updated_at, "
        "so how long its action goes on is not known; set it right: "
        f"{put_right(STACK.name, id, 'created_at = CURRENT_TIMESTAMP')}"
    )


def _shown(word: str | None) -> str:
    return "NULL" if word is None else f"'{clipped(visible(word), _LONGEST_WORD)}'"
