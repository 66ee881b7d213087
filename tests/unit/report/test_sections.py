"""What a gate says first, and which check stands where."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from markupsafe import escape

from heat_upgrade_checks.records.findings import Finding, Level, Outcome, Verdict
from heat_upgrade_checks.records.gate import Gate
from heat_upgrade_checks.report import html, index, junit, markdown, sections
from heat_upgrade_checks.report.words import ANSWERS

LATER = datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "headline", "answer"),
    [
        (
            "no_go",
            "NO-GO: 25 blockers in 2 checks, 1 check could not tell",
            "No. Do not take the next step.",
        ),
        ("go", "GO: 1 check passed", "Yes. The next step may be taken."),
        (
            "warned",
            "GO WITH WARNINGS: 1 warning, 1 check waived",
            "Yes, with warnings. Read them before the next step.",
        ),
        (
            "incomplete",
            "INCOMPLETE: 1 check could not tell",
            "Could not tell. Do not take the next step.",
        ),
        (
            "unjudged",
            "INCOMPLETE: nothing was judged",
            "Could not tell. Do not take the next step.",
        ),
    ],
)
def test_the_verdict_in_words(
    request: pytest.FixtureRequest, name: str, headline: str, answer: str
) -> None:
    gate: Gate = request.getfixturevalue(name)
    assert (sections.headline(gate), sections.answer(gate)) == (headline, answer)


def test_incomplete_without_an_error_is_not_told_as_passed(go: Gate) -> None:
    gate = replace(go, verdict=Verdict.INCOMPLETE)
    assert sections.headline(gate) == "INCOMPLETE: not every check was judged"


def test_every_check_that_is_not_green_stands_in_its_section(no_go: Gate) -> None:
    stands = {
        section.title: [(entry.check.id, len(entry.findings)) for entry in section.entries]
        for section in (
            sections.blockers(no_go),
            sections.errors(no_go),
            sections.warnings(no_go),
            sections.waived(no_go),
            sections.not_looked_at(no_go),
            sections.notes(no_go),
        )
    }
    assert stands == {
        "Blockers": [("queues.empty", 24), ("stacks.held-by-host", 1)],
        "Could not tell": [("services.alive", 0)],
        "Warnings": [("vhost.notifications", 1)],
        "Waived": [("stacks.waiting-on-signals", 1)],
        "Not looked at": [("api.smoke", 0)],
        "Notes": [("stacks.held-by-host", 1)],
    }


def test_a_failed_check_without_a_finding_is_not_lost(make: Callable[..., Gate], go: Gate) -> None:
    gate = make([replace(go.checks[0], outcome=Outcome.FAILED)])
    assert [entry.check.id for entry in sections.blockers(gate).entries] == ["queues.no-api-left"]


def test_a_blocker_found_before_the_source_failed_is_shown_twice(
    make: Callable[..., Gate], incomplete: Gate
) -> None:
    found = Finding(Level.BLOCKER, "engine ctl-2", "no report for 3 min")
    gate = make([replace(incomplete.checks[1], findings=(found,))])
    assert sections.blockers(gate).findings == (found,)
    assert [entry.check.id for entry in sections.errors(gate).entries] == ["services.alive"]


def test_outcomes_are_tallied_worst_first(no_go: Gate) -> None:
    assert sections.tally(no_go) == (
        "7 checks: 2 failed, 1 could not tell, 1 warned, 1 waived, 1 passed, 1 not applicable"
    )


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"partial": True}, "PARTIAL: no answer to the phase's question"),
        ({"replayed_at": LATER}, "REPLAY: no answer to the phase's question"),
        (
            {"partial": True, "replayed_at": LATER},
            "PARTIAL REPLAY: no answer to the phase's question",
        ),
    ],
)
def test_what_is_no_answer_says_so_first_in_every_report(
    go: Gate, changes: dict[str, Any], first: str, verdict: Verdict
) -> None:
    gate = replace(go, verdict=verdict, **changes)
    page = html.render(gate)
    assert page.partition("<title>")[2].startswith(escape(first))
    assert page.partition("<h1>")[2].startswith(escape(first))
    assert markdown.render(gate).startswith(f"## {first}; ")
    (suite,) = ElementTree.fromstring(junit.render(gate))  # noqa: S314
    assert suite.attrib["name"] == f"{first}; heat-upgrade-check {gate.phase}"
    reports = [page, markdown.render(gate), junit.render(gate).decode()]
    if not gate.replayed_at:
        told = index.render([("01-x", gate)])
        assert told.partition("<h1>")[2].startswith(escape(first))
        assert f"<td>{escape(first)}" in told
        reports.append(told)
    assert not any(answer in report for report in reports for answer in ANSWERS.values())


def test_a_phase_of_another_version_is_named(make: Callable[..., Gate]) -> None:
    assert sections.question(make(phase="later")) == "Is it safe to go on after phase later?"


def test_every_report_of_a_replay_says_that_it_is_no_gate(make: Callable[..., Gate]) -> None:
    gate = make(replayed_at=datetime(2026, 11, 24, 8, tzinfo=UTC))
    said = "Replay of evidence recorded at 2026-11-22 09:14:05+00:00; it is no gate."
    assert markdown.render(gate).splitlines()[2] == f"**{said}**"
    page = html.render(gate)
    assert markdown.render(gate).startswith("## REPLAY: no answer to the phase's question; NO-GO: ")
    assert page.index("</h1>") < page.index(said) < page.index('class="question"')
    assert b'name="replayed_at" value="2026-11-24 08:00:00+00:00"' in junit.render(gate)
    for report in (markdown.render, html.render, junit.render):
        assert "eplay" not in str(report(make()))
