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


class _UniqueKeysLoader(yaml.SafeLoader):
    """Refuses a mapping that names a key twice; PyYAML silently keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def parse(content: bytes, what: str) -> Any:
    """The document in `content`; `what` names its file in the sentence.

    :raises UsageError: it is no YAML, or a key stands twice in one mapping.
    """
    try:
        return yaml.load(content, Loader=_UniqueKeysLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(f"{what}{line}: {error.problem or 'not readable as YAML'}") from None
    except UNREADABLE_YAML:
        raise UsageError(f"{what}: not readable as YAML") from None
