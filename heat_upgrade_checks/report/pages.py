"""The templates' surroundings: escaping, words and figures, the same on every page."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from heat_upgrade_checks import wording
from heat_upgrade_checks.report import release_notes, sections, words

LONGEST_TEXT = 1000


@cache
def environment() -> Environment:
    """Where pages are rendered; whatever they print is made visible, bounded and escaped."""
    found = Environment(
        loader=PackageLoader("heat_upgrade_checks.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals.update(
        release_notes=release_notes, sections=sections, wording=wording, words=words
    )
    return found


def _printable(value: object) -> str:
    if isinstance(value, Markup):
        return value
    return wording.clipped(wording.visible(str(value)), LONGEST_TEXT)
