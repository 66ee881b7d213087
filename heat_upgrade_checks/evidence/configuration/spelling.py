"""Which option of a release an unknown one was probably meant to be."""

import difflib
from collections.abc import Collection

# 1 is the same; "auth_uri" and "auth_url" have 0.875.
_ALIKE = 0.8


def meant(group: str, name: str, known: Collection[tuple[str, str]]) -> str:
    """The option as an operator writes it, or nothing where none is much like it.

    The section may be right and the name wrong, or the other way round, or both nearly right.
    """
    group, name = "DEFAULT" if group == "DEFAULT" else group.lower(), name.lower()
    here = {its for section, its in known if section == group}
    if like := difflib.get_close_matches(name, sorted(here), 1, _ALIKE):
        return f"[{group}] {like[0]}"
    sections = sorted({section for section, its in known if its == name})
    if len(sections) == 1:
        return f"[{sections[0]}] {name}"
    if near := difflib.get_close_matches(group, sections, 1, _ALIKE):
        return f"[{near[0]}] {name}"
    for section in difflib.get_close_matches(group, sorted({each for each, _ in known}), 3, _ALIKE):
        there = sorted(its for its_section, its in known if its_section == section)
        if like := difflib.get_close_matches(name, there, 1, _ALIKE):
            return f"[{section}] {like[0]}"
    return ""
