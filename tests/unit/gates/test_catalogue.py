"""Every check has an id, a page, and a title that page and list agree on."""

import ast
from collections import defaultdict
from contextlib import nullcontext
from pathlib import Path

import pytest

from heat_upgrade_checks.gates import catalogue
from heat_upgrade_checks.gates.registry import MARK, check
from heat_upgrade_checks.phases import PHASES
from heat_upgrade_checks.records.findings import Outcome
from tests import showing
from tests.judging import file

ROOT = Path(__file__).parents[3]
CHECKS = catalogue.load()


@pytest.mark.parametrize("id", sorted({each.id for each in CHECKS}))
def test_a_check_has_its_page(id: str) -> None:
    page = catalogue.page_of(id).read_text("utf-8")
    mine = [each for each in CHECKS if each.id == id]
    phases = {phase for each in mine for phase in each.phases}
    assert page.startswith(f"# {id}\n\n{mine[0].title}.\n")
    line = next(line for line in page.splitlines() if line.startswith("Phases: "))
    assert set(line.removeprefix("Phases: ").rstrip(".").split(", ")) == phases


@pytest.mark.parametrize("id", sorted({each.id for each in CHECKS}))
def test_a_check_has_a_file_of_its_own(id: str) -> None:
    marked = set(catalogue.marked_in(catalogue.file_of(id).read_text("utf-8")))
    assert marked == {each for each in CHECKS if each.id == id}


@pytest.mark.parametrize("id", sorted({each.id for each in CHECKS}))
def test_what_is_read_of_a_mark_is_what_pytest_is_told(id: str) -> None:
    functions = vars(file(id)).values()
    marks = [mark for each in functions for mark in getattr(each, "pytestmark", ())]
    assert {mark.args[0] for mark in marks} == {each for each in CHECKS if each.id == id}
    assert {mark.name for mark in marks} == {MARK}


def test_a_mark_whose_words_are_made_by_code_is_not_read() -> None:
    source = '@check("a.b", phases=[*PHASES], guide="")\ndef check_it(gate):\n    """Title."""\n'
    assert list(catalogue.marked_in(source)) == []
    read = source.replace("*PHASES", "'pre'")
    assert list(catalogue.marked_in(read)) == [catalogue.Check("a.b", "Title", ("pre",), "")]


def test_every_page_is_of_a_check() -> None:
    pages = set(catalogue.checks_folder().glob("*/*.md"))
    assert pages == {catalogue.page_of(each.id) for each in CHECKS}


def test_functions_that_share_an_id_share_its_title_and_no_phase() -> None:
    seen: dict[tuple[str, str], str] = {}
    titles: dict[str, set[str]] = {}
    for each in CHECKS:
        titles.setdefault(each.id, set()).add(each.title)
        for phase in each.phases:
            assert (each.id, phase) not in seen
            seen[each.id, phase] = each.title
    assert {id: len(found) for id, found in titles.items()} == dict.fromkeys(titles, 1)


def test_every_phase_has_a_check() -> None:
    assert {phase for each in CHECKS for phase in each.phases} == set(PHASES)


@pytest.mark.parametrize(
    ("id", "phases", "document"),
    [
        ("Queues.empty", ["pre"], "Title."),
        ("queues", ["pre"], "Title."),
        ("queues.empty", ["before"], "Title."),
        ("queues.empty", [], "Title."),
        ("queues.empty", ["pre"], ""),
    ],
)
def test_an_author_who_errs_is_told_at_import(id: str, phases: list[str], document: str) -> None:
    def check_it() -> None: ...

    check_it.__doc__ = document
    with pytest.raises(TypeError, match="check_it"):
        check(id, phases=phases, guide="")(check_it)


@pytest.mark.parametrize("id", sorted({each.id for each in CHECKS}))
def test_a_check_is_shown_red_and_green_by_real_sources(id: str) -> None:
    tests = showing.table()[id]
    can_block = "block" in catalogue.file_of(id).read_text("utf-8")
    assert tests.keys() in [{"red", "green"}] + [{"warned", "green"}] * (not can_block)
    for test in tests.values():
        path, _, name = test.partition("::")
        assert path.startswith(("tests/services/", "tests/lab/")), test
        functions = ast.parse((ROOT / path).read_text("utf-8")).body
        assert name in {each.name for each in functions if isinstance(each, ast.FunctionDef)}, test


def test_what_is_shown_is_of_a_check() -> None:
    assert showing.table().keys() == {each.id for each in CHECKS}


@pytest.mark.parametrize(
    ("id", "outcome", "shown"),
    [("a.b", "failed", True), ("a.b", "error", False), ("a.c", "failed", False)],
)
def test_a_test_that_does_not_show_what_the_table_says_fails(
    id: str, outcome: str, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    promised = defaultdict(set, {"test_it": {("a.b", Outcome.FAILED)}})
    monkeypatch.setattr(showing, "_promised", lambda: promised)
    fails = pytest.raises(AssertionError, match="did not show")
    with nullcontext() if shown else fails, showing.watched("test_it[1]"):
        showing.see(id, outcome)
