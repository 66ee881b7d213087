"""Every check has an id, a page, and a title that page and list agree on."""

import pytest

from heat_upgrade_checks.gates import catalogue
from heat_upgrade_checks.gates.registry import check
from heat_upgrade_checks.phases import PHASES

CHECKS = catalogue.load()


@pytest.mark.parametrize("id", sorted({each.id for each in CHECKS}))
def test_a_check_has_its_page(id: str) -> None:
    page = (catalogue.shipped("docs") / "checks" / f"{id}.md").read_text("utf-8")
    mine = [each for each in CHECKS if each.id == id]
    phases = {phase for each in mine for phase in each.phases}
    assert page.startswith(f"# {id}\n\n{mine[0].title}.\n")
    line = next(line for line in page.splitlines() if line.startswith("Phases: "))
    assert set(line.removeprefix("Phases: ").rstrip(".").split(", ")) == phases


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
