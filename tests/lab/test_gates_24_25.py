"""The pair whose API scripts vanish: one schema, one RPC version, heat-api moves to uWSGI."""

from pathlib import Path

import pytest

from tests.lab.gates import Gates
from tests.lab.rolling import Rolling

# `test_code.py` tells of the scripts in every run.
pytestmark = pytest.mark.nightly


@pytest.fixture
def gates(lab_24_25: Rolling, tmp_path: Path) -> Gates:
    found = Gates.of(lab_24_25, tmp_path)
    found.acknowledge()
    return found


def test_pre_and_installed_are_go(gates: Gates) -> None:
    assert gates.call("rehearse").code == 0
    pre = gates.judge("pre")
    assert pre.code == 0, pre.out
    assert pre.gate["upgrade"]["current"] == {"version": "24.1.2", "series": "2025.1"}
    assert pre.gate["upgrade"]["target"] == {"version": "25.0.2", "series": "2025.2"}
    assert gates.judge("installed").code == 0


def test_the_schema_does_not_change(gates: Gates) -> None:
    assert gates.judge("synced").code == 0


def test_the_notes_are_the_difference_of_the_two_sdists(gates: Gates) -> None:
    names = [line.split()[0] for line in gates.call("notes").out.splitlines() if ".yaml " in line]
    assert [name.rpartition("-")[0] for name in sorted(names) if name.endswith(".yaml")] == [
        "deprecate-legacy-engine",
        "deprecate-root_app_factory",
        "drop-heat-wsgi-scripts-using-eventlet",
        "remove-monasca",
        "remove-py39",
    ]


def test_one_rpc_version_makes_a_shared_vhost_possible(gates: Gates) -> None:
    lab = gates.rolling.lab
    one = {"config": [str(lab.configuration(25, lab.vhosts[0], "control2"))]}
    outcome = gates.judge(
        "installed", "--only", "vhost", target=one, broker={"isolation": "shared"}
    )
    assert outcome.check("vhost.rpc-compatible")["outcome"] == "passed"
