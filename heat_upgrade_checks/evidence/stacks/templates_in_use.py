"""The templates that live stacks use: their own, those that resources were left from, snapshots'.

An update that fails leaves resources of the template before, which the stack's own does not name.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from heat_upgrade_checks.evidence.database.heat_tables import (
    RAW_TEMPLATE,
    RESOURCE,
    SNAPSHOT,
    STACK,
)
from heat_upgrade_checks.evidence.database.session import portions
from heat_upgrade_checks.heat import templates

# They are large: few of them are in memory at a time.
_ROWS_AT_ONCE = 20
_STREAMED = {"yield_per": _ROWS_AT_ONCE}
_OF_STACK = (STACK.c.id, STACK.c.name, STACK.c.tenant, STACK.c.status)
_TEXTS = (RAW_TEMPLATE.c.template, RAW_TEMPLATE.c.environment)


@dataclass(frozen=True)
class Document:
    """A template with its environment, as stored, and the stack that uses it.

    `resources` are those that use it, where others of the stack do not; `snapshot` is the name of
    the one that it was kept for, or "". `table` holds it.
    """

    stack_id: str
    stack: str
    project: str
    status: str
    table: str
    template: str | None
    environment: str | None = None
    resources: frozenset[str] | None = None
    snapshot: str = ""

    def parsed(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The template and the environment.

        :raises ValueError: one is no JSON.
        """
        found = templates.parse(self.template)
        if not self.snapshot:
            return found, templates.parse(self.environment)
        # heat/engine/stack.py, prepare_abandon.
        parts = (found.get("template"), found.get("environment"))
        template, environment = (part if isinstance(part, dict) else {} for part in parts)
        return template, environment

    def stands_for(self, resource: str) -> bool:
        """Whether a resource of this name uses it."""
        return self.resources is None or resource in self.resources

    @property
    def tells_all(self) -> bool:
        """Whether what it names and no row of a resource tells of does not exist."""
        return self.status == "COMPLETE" and self.resources is None and not self.snapshot


def naming(connection: sa.Connection, words: Sequence[str]) -> Iterator[Document]:
    """The documents in use that have one of these words in their text, or may lead to one."""
    yield from _of_stacks(connection, words)
    yield from _of_resources(connection, words)
    yield from _of_snapshots(connection, words)


def _of_stacks(connection: sa.Connection, words: Sequence[str]) -> Iterator[Document]:
    query = (
        sa.select(*_OF_STACK, *_TEXTS)
        .join_from(STACK, RAW_TEMPLATE, RAW_TEMPLATE.c.id == STACK.c.raw_template_id)
        .where(STACK.c.deleted_at.is_(None), _naming(words))
    )
    for row in connection.execute(query, execution_options=_STREAMED):
        yield _document(row, template=row.template, environment=row.environment)


def _of_resources(connection: sa.Connection, words: Sequence[str]) -> Iterator[Document]:
    """Ids first: of those that no stack has any more, few have a resource left."""
    own = sa.select(STACK.c.raw_template_id).where(
        STACK.c.deleted_at.is_(None), STACK.c.raw_template_id.is_not(None)
    )
    former = sa.select(RAW_TEMPLATE.c.id).where(_naming(words), RAW_TEMPLATE.c.id.not_in(own))
    left = (
        sa.select(*_OF_STACK, RESOURCE.c.name.label("resource"), RESOURCE.c.current_template_id)
        .join_from(RESOURCE, STACK, STACK.c.id == RESOURCE.c.stack_id)
        .where(STACK.c.deleted_at.is_(None))
    )
    users: dict[int, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for ids in portions(list(connection.execute(former).scalars())):
        for row in connection.execute(left.where(RESOURCE.c.current_template_id.in_(ids))):
            users[row.current_template_id][row.id].append(row)
    for few in portions(sorted(users), _ROWS_AT_ONCE):
        texts = sa.select(RAW_TEMPLATE.c.id, *_TEXTS).where(RAW_TEMPLATE.c.id.in_(few))
        for text in connection.execute(texts):
            for rows in users[text.id].values():
                yield _document(
                    rows[0],
                    template=text.template,
                    environment=text.environment,
                    resources=frozenset(row.resource for row in rows),
                )


def _of_snapshots(connection: sa.Connection, words: Sequence[str]) -> Iterator[Document]:
    data = SNAPSHOT.c.data
    wanted = [data.contains(word, autoescape=True) for word in words]
    query = (
        sa.select(*_OF_STACK, SNAPSHOT.c.id.label("snapshot_id"), SNAPSHOT.c.name.label("of"), data)
        .join_from(SNAPSHOT, STACK, STACK.c.id == SNAPSHOT.c.stack_id)
        .where(STACK.c.deleted_at.is_(None), sa.or_(data.contains('*"', autoescape=True), *wanted))
    )
    for row in connection.execute(query, execution_options=_STREAMED):
        yield _document(
            row,
            table=SNAPSHOT.name,
            template=row.data,
            snapshot=f"{row.of or ''} ({row.snapshot_id})",
        )


def _naming(words: Sequence[str]) -> sa.ColumnElement[bool]:
    named = [text.contains(word, autoescape=True) for word in words for text in _TEXTS]
    # A wildcard of the environment leads to types that it does not spell out.
    return sa.or_(RAW_TEMPLATE.c.environment.contains('*"', autoescape=True), *named)


def _document(row: Any, table: str = RAW_TEMPLATE.name, **its: Any) -> Document:
    return Document(row.id, row.name, row.tenant or "", row.status, table, **its)
