"""YAML that an operator wrote: read safely, and refused in one sentence."""

from typing import Any

import yaml

from heat_upgrade_checks.errors import UsageError

# What safe_load raises: its scalars' constructors leak all of these on tagged nonsense.
UNREADABLE_YAML = (
    yaml.YAMLError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)

_MERGE = "tag:yaml.org,2002:merge"


class _Refused(yaml.MarkedYAMLError):
    """What this tool does not take though it is YAML, in its own words."""


class _UniqueKeysLoader(yaml.SafeLoader):
    """Refuses a mapping that names a key twice, where PyYAML silently keeps the last."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Not when it is constructed: by then a merge key may have put others' keys into it.
        node = super().compose_mapping_node(anchor)
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE or not isinstance(key_node, yaml.ScalarNode):
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise _Refused(None, None, f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        # Each key once: merges of merges would multiply what they have in common.
        last = {(key.tag, str(key.value)): (key, value) for key, value in node.value}
        node.value = list(last.values())

    def construct_scalar(self, node: Any) -> Any:
        value = super().construct_scalar(node)
        if "\0" in value:
            # No path, command or address can hold one, and whoever is given one breaks.
            raise _Refused(None, None, "a NUL character stands there; remove \\0", node.start_mark)
        return value


def parse(content: bytes, what: str) -> Any:
    """The document in `content`; `what` names its file in the sentence.

    :raises UsageError: it is no YAML, or a key stands twice in one mapping.
    """
    try:
        return yaml.load(content, Loader=_UniqueKeysLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(f"{what}{line}: {_complaint(error)}") from None
    except UNREADABLE_YAML:
        raise UsageError(f"{what}: not readable as YAML") from None


def _complaint(error: yaml.MarkedYAMLError) -> str:
    """What is wrong; never a value, which PyYAML repeats where it takes it for a name of YAML's."""
    if isinstance(error, yaml.composer.ComposerError):
        return "what begins with * or & is a name of YAML's; put it in quotes if it is a value"
    problem = error.problem or "not readable as YAML"
    if "for the tag " in problem or "tag handle" in problem:
        return "what begins with ! is a tag of YAML's; put it in quotes if it is a value"
    return problem
