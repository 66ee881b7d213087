"""What a stored template declares: its resources, their types, the parameters they are given.

Pure functions on the documents of Heat's table raw_template. What they hand out may hold a user's
secrets, so it stays within the evidence that asks.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# heat/engine/environment.py, class ResourceInfo: these are files, and each is a nested stack.
_PROVIDER_TEMPLATE = (".yaml", ".template")


@dataclass(frozen=True)
class Definition:
    """One resource as its template writes it; neither type nor properties are resolved.

    Under a condition it may be switched off: then Heat passes it over (heat/engine/hot/template.py
    and cfn/template.py, resource_definitions), as if it were not written there.
    """

    type: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    is_conditional: bool = False


def parse(text: str | None) -> dict[str, Any]:
    """A template or an environment as Heat stores it, in JSON; empty where there is none.

    :raises ValueError: it is not JSON.
    """
    return _mapping(json.loads(text)) if text else {}


def definitions(template: Mapping[str, Any]) -> dict[str, Definition]:
    """The resources of a HOT or CFN template by name; what has no type is none."""
    found = {}
    for section, type_key, properties, condition in (
        ("resources", "type", "properties", "condition"),
        ("Resources", "Type", "Properties", "Condition"),
    ):
        for name, resource in _mapping(template.get(section)).items():
            if isinstance(resource, dict) and isinstance(resource.get(type_key), str):
                declared = _mapping(resource.get(properties))
                conditional = resource.get(condition) is not None
                found[name] = Definition(resource[type_key], declared, conditional)
    return found


def parameters(template: Mapping[str, Any], environment: Mapping[str, Any]) -> dict[str, Any]:
    """The value of each parameter that has one: the template's default, or the environment's."""
    values = {}
    for section, default in (("parameters", "default"), ("Parameters", "Default")):
        for name, schema in _mapping(template.get(section)).items():
            if isinstance(schema, dict) and default in schema:
                values[name] = schema[default]
    for given in ("parameter_defaults", "parameters"):
        values.update(_mapping(environment.get(given)))
    return values


def literal(value: Any, parameters: Mapping[str, Any]) -> Any:
    """A property's value, read through `{get_param: NAME}` where that parameter has a value."""
    if isinstance(value, dict) and len(value) == 1:
        ((function, name),) = value.items()
        if function in {"get_param", "Ref"} and isinstance(name, str):
            return parameters.get(name, value)
    return value


def is_provider_template(resource_type: str) -> bool:
    """Whether this type is a file: a template, of which Heat makes a nested stack."""
    return resource_type.endswith(_PROVIDER_TEMPLATE)


def resolve(
    resource_type: str,
    resource_name: str,
    environment: Mapping[str, Any],
    known: Callable[[str], bool] = lambda _: True,
) -> str:
    """The type, or the provider template's file, that stands behind a name used in a template.

    The stack's environment is followed as heat/engine/environment.py does. A mapping that leads to
    a type which is not `known` does not count, as there; without any, the name stands for itself.
    """
    registry = _mapping(environment.get("resource_registry"))
    for found in _resolutions(resource_type, resource_name, registry, set()):
        if is_provider_template(found) or known(found):
            return found
    return resource_type


def _resolutions(
    resource_type: str, resource_name: str, registry: dict[str, Any], seen: set[str]
) -> Iterator[str]:
    # Each once: Heat itself would go round for ever.
    seen.add(resource_type)
    if not is_provider_template(resource_type):
        for mapped in _mappings(resource_type, resource_name, registry):
            if mapped not in seen:
                yield from _resolutions(mapped, resource_name, registry, seen)
    yield resource_type


def _mappings(resource_type: str, resource_name: str, registry: dict[str, Any]) -> Iterator[str]:
    """What the registry maps a type to, in Heat's order: what is said of one resource first."""
    of_the_resource = _mapping(_mapping(registry.get("resources")).get(resource_name))
    for entries in (of_the_resource, registry):
        for name, value in sorted(entries.items()):
            if not isinstance(value, str):
                continue
            if name == resource_type:
                yield value
            elif (
                entries is registry
                and name.endswith("*")
                and resource_type.startswith(name[:-1])
                and not is_provider_template(value)
            ):
                rest = resource_type[len(name) - 1 :]
                yield value[:-1] + rest if value.endswith("*") else value


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
