"""The list of what is asked has each source, by the words in which a gate speaks of it."""

import re
from pathlib import Path

from heat_upgrade_checks.evidence.sources import SOURCES

PAGE = Path(__file__).parents[3] / "docs" / "read-only.md"


def _rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    (section,) = re.findall(
        rf"^## {heading}\n(.*?)(?:^## |\Z)", PAGE.read_text("utf-8"), re.M | re.S
    )
    lines = [line.strip("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.split(" | ")] for line in lines[2:]]


def test_each_source_has_its_line_and_each_line_its_source() -> None:
    rows = _rows("The sources")
    told = [(name.strip("`"), title) for name, title, *_ in rows]
    assert told == [(source.name, source.title) for source in SOURCES.values()]


def test_each_source_asks_something_in_ways_that_are_told() -> None:
    ways = {way for way, *_ in _rows("The ways")}
    for name, _, asks, used in _rows("The sources"):
        assert asks, name
        assert set(used.split(", ")) <= ways, name
