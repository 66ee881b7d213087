"""What must survive an upgrade of a stack: its status, its resources, the names of its outputs."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.database.heat_tables import RAW_TEMPLATE, RESOURCE, STACK
from heat_upgrade_checks.evidence.database.session import portions
from heat_upgrade_checks.records.baseline import StoredResource, StoredStack

STACKS_AT_ONCE = 250
"""How many stacks are read by one statement and held in memory together."""

COLUMNS = (
    STACK.c.id,
    STACK.c.name,
    STACK.c.tenant,
    STACK.c.owner_id,
    STACK.c.action,
    STACK.c.status,
    STACK.c.updated_at,
    STACK.c.raw_template_id,
)
"""What `described` needs of a row."""

# A template may take half a megabyte ([DEFAULT] max_template_size), so few are fetched at a time.
_TEMPLATES_AT_ONCE = 20


def described(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> list[StoredStack]:
    """The stacks of these rows of the table `stack`, `STACKS_AT_ONCE` at most.

    :raises Unobserved: a template cannot be read.
    """
    resources = _resources(connection, [row.id for row in rows])
    outputs = _outputs(connection, {row.raw_template_id: row.id for row in rows})
    return [
        StoredStack(
            id=row.id,
            name=row.name,
            project=row.tenant or "",
            owner_id=row.owner_id or "",
            action=row.action or "",
            status=row.status or "",
            updated_at=row.updated_at.isoformat() if row.updated_at else "",
            outputs=outputs[row.raw_template_id],
            resources=tuple(resources[row.id]),
        )
        for row in rows
    ]


def _resources(
    connection: sa.Connection, stack_ids: Sequence[str]
) -> Mapping[str, list[StoredResource]]:
    found: dict[str, list[StoredResource]] = defaultdict(list)
    of = RESOURCE.c
    query = sa.select(of.stack_id, of.name, of.nova_instance, of.action, of.status)
    for row in connection.execute(query.where(of.stack_id.in_(stack_ids))):
        found[row.stack_id].append(
            StoredResource(
                row.name or "", row.nova_instance or "", row.action or "", row.status or ""
            )
        )
    return found


def _outputs(connection: sa.Connection, stacks: Mapping[int, str]) -> Mapping[int, tuple[str, ...]]:
    """The names of the outputs in each template; `stacks` are the ids of their stacks."""
    found = {}
    for ids in portions(list(stacks), _TEMPLATES_AT_ONCE):
        # Never its environment, which holds parameters.
        query = sa.select(RAW_TEMPLATE.c.id, RAW_TEMPLATE.c.template)
        for row in connection.execute(query.where(RAW_TEMPLATE.c.id.in_(ids))):
            found[row.id] = _names(row.template)
    for template, stack in stacks.items():
        if found.get(template) is None:
            raise Unobserved(
                f"raw_template {template} of stack {stack} is missing or holds no template, so "
                "its outputs are unknown; repair the row or delete the stack"
            )
    return {template: names for template, names in found.items() if names is not None}


def _names(template: str | None) -> tuple[str, ...] | None:
    """None for what is no template. A HOT template has `outputs`, a CFN template `Outputs`."""
    try:
        document = json.loads(template or "")
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    sections = [document.get(key) or {} for key in ("outputs", "Outputs")]
    if not all(isinstance(section, dict) for section in sections):
        return None
    return tuple(sorted({name for section in sections for name in section}))
