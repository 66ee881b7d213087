"""The release notes that the target adds, and who has acknowledged them."""

import hashlib
from collections.abc import Mapping

import yaml

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence import release
from heat_upgrade_checks.evidence.acknowledgements import read_acknowledgements
from heat_upgrade_checks.evidence.release_note_facts import Note, ReleaseNotes
from heat_upgrade_checks.evidence.release_note_sources import read_notes, read_tag
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.yaml_documents import UNREADABLE_YAML


def observe(site: Site) -> ReleaseNotes:
    """The notes between both releases, and the acknowledgements, that the plan names."""
    plan = site.plan.notes
    if plan is None:
        raise Unobserved(
            "the plan names no release notes; "
            "add: notes: {current: SDIST_OR_FOLDER, target: SDIST_OR_FOLDER}"
        )
    if plan.current is not None and plan.target is not None:
        names = str(plan.current), str(plan.target)
        current, target = read_notes(plan.current), read_notes(plan.target)
    elif plan.git is not None:
        names = release.observe_current(site).version, release.observe_target(site).version
        current, target = (read_tag(plan.git, version) for version in names)
    notes = new_notes(current, target)
    acknowledgements = read_acknowledgements(plan.acknowledgements)
    return ReleaseNotes(*names, notes, str(plan.acknowledgements), acknowledgements)


def new_notes(current: Mapping[str, bytes], target: Mapping[str, bytes]) -> tuple[Note, ...]:
    """The notes whose file names only the target has, sorted by name.

    A note that was backported to the current release has the same name there.
    """
    return tuple(_note(name, target[name]) for name in sorted(target.keys() - current.keys()))


def _note(name: str, content: bytes) -> Note:
    try:
        # safe_load shares what aliases name and gives up on deep nesting, which scan does not.
        parsed = yaml.safe_load(content)
        aliases = any(isinstance(token, yaml.AliasToken) for token in yaml.scan(content))
    except UNREADABLE_YAML:
        raise Unobserved(f"release note {name} is no readable YAML: read it by hand") from None
    if aliases:
        # Written out, aliases of aliases unfold without limit; the notes of Heat have none.
        raise Unobserved(f"release note {name} has YAML aliases: read it by hand")
    if not isinstance(parsed, dict):
        raise Unobserved(f"release note {name} has no sections: read it by hand")
    sections = {str(section): _texts(texts) for section, texts in parsed.items()}
    return Note(name, hashlib.sha256(content).hexdigest(), sections)


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
