"""The comment for the ticket."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from heat_upgrade_checks.records.gate import Gate
from heat_upgrade_checks.report import markdown

GOLDEN = Path(__file__).parent / "golden"


def test_the_comment(no_go: Gate) -> None:
    assert markdown.render(no_go) == (GOLDEN / "no-go.md").read_text()


def test_an_open_gate_is_told_in_few_lines(go: Gate) -> None:
    assert markdown.render(go) == (GOLDEN / "go.md").read_text()


@pytest.mark.parametrize("name", ["no_go", "go", "warned", "incomplete", "unjudged", "huge"])
def test_the_comment_fits_its_field(request: pytest.FixtureRequest, name: str) -> None:
    assert len(markdown.render(request.getfixturevalue(name)).encode()) < 4000


def test_what_is_left_out_is_counted(huge: Gate) -> None:
    comment = markdown.render(huge)
    assert "10000 blockers in 20 checks" in comment
    assert "more; the full list is in gate.json" in comment or "20 in all" in comment


def test_blockers_keep_their_place_longest(make: Callable[..., Gate], no_go: Gate) -> None:
    """Many things not looked at do not push the blockers out."""
    aside = [no_go.checks[-1]] * 80
    comment = markdown.render(make([*no_go.checks, *aside]))
    assert "engine_worker.5f3c0d1e-0004" in comment
    assert "the plan asks for no smoke stack" in comment
    assert "more; the full list is in gate.json" in comment


def test_a_partial_gate_says_so(make: Callable[..., Gate]) -> None:
    assert "**Partial gate**" in markdown.render(make(partial=True))


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("engine_worker.5f3c", "`engine_worker.5f3c`"),
        ("a`b``c", "```a`b``c```"),
        ("`edge`", "`` `edge` ``"),
        ("two\nlines", r"`two\nlines`"),
        ("", "`(none)`"),
    ],
)
def test_names_are_code_spans_that_cannot_be_left(
    make: Callable[..., Gate], name: str, written: str
) -> None:
    gate = make(upgrade=replace(make().upgrade, name=name))
    assert f"- Upgrade: {written}, rolling" in markdown.render(gate)
