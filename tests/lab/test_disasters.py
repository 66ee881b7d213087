"""What goes wrong in upgrades, done to a real Heat: the gate before or after it says so."""

from pathlib import Path

import pytest

from tests.lab.disaster import Disaster
from tests.lab.disaster_runs import run
from tests.lab.disasters import DISASTERS

pytestmark = pytest.mark.nightly


@pytest.mark.parametrize("disaster", DISASTERS, ids=[each.name for each in DISASTERS])
def test_its_gate_and_no_gate_before_says_no(disaster: Disaster, tmp_path: Path) -> None:
    told = run(disaster, tmp_path)
    print(*told.before, told.judged, told.remedied, f"{told.seconds:.0f} s", sep="\n")
    assert told.wrong == ()
