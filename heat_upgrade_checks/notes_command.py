"""What to read before this upgrade, and the file that says it was read."""

from collections.abc import Iterator

from heat_upgrade_checks.errors import Unobserved, UsageError
from heat_upgrade_checks.evidence import release_notes
from heat_upgrade_checks.evidence.acknowledgements import write_acknowledgements
from heat_upgrade_checks.evidence.release_note_facts import MUST_ACKNOWLEDGE, Note
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.terminal import plain


def run(site: Site) -> Iterator[str]:
    """Lines that show each note, those to acknowledge first; then write the file to fill in.

    :raises UsageError: the notes cannot be read, or the file cannot be written.
    """
    try:
        found = release_notes.observe(site)
    except Unobserved as error:
        raise UsageError(str(error)) from None
    required = [note for note in found.notes if note.must_be_acknowledged]
    others = [note for note in found.notes if not note.must_be_acknowledged]
    yield found.extent
    for note in [*required, *others]:
        yield from _shown(note)
    if site.plan.notes is None:
        raise AssertionError("release_notes.observe() refuses a plan without notes")
    path = site.plan.notes.acknowledgements
    to_fill_in, kept = write_acknowledgements(path, required)
    yield ""
    yield f"{path}: {kept} acknowledged, {to_fill_in} to fill in (`by` and `at`)"


def _shown(note: Note) -> Iterator[str]:
    yield ""
    yield plain(note.name) + ("  (to be acknowledged)" if note.must_be_acknowledged else "")
    order = {section: number for number, section in enumerate(MUST_ACKNOWLEDGE)}
    for section in sorted(note.sections, key=lambda name: (order.get(name, 99), name)):
        yield f"  {plain(section)}:"
        for text in note.sections[section]:
            for line in text.strip().splitlines():
                yield f"    {plain(line)}"
