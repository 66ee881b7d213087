"""The baseline lies in its gate's folder, whole or not at all, however the gate ends."""

import gzip
import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.driver import Outcome
from tests.plugin.conftest import Site

FILE = "baseline.jsonl.gz"


def _stored(outcome: Outcome) -> list[dict[str, Any]]:
    """The lines of a gate's baseline, which is the one that its evidence names."""
    content = (outcome.folder / FILE).read_bytes()
    evidence = json.loads((outcome.folder / "evidence.json").read_bytes())
    facts = evidence["observations"]["baseline"]["facts"]
    assert facts["sha256"] == hashlib.sha256(content).hexdigest()
    assert (outcome.folder / FILE).stat().st_mode & 0o777 == 0o640
    return [json.loads(line) for line in gzip.decompress(content).splitlines()]


def _unfinished(site: Site) -> list[Path]:
    return [path for path in site.folder.rglob(".*") if "baseline" in path.name or path.is_dir()]


def test_the_last_round_stores_it(site: Site) -> None:
    backup = site.demo.folder / "heat.backup.sqlite"
    backup.rename(backup.with_suffix(".away"))

    def come_back() -> None:
        site.demo.database.begin_create("shop-100", site.demo.old[0])
        site.demo.database.end_create()
        backup.with_suffix(".away").rename(backup)

    outcome = site.judge("pre", "--wait", "1h", "--interval", "1s", meanwhile=come_back)
    assert outcome.code == 0, outcome.out
    lines = _stored(outcome)
    assert lines[-1]["end"]["stacks"] == 25
    assert "shop-100" in {line.get("name") for line in lines}
    assert _unfinished(site) == []


def test_a_replay_stores_none(site: Site) -> None:
    first = site.judge("pre")
    assert _stored(first)
    again = site.call("--replay", str(first.folder), "--reports", str(site.folder / "again"))
    assert again.check("stacks.preserved") == first.check("stacks.preserved") | {
        "seconds": again.check("stacks.preserved")["seconds"]
    }
    assert not (again.folder / FILE).exists()


def test_a_database_that_is_not_heats_leaves_none(site: Site) -> None:
    with closing(sqlite3.connect(site.demo.database.path)) as connection, connection:
        connection.execute("ALTER TABLE raw_template RENAME TO elsewhere")
    outcome = site.judge("pre", "--only", "stacks.preserved")
    assert (outcome.code, outcome.red) == (3, {"stacks.preserved"})
    assert not (outcome.folder / FILE).exists()
    assert _unfinished(site) == []


def test_ctrl_c_leaves_nothing_unfinished(site: Site) -> None:
    (site.demo.folder / "heat.backup.sqlite").unlink()
    outcome = site.interrupt("pre")
    # The missing backup is a blocker; the interruption makes the gate incomplete.
    assert (outcome.code, outcome.gate["verdict"]) == (3, "incomplete")
    assert _stored(outcome)
    assert _unfinished(site) == []


@pytest.mark.parametrize("damage", ["gone", "cut", "changed"])
def test_post_refuses_a_baseline_that_is_not_as_it_was_left(site: Site, damage: str) -> None:
    before = site.judge("pre")
    assert before.code == 0
    path = before.folder / FILE
    match damage:
        case "gone":
            path.unlink()
        case "cut":
            path.write_bytes(path.read_bytes()[:-30])
        case "changed":
            path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())))
    outcome = site.judge("post", "--only", "stacks.preserved")
    assert (outcome.code, outcome.red) == (3, {"stacks.preserved"})
    assert str(path) in outcome.check("stacks.preserved")["reason"]


def test_post_without_pre_cannot_tell(site: Site) -> None:
    only = ("--only", "stacks.preserved", "--only", "stacks.failed-by-upgrade")
    assert site.judge("pre", "--only", "stacks.preserved").code == 0
    outcome = site.judge("post", *only)
    assert (outcome.code, outcome.red) == (3, {"stacks.preserved", "stacks.failed-by-upgrade"})
    for id in outcome.red:
        assert "run each phase with the same --reports" in outcome.check(id)["reason"]
