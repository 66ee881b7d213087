"""A replay judges recorded evidence as it was judged, and asks nobody."""

from datetime import datetime
from pathlib import Path

import pytest

from tests.driver import timeless
from tests.plugin.conftest import Site


def test_a_replay_judges_the_same(site: Site) -> None:
    site.demo.database.begin_create("shop-101", site.demo.old[0])
    first = site.judge("last-engine")
    assert first.code == 2
    # Nothing outside is asked: what the plan names is gone.
    site.demo.database.path.unlink()
    site.demo.plan_file.unlink()
    second = site.call("--replay", str(first.folder), "--reports", str(site.folder / "again"))
    assert second.code == 2
    assert timeless(second.gate) == timeless(first.gate)
    assert "replays" in second.folder.parts
    assert not list((site.folder / "again").rglob("index.html"))
    ended = ("started_at", "finished_at", "seconds")
    assert [second.gate[key] for key in ended] == [first.gate[key] for key in ended]
    assert first.gate["replayed_at"] is None
    assert datetime.fromisoformat(second.gate["replayed_at"]) > datetime.fromisoformat(
        first.gate["finished_at"]
    )
    said = second.out.splitlines()
    assert said[-3] == "REPLAY: no answer to the phase's question; NO-GO"
    assert said[-2].startswith("Replay of evidence recorded at ")
    assert "Replay" not in first.written
    # A replay of the replay tells of the same evidence.
    third = site.call("--replay", str(second.folder), "--reports", str(site.folder / "again"))
    assert third.gate["finished_at"] == first.gate["finished_at"]


@pytest.mark.parametrize(
    "damage", ["", "{}", '{"schema": "9"}', '{"schema": "1"}', "[1, 2]", '{"schema": "1", "plan"']
)
def test_a_damaged_recording_is_refused(site: Site, tmp_path: Path, damage: str) -> None:
    (tmp_path / "evidence.json").write_text(damage, "utf-8")
    outcome = site.call("--replay", str(tmp_path))
    assert (outcome.code, outcome.err.count("\n")) == (64, 1)
