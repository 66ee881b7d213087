"""The page on disasters tells of every one of them, and of no wrong verdict."""

from tests.lab import disaster_runs
from tests.lab.disasters import DISASTERS

PAGE = disaster_runs.PAGE.read_text("utf-8")


def _cells(line: str) -> dict[str, str]:
    return dict(zip(disaster_runs.COLUMNS, line.strip("| ").split(" | "), strict=True))


def test_the_page_lists_each_disaster_once_with_the_verdict_that_it_should_have() -> None:
    lines = disaster_runs.lines(PAGE)
    told = [_cells(line) for line in lines]
    assert [cells["No."] for cells in told] == [str(each.number) for each in DISASTERS]
    for cells, disaster in zip(told, DISASTERS, strict=True):
        assert cells["Disaster"] == disaster.title
        assert cells["Wrong step"] == disaster.wrong_step
        assert cells["Gate"] == disaster.gate.replace("--host ", "")
        assert cells["Given"] == cells["Expected"] == disaster.expected
        assert disaster.ids <= {id.partition(" (")[0] for id in cells["Red"].split("; ")}
    assert "**Wrong verdicts: 0.**" in PAGE
    assert f"\n{len(DISASTERS)} wrong steps" in PAGE
