"""The embedded deployment tells both upgrades, with the verdicts that they must have."""

import json
from pathlib import Path

from tests.driver import call

ROLLING = [
    ("pre", "go-with-warnings"),
    ("installed", "go"),
    ("synced", "go"),
    ("vhost", "go"),
    ("engine", "go"),
    ("last-engine", "no-go"),
    ("last-engine", "go"),
    ("post", "go"),
]
COLD = [
    ("pre", "go-with-warnings"),
    ("stopped", "go-with-warnings"),
    *((phase, "go") for phase in ("installed", "synced")),
    ("post", "go-with-warnings"),
]


def test_the_demo_passes_every_gate_but_the_one_with_work_left(tmp_path: Path) -> None:
    outcome = call("demo", "--reports", tmp_path / "reports", cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    for name, expected in (("demo-rolling", ROLLING), ("demo-cold", COLD)):
        folder = tmp_path / "reports" / name
        gates = [
            json.loads((path / "gate.json").read_bytes()) for path in sorted(folder.glob("??-*"))
        ]
        assert [(gate["phase"], gate["verdict"]) for gate in gates] == expected
        assert (folder / "index.html").is_file()
        assert [bool(gate["previous"]) for gate in gates] == [False] + [True] * (len(gates) - 1)
        assert str(Path(name) / "index.html") in outcome.out
    no_go = json.loads((tmp_path / "reports/demo-rolling/06-last-engine/gate.json").read_bytes())
    red = {check["id"] for check in no_go["checks"] if check["outcome"] == "failed"}
    assert red == {"queues.empty", "stacks.held-by-host", "stacks.in-progress"}
    assert "7 messages wait" in outcome.out
