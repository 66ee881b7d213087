"""The file in which people sign the release notes they have read."""

import difflib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from heat_upgrade_checks.errors import Unobserved, UsageError
from heat_upgrade_checks.evidence.notes.facts import Acknowledgement, Note
from heat_upgrade_checks.files import whole_file, yaml_documents

_KEYS = ("name", "sections", "sha256", "by", "at", "remark")

_HEAD = """\
# Release notes to acknowledge before this upgrade: read each one, then fill in `by` and `at`.
# An entry counts for this very text of its note (sha256). `remark` is yours.
"""
_FORMER = "# Signed before, no longer asked for.\n"


def read_acknowledgements(path: Path) -> tuple[Acknowledgement, ...]:
    """The entries of the file in its order; none if there is no file yet."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise Unobserved(
            f"{path} cannot be read ({error.strerror}): run as a user who may read it"
        ) from None
    entries = yaml_documents.parse(content, str(path))
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise UsageError(f"{path} is no list of entries: each one begins with `- name:`")
    read = tuple(_entry(entry, f"{path}, entry {n}") for n, entry in enumerate(entries, 1))
    _refuse_duplicates(read, path)
    return read


def write_acknowledgements(path: Path, notes: Sequence[Note]) -> tuple[int, int]:
    """Write the file to fill in; how many entries are still to be signed, and how many are.

    What was signed stays signed while its note is the same, and remarks stay anyway.
    """
    known = {entry.name: entry for entry in read_acknowledgements(path)}
    due = {note.name: note for note in notes if note.must_be_acknowledged}
    entries = [_renewed(note, known.get(name)) for name, note in sorted(due.items())]
    former = [entry for name, entry in known.items() if name not in due and entry.is_signed]
    parts = [_HEAD]
    parts += [_comment(due[entry.name]) + _yaml(entry) for entry in entries]
    parts += [_FORMER, *map(_yaml, former)] if former else []
    _replace(path, "\n".join(parts))
    signed = sum(entry.is_signed for entry in entries)
    return len(entries) - signed, signed


def _entry(entry: Any, where: str) -> Acknowledgement:
    if not isinstance(entry, dict):
        raise UsageError(f"{where} is no mapping: it needs the keys {', '.join(_KEYS)}")
    for key in entry:
        if key not in _KEYS:
            close = difflib.get_close_matches(str(key).lower(), _KEYS, n=1)
            meant = f"did you mean {close[0]}?" if close else f"known are {', '.join(_KEYS)}"
            raise UsageError(f"{where} has the unknown key {key!r}: {meant}")
    for key in ("name", "sha256"):
        if not entry.get(key):
            raise UsageError(f"{where} has no {key}: run `heat-upgrade-check notes` again")
    words = {
        key: _word(entry.get(key), f"{where}, key {key}") for key in _KEYS if key != "sections"
    }
    sections = entry.get("sections") or []
    if not isinstance(sections, list) or not all(isinstance(name, str) for name in sections):
        raise UsageError(f"{where}, key sections, is no list of names")
    return Acknowledgement(sections=tuple(sections), **words)


def _word(value: object, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()  # YAML takes an unquoted date or time for one.
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    raise UsageError(f"{where}, is no text: put it in quotes")


def _refuse_duplicates(entries: Sequence[Acknowledgement], path: Path) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.name in seen:
            raise UsageError(f"{path} has two entries with the name {entry.name!r}: remove one")
        seen.add(entry.name)


def _renewed(note: Note, known: Acknowledgement | None) -> Acknowledgement:
    same = known is not None and known.sha256 == note.sha256
    return Acknowledgement(
        name=note.name,
        sha256=note.sha256,
        by=known.by if known and same else "",
        at=known.at if known and same else "",
        remark=known.remark if known else "",
        sections=tuple(map(_printable, note.must_be_acknowledged)),
    )


def _yaml(entry: Acknowledgement) -> str:
    fields = {
        key: list(entry.sections) if key == "sections" else getattr(entry, key) for key in _KEYS
    }
    # PyYAML writes some line separators of Unicode in a way that reads back as spaces.
    readable = "".join((entry.name, entry.by, entry.at, entry.remark)).replace("\n", "")
    return yaml.safe_dump(
        [fields],
        sort_keys=False,
        default_flow_style=None,
        allow_unicode=readable.isprintable(),
        width=10**6,
    )


def _comment(note: Note) -> str:
    lines = [f"# {_printable(note.name)}"]
    for section, texts in note.sections.items():
        lines.append(f"#   {_printable(section)}:")
        for text in texts:
            lines += [f"#     {_printable(line)}".rstrip() for line in text.splitlines()]
            lines.append("#")
    return "\n".join(lines) + "\n"


def _printable(text: str) -> str:
    """The text with every character escaped that could end a comment or hide something."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text.expandtabs(4)
    )


def _replace(path: Path, text: str) -> None:
    """Put the text in the place of the file, or of what it links to, with the rights it had."""
    target = path.resolve()
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else whole_file.MODE
        whole_file.put(target, text.encode(), mode)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written ({error.strerror}): name another file in the plan"
        ) from None
