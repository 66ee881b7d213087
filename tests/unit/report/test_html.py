"""The gate page, as a browser with and without style sheets sees it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heat_upgrade_checks.records.gate import Gate
from heat_upgrade_checks.report import html

GOLDEN = Path(__file__).parent / "golden"
Read = Callable[[str], Any]


def test_the_text_of_the_page(no_go: Gate, read: Read) -> None:
    """What is left where the browser refuses style sheets, in reading order."""
    assert read(html.render(no_go)).text == (GOLDEN / "no-go.txt").read_text()


@pytest.mark.parametrize("name", ["no_go", "go", "warned", "incomplete", "unjudged", "huge"])
def test_the_page_needs_nothing_but_itself(
    request: pytest.FixtureRequest, name: str, read: Read
) -> None:
    page = html.render(request.getfixturevalue(name))
    seen = read(page)
    assert len(page.encode()) < html.SIZE_LIMIT
    assert not seen.tags & {"script", "link", "img", "iframe", "object", "embed", "form"}
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name == "style"]
    assert not [name for name, _ in seen.attributes if name in ("src", "srcset", "background")]
    assert all(value.startswith("#") for name, value in seen.attributes if name == "href")
    assert not re.search(r"@import|url\(", page)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("no_go", "NO-GO: 25 blockers"),
        ("go", "GO: 1 check passed"),
        ("warned", "GO WITH WARNINGS: 1 warning"),
        ("incomplete", "INCOMPLETE: 1 check could not tell"),
        ("unjudged", "INCOMPLETE: nothing was judged"),
    ],
)
def test_the_verdict_comes_first(
    request: pytest.FixtureRequest, name: str, first: str, read: Read
) -> None:
    unstyled = re.sub(
        r"<style>.*</style>", "", html.render(request.getfixturevalue(name)), flags=re.S
    )
    assert "<style" not in unstyled
    assert read(unstyled).text.startswith(first)


def test_each_check_has_one_anchor_and_every_link_leads_somewhere(no_go: Gate, read: Read) -> None:
    page = read(html.render(no_go))
    anchors = [value for name, value in page.attributes if name == "id"]
    assert len(anchors) == len(set(anchors))
    assert {check.id for check in no_go.checks} <= set(anchors)
    assert {value[1:] for name, value in page.attributes if name == "href"} <= set(anchors)


def test_lists_are_cut_at_twenty(no_go: Gate, read: Read) -> None:
    text = read(html.render(no_go)).text
    assert "engine_worker.5f3c0d1e-0019" in text
    assert "engine_worker.5f3c0d1e-0020" not in text
    assert "and 4 more; the full list is in gate.json" in text


def test_five_hundred_findings_of_twenty_checks_are_counted(huge: Gate, read: Read) -> None:
    text = read(html.render(huge)).text
    assert text.startswith("NO-GO: 10000 blockers in 20 checks")
    assert all(check.id in text for check in huge.checks)
    assert "480 more" in text or "495 more" in text


@pytest.mark.parametrize(("partial", "said"), [(True, 1), (False, 0)])
def test_a_partial_gate_says_so(
    make: Callable[..., Gate], read: Read, partial: bool, said: int
) -> None:
    assert read(html.render(make(partial=partial))).text.count("Partial gate:") == said


def test_a_whole_gate_says_that_nothing_was_left_out(go: Gate, read: Read) -> None:
    assert "nothing; every check of the phase applied" in read(html.render(go)).text


def test_dark_mode_and_print_have_their_rules(go: Gate) -> None:
    page = html.render(go)
    assert "@media (prefers-color-scheme: dark)" in page
    assert "@media print" in page
