"""What the stored templates say of resources in flight; of a template, no more leaves than this."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from heat_upgrade_checks.evidence.database.heat_tables import RAW_TEMPLATE
from heat_upgrade_checks.evidence.database.session import portions
from heat_upgrade_checks.heat import templates
from heat_upgrade_checks.heat.signals import SignalWait, signal_wait

# They are large: few of them are in memory at a time.
_TEMPLATES_AT_ONCE = 50


class Place(NamedTuple):
    """Where a resource is defined: the id in raw_template, and the resource's name."""

    template_id: int
    name: str


@dataclass(frozen=True)
class Declared:
    """A resource's type, resolved (of a provider template its file's name), and how it waits."""

    type: str
    wait: SignalWait | None


def declared(
    connection: sa.Connection, places: Iterable[Place], every_stacks: Mapping[str, Any]
) -> dict[Place, Declared]:
    """What stands in these places; those where nothing legible stands are left out.

    `every_stacks` is the environment that the engines give every stack.
    """
    names: dict[int, set[str]] = {}
    for place in places:
        names.setdefault(place.template_id, set()).add(place.name)
    found: dict[Place, Declared] = {}
    columns = RAW_TEMPLATE.c
    query = sa.select(columns.id, columns.template, columns.environment)
    for portion in portions(sorted(names), _TEMPLATES_AT_ONCE):
        for row in connection.execute(query.where(columns.id.in_(portion))):
            for name, told in _told(row.template, row.environment, names[row.id], every_stacks):
                found[Place(row.id, name)] = told
    return found


def _told(
    template_text: str | None,
    environment_text: str | None,
    names: set[str],
    every_stacks: Mapping[str, Any],
) -> Iterator[tuple[str, Declared]]:
    try:
        template = templates.parse(template_text)
        environment = templates.parse(environment_text)
    except ValueError:
        return
    values = templates.parameters(template, environment)
    for name, definition in templates.definitions(template).items():
        if name in names:
            own = templates.resolve(definition.type, name, environment)
            resolved = templates.resolve(own, name, every_stacks)
            yield name, Declared(_shown(resolved), signal_wait(resolved, definition, values))


def _shown(resource_type: str) -> str:
    if not templates.is_provider_template(resource_type):
        return resource_type
    # Its URL may carry an account or a token.
    return resource_type.partition("?")[0].rpartition("/")[2].rpartition("@")[2]
