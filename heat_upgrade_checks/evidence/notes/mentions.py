"""Which options and which resource types a release note speaks of: pure functions on its texts."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from heat_upgrade_checks.evidence.notes.facts import Note

Option = tuple[str, str]
"""A group and an option in it, as a configuration file writes them, dashes as underscores."""

_CODE = re.compile(r"``(.+?)``|(?<!`)`([^`<>\n]+)`(?![`_])", re.DOTALL)
# `[ec2authtoken.<name>]` stands for every section that begins so.
_GROUP = r"[A-Za-z][\w.-]*(?:<\w+>)?"
_OPTION = r"[A-Za-z][\w-]*"
_BRACKETED = re.compile(rf"\[({_GROUP})\]\s*/?\s*({_OPTION})")
_SLASHED = re.compile(rf"(?<![\w./-])([A-Za-z]\w*)/({_OPTION})(?![\w/])")
_DOTTED = re.compile(rf"([A-Za-z]\w*)\.({_OPTION})")
_SECTION = re.compile(rf"\[({_GROUP})\]")
_NAME = re.compile(r"([a-z][a-z0-9_]*)(?:\s*=.*)?", re.DOTALL)
_OF_OPTIONS = re.compile(r"\b(?:options?|settings?|config(?:uration)?)\b", re.IGNORECASE)
_TYPE = re.compile(r"(?<![\w:])[A-Z]\w*(?:::\w+)*::(?:\w+|\*)")


@dataclass(frozen=True)
class _Unnamed:
    groups: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()


# What the text of a note of Heat leaves out or gets wrong.
_UNNAMED = {
    # heat/common/wsgi.py of 24 registers these groups, that of 25 does not.
    "drop-heat-wsgi-scripts-using-eventlet-fb27d7912ffbd0a4.yaml": _Unnamed(
        groups=frozenset({"heat_api", "heat_api_cfn", "eventlet_opts"})
    ),
    # It says Notifications; heat/engine/resources/openstack/monasca/notification.py does not.
    "remove-monasca-dece91171a385669.yaml": _Unnamed(
        types=frozenset({"OS::Monasca::Notification"})
    ),
    # It lists Senlin's types; heat/engine/resources/openstack/sahara of 22 went as well.
    "remove-sahara-c01d0ca29d3a9e1d.yaml": _Unnamed(types=frozenset({"OS::Sahara::*"})),
}


def options_of(note: Note, given: Collection[Option]) -> list[Option]:
    """Those of the `given` options that the note speaks of, sorted.

    A name in prose counts only together with its group, for many options have everyday names.
    """
    wanted = {option for text in _texts(note) for option in _named_in(text, given)}
    unnamed = _UNNAMED.get(note.name, _Unnamed())
    return sorted(wanted | {option for option in given if option[0] in unnamed.groups})


def types_of(note: Note) -> frozenset[str]:
    """The resource types that the note names; a trailing `*` stands for any end of a name."""
    named = {found for text in _texts(note) for found in _TYPE.findall(text)}
    return frozenset(named) | _UNNAMED.get(note.name, _Unnamed()).types


def _texts(note: Note) -> Iterator[str]:
    for texts in note.sections.values():
        yield from texts


def _named_in(text: str, given: Collection[Option]) -> Iterator[Option]:
    code = [first or second for first, second in _CODE.findall(text)]
    pairs = _BRACKETED.findall(text) + _SLASHED.findall(text)
    pairs += [match.groups() for span in code if (match := _DOTTED.fullmatch(span))]
    sections = [match[1] for span in code if (match := _SECTION.fullmatch(span))]
    names = {match[1] for span in code if (match := _NAME.fullmatch(span))}
    # Where no option is named, the whole section is meant; hardly all of [DEFAULT].
    whole = [] if names else [each for each in sections if each != "DEFAULT"]
    groups = {group for group, _ in pairs} | set(sections)
    of_options = bool(_OF_OPTIONS.search(text))
    for group, option in given:
        if any(_covers(each, group) and _plain(name) == option for each, name in pairs):
            yield group, option
        elif option in names:
            # Which group is meant: one that the text names, or else what its words allow.
            if groups:
                meant = any(_covers(each, group) for each in groups)
            else:
                meant = of_options or (group == "DEFAULT" and "_" in option)
            if meant:
                yield group, option
        elif any(_covers(each, group) for each in whole):
            yield group, option


def _covers(pattern: str, group: str) -> bool:
    begin, angle, _ = pattern.partition("<")
    if angle:
        return group.startswith(begin)
    return pattern == group or pattern.upper() == group == "DEFAULT"


def _plain(option: str) -> str:
    return option.replace("-", "_")
