"""What to read before this upgrade, and the file that says it was read."""

import re
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import yaml

from heat_upgrade_checks import plan as plans
from heat_upgrade_checks.errors import Unobserved, UsageError
from heat_upgrade_checks.evidence.code import release
from heat_upgrade_checks.evidence.notes import release_notes
from heat_upgrade_checks.evidence.notes.acknowledgements import write_acknowledgements
from heat_upgrade_checks.evidence.notes.facts import (
    MUST_ACKNOWLEDGE,
    Acknowledgement,
    Note,
    ReleaseNotes,
)
from heat_upgrade_checks.evidence.notes.fetching import fetch
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.plan import NotesPlan
from heat_upgrade_checks.wording import plain

_FOLDER = "heat-upgrade-notes"
_WIDEST = 100
_NARROWEST = 40
_ITEM = re.compile(r"\s*(?:[-*]|\d+\.)\s+")


def run(plan: Path | None, *, fetch_first: bool) -> Iterator[str]:
    """Lines that show what to read before the plan's upgrade; then write the file to fill in.

    :raises UsageError: the plan cannot be used, the notes cannot be fetched or read, or the file
        cannot be written.
    """
    path = plans.chosen(plan)
    site = Site(plans.load(path)[0], Path())
    return _fetched_and_told(site, path.absolute().parent) if fetch_first else _told(site)


def _told(site: Site) -> Iterator[str]:
    """Each note in the order of reading."""
    try:
        found = release_notes.observe(site)
    except Unobserved as error:
        raise UsageError(plain(str(error))) from None
    yield plain(found.extent)
    for sentence in found.incomplete:
        yield plain(site.secrets.redact(sentence))
    yield from _besides(found)
    signed = {entry.name: entry for entry in found.acknowledgements}
    title = ""
    for note in found.in_order:
        of = _title(note, found)
        if of != title:
            yield from ("", of, "=" * len(of))
            title = of
        yield from _shown(note, found.touches.get(note.name, ()), signed.get(note.name))
    if site.plan.notes is None:
        raise AssertionError("release_notes.observe() refuses a plan without notes")
    path = site.plan.notes.acknowledgements
    to_fill_in, kept = write_acknowledgements(path, found.notes)
    yield ""
    yield f"{path}: {kept} acknowledged, {to_fill_in} to fill in (`by` and `at`)"


def _fetched_and_told(site: Site, plan_folder: Path) -> Iterator[str]:
    """The same with the sdists of both releases, fetched first, and the plan's lines for them."""
    try:
        versions = [release.observe_current(site).version, release.observe_target(site).version]
    except Unobserved as error:
        raise UsageError(plain(str(error))) from None
    planned = site.plan.notes
    beside = planned.acknowledgements.parent if planned else plan_folder
    folder = beside / _FOLDER
    yield (
        f"fetching the sdists of openstack-heat {' and '.join(versions)} into {folder}, from where "
        "pip finds packages; what is there already stays, and none of their code is run"
    )
    current, target = fetch(folder, versions)
    given: dict[str, object] = {"current": current, "target": target}
    if planned:
        given["acknowledgements"] = planned.acknowledgements
    notes = NotesPlan.model_validate(given, context={"folder": plan_folder})
    yield from _told(replace(site, plan=site.plan.model_copy(update={"notes": notes})))
    if notes != planned:
        lines = {key: _from(plan_folder, Path(str(path))) for key, path in given.items()}
        yield ""
        yield "give these lines to the plan, in place of its notes if it has any:"
        yield yaml.safe_dump({"notes": lines}, sort_keys=False).rstrip()


def _from(folder: Path, path: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _title(note: Note, found: ReleaseNotes) -> str:
    if note.name in found.touches:
        return "Touching this deployment"
    return "To be acknowledged" if note.must_be_acknowledged else "For your information"


def _besides(found: ReleaseNotes) -> Iterator[str]:
    if found.lost:
        yield (
            f"{found.current} has notes that {found.target} lacks, and what they tell of may be "
            f"missing there: {plain(', '.join(found.lost))}"
        )
    if found.edited:
        yield f"notes of both releases that read differently: {plain(', '.join(found.edited))}"


def _shown(note: Note, touches: tuple[str, ...], entry: Acknowledgement | None) -> Iterator[str]:
    width = max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size().columns))
    state = ""
    if note.must_be_acknowledged:
        state = "  (to be acknowledged)"
        if entry and entry.is_signature_of(note):
            state = f"  (acknowledged by {plain(entry.by)} at {plain(entry.at)})"
    yield ""
    yield plain(note.name) + state
    for reason in touches:
        yield from _filled(plain(reason), "  touches: ", width)
    order = {section: number for number, section in enumerate(MUST_ACKNOWLEDGE)}
    for section in sorted(note.sections, key=lambda name: (order.get(name, 99), name)):
        yield f"  {plain(section)}:"
        for number, text in enumerate(note.sections[section]):
            if number:
                yield ""
            yield from _paragraphs(text, width)


def _paragraphs(text: str, width: int) -> Iterator[str]:
    """The text filled to the width; list items and indented lines keep their place."""
    paragraph: list[str] = []
    lines = [plain(line) for line in text.strip().expandtabs(4).splitlines()]
    for number, line in enumerate([*lines, ""]):
        if paragraph and (not line.strip() or line[0].isspace() or _ITEM.match(line)):
            item = _ITEM.match(paragraph[0])
            begin = paragraph[0][: item.end()] if item else ""
            yield from _filled(" ".join(paragraph)[len(begin) :], f"    {begin}", width)
            paragraph = []
        if line.startswith(" ") and not _ITEM.match(line):
            yield f"    {line}"
        elif line.strip():
            paragraph.append(line)
        elif number < len(lines):
            yield ""


def _filled(text: str, begin: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=begin,
        subsequent_indent=" " * len(begin),
        break_long_words=False,
        break_on_hyphens=False,
    )
