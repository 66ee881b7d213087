"""The release notes that the target adds, whom they touch, and who has acknowledged them."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from heat_upgrade_checks.errors import Unobserved, UsageError
from heat_upgrade_checks.evidence.code import release
from heat_upgrade_checks.evidence.notes import touches as release_note_touches
from heat_upgrade_checks.evidence.notes.acknowledgements import read_acknowledgements
from heat_upgrade_checks.evidence.notes.facts import Note, ReleaseNotes
from heat_upgrade_checks.evidence.notes.note_files import read_notes, read_tag, version_of
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.files.yaml_documents import UNREADABLE_YAML
from heat_upgrade_checks.heat import releases
from heat_upgrade_checks.phases import SideName

# What `reno new` ends a name with; reno takes notes with the same id for one, whatever their names
# begin with (reno/scanner.py, _get_unique_id).
_UNIQUE_ID = re.compile(r".*-([0-9a-f]{16})\.yaml")


def observe(site: Site) -> ReleaseNotes:
    """The notes between both releases, and the acknowledgements, that the plan names."""
    plan = site.plan.notes
    if plan is None:
        raise Unobserved(
            "the plan names no release notes; fetch them with `heat-upgrade-check notes --fetch`, "
            "or add: notes: {current: SDIST_OR_FOLDER, target: SDIST_OR_FOLDER}"
        )
    versions = release.observe_current(site).version, release.observe_target(site).version
    if plan.current is not None and plan.target is not None:
        current, target = read_notes(plan.current), read_notes(plan.target)
        names = (
            _source("current", plan.current, versions[0]),
            _source("target", plan.target, versions[1]),
        )
    elif plan.git is not None:
        names = versions
        current, target = (read_tag(plan.git, version) for version in versions)
    acknowledgements = read_acknowledgements(plan.acknowledgements)
    notes = new_notes(current, target)
    touches, incomplete = release_note_touches.find(site, notes)
    return ReleaseNotes(
        *names,
        notes,
        str(plan.acknowledgements),
        acknowledgements,
        touches,
        lost_notes(current, target),
        edited_notes(current, target),
        incomplete,
    )


def _source(side: SideName, source: Path, version: str) -> str:
    """The source's name, once it is known to be no other release's where it says whose it is.

    An earlier point release of the current series will do: it only makes more notes new.
    """
    told = version_of(source)
    if told is None:
        return f"{source} (version not told)"
    wanted = releases.parse(version)
    try:
        found = releases.parse(told)
    except UsageError as error:
        raise Unobserved(f"notes.{side} of the plan, {source}: {error}") from None
    earlier = found.major == wanted.major and found.version < wanted.version
    if found.version != wanted.version and not (side == "current" and earlier):
        raise Unobserved(
            f"notes.{side} of the plan, {source}, has the notes of Heat {found}, but the {side} "
            f"release is {wanted}; fetch the right ones with `heat-upgrade-check notes --fetch`, "
            f"or correct notes.{side}"
        )
    return str(source)


def new_notes(current: Mapping[str, bytes], target: Mapping[str, bytes]) -> tuple[Note, ...]:
    """The notes that only the target has, sorted by name.

    A note that was backported to the current release has the same id there.
    """
    return tuple(_note(name, target[name]) for name in _only_in(target, current))


def lost_notes(current: Mapping[str, bytes], target: Mapping[str, bytes]) -> tuple[str, ...]:
    """The names of the notes that only the current release has.

    Such a note was backported to the current series after the target had been released.
    """
    return _only_in(current, target)


def edited_notes(current: Mapping[str, bytes], target: Mapping[str, bytes]) -> tuple[str, ...]:
    """The names of the notes of both that say something else in the target; spaces do not count."""
    return tuple(
        name
        for name in sorted(current.keys() & target.keys())
        if current[name].split() != target[name].split()
    )


def _only_in(these: Mapping[str, bytes], those: Mapping[str, bytes]) -> tuple[str, ...]:
    # Only a name that is gone can have become another one: a copied id hides no note.
    renamed = {_unique_id(name) for name in those.keys() - these.keys()} - {None}
    return tuple(
        name for name in sorted(these.keys() - those.keys()) if _unique_id(name) not in renamed
    )


def _unique_id(name: str) -> str | None:
    match = _UNIQUE_ID.fullmatch(name)
    return match[1] if match else None


def _note(name: str, content: bytes) -> Note:
    try:
        # safe_load shares what aliases name and gives up on deep nesting, which scan does not.
        parsed = yaml.safe_load(content)
        aliases = any(isinstance(token, yaml.AliasToken) for token in yaml.scan(content))
        if isinstance(parsed, dict) and not aliases:
            sections = {_text(section): _texts(texts) for section, texts in parsed.items()}
            return Note(name, hashlib.sha256(content).hexdigest(), sections)
    except UNREADABLE_YAML:
        raise Unobserved(f"release note {name} is no readable YAML: read it by hand") from None
    if aliases:
        # Written out, aliases of aliases unfold without limit; the notes of Heat have none.
        raise Unobserved(f"release note {name} has YAML aliases: read it by hand")
    raise Unobserved(f"release note {name} has no sections: read it by hand")


def _texts(value: object) -> tuple[str, ...]:
    """A section's texts; reno allows a string or a list of strings."""
    if value is None:
        return ()
    return tuple(map(_text, value)) if isinstance(value, list) else (_text(value),)


def _text(item: object) -> str:
    # A text such as "Upgrade: do this" without quotes is a mapping to YAML, yet still a text to us.
    nested = isinstance(item, dict | list)
    text = yaml.safe_dump(item, allow_unicode=True) if nested else str(item)
    # YAML's escapes can spell half of a surrogate pair, which no file and no report can hold.
    return text.strip().encode("utf-8", "backslashreplace").decode("utf-8")
