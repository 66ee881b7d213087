"""Every release note stands in the reports, with who answers for having read it."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from heat_upgrade_checks.records.findings import CheckResult, Finding, Level, outcome_of
from heat_upgrade_checks.records.gate import Gate
from heat_upgrade_checks.report import html, junit, markdown, release_notes, sections
from tests.unit.report.test_hostile import ATTACKS, UNSEEN

Read = Callable[[str], Any]
Make = Callable[..., Gate]


def note(name: str, level: Level = Level.NOTE, summary: str = "", **data: Any) -> Finding:
    """What the check says of one note."""
    record = {"sha256": "ab" * 32, "sections": ["upgrade", "fixes"], "asks": ["upgrade"]}
    return Finding(level, name, summary, "", (), record | data)


def judged(*findings: Finding) -> CheckResult:
    """The check's record."""
    return CheckResult(
        release_notes.CHECK,
        "release",
        "Every note was read",
        "plan to upgrade",
        outcome_of(findings),
        "",
        0.1,
        "two sdists",
        findings,
    )


SIGNED = note("b.yaml", by="Ann", at="2026-11-22", remark="look at pipelines", touches=["x is set"])
OPEN = note("a.yaml", Level.BLOCKER, "is not acknowledged (upgrade)", by="", at="", remark="")
INFORMING = note("c.yaml", asks=[], sections=["fixes"], by="", at="", remark="")
TOLD = Finding(Level.NOTE, "what the notes touch", "stacks could not be told")


def test_the_page_has_a_row_for_each_note(make: Make, read: Read) -> None:
    gate = make([judged(OPEN, TOLD, SIGNED, INFORMING)])
    text = read(html.render(gate)).text
    at = text.index("Release notes (3)")
    assert text[at:].splitlines()[1:24] == [
        "Note, and its SHA-256",
        "State",
        "Sections",
        "By",
        "At",
        "Remark",
        "a.yaml",
        "ab" * 32,
        "open",
        "upgrade, fixes",
        "b.yaml",
        "ab" * 32,
        "acknowledged",
        "touches this deployment: x is set",
        "upgrade, fixes",
        "Ann",
        "2026-11-22",
        "look at pipelines",
        "c.yaml",
        "ab" * 32,
        "for information",
        "fixes",
        "Notes (1)",
    ]
    assert sections.notes(gate).findings == (TOLD,)


def test_the_comment_has_a_line_for_each_note(make: Make) -> None:
    comment = markdown.render(make([judged(OPEN, SIGNED, INFORMING)]))
    assert comment.endswith(
        "\n### Release notes\n\n"
        "- `a.yaml` open (upgrade, fixes), SHA-256 `abababababab`\n"
        "- `b.yaml` acknowledged by Ann at 2026-11-22: look at pipelines (upgrade, fixes); "
        "touches this deployment: x is set, SHA-256 `abababababab`\n"
        "- `c.yaml` for information (fixes), SHA-256 `abababababab`\n"
    )


def test_notes_take_only_the_room_that_the_rest_leaves(make: Make, no_go: Gate) -> None:
    many = [note(f"{number:03}.yaml", by="Ann", at="2026-11-22") for number in range(150)]
    gate = make([judged(*many), *no_go.checks])
    comment = markdown.render(gate)
    assert comment.startswith(markdown.render(make([judged(), *no_go.checks])).rstrip("\n")[:900])
    assert "more; the full list is in gate.json" in comment.partition("### Release notes")[2]
    assert len(comment.encode()) < markdown.SIZE_LIMIT
    assert "149.yaml" in html.render(gate)


def test_a_gate_without_the_check_says_nothing_of_notes(no_go: Gate) -> None:
    assert release_notes.rows(no_go) == ()
    assert "Release notes" not in html.render(no_go) + markdown.render(no_go)


@pytest.mark.parametrize("attack", list(ATTACKS.values()), ids=list(ATTACKS))
def test_notes_and_signatures_of_strangers_stay_text(make: Make, read: Read, attack: str) -> None:
    hostile = {key: attack for key in ("sha256", "by", "at", "remark")}
    row = note(attack, Level.NOTE, attack, **hostile, sections=[attack], touches=[attack, {"x": 1}])
    peaceful, gate = make([judged(SIGNED)]), make([judged(row)])
    page = html.render(gate)
    seen, expected = read(page), read(html.render(peaceful))
    assert seen.tags <= expected.tags
    assert {name for name, _ in seen.attributes} <= {name for name, _ in expected.attributes}
    comment = markdown.render(gate)
    assert not UNSEEN.search(page + comment)
    assert "49}" not in page
    assert len(comment.encode()) < markdown.SIZE_LIMIT
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(comment)
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "strong_open", "strong_close", "code_inline", "text_special"}
    assert {token.type.partition("_")[0] for token in tokens} <= {
        "heading",
        "paragraph",
        "bullet",
        "list",
        "inline",
    }
    ElementTree.fromstring(junit.render(gate))  # noqa: S314
