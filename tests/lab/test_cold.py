"""A cold upgrade of a real Heat: what still runs, or runs again, in the current release."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.driver import Outcome
from tests.lab.deployment import Lab
from tests.lab.gates import Gates
from tests.lab.rolling import CURRENT_VHOST, TARGET_VHOST, Rolling
from tests.services.processes import interrupted_by_sigterm
from tests.settling import settled

ID = "services.stopped"


pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    with interrupted_by_sigterm(), Lab(tmp_path_factory.mktemp("lab-of-cold")) as lab:
        made = Gates.of(Rolling.prepare(lab, 25, 26), tmp_path_factory.mktemp("gates"))
        made.plan["mode"] = "cold"
        yield made


def _blockers(outcome: Outcome) -> list[str]:
    """The first words of what is named."""
    found = outcome.check(ID)["findings"]
    assert {finding["level"] for finding in found} <= {"blocker"}
    return sorted({finding["object"].partition(" (")[0] for finding in found})


def _until(gates: Gates, when: Callable[[Outcome], bool], *arguments: str) -> Outcome:
    """RabbitMQ lists connections some seconds late."""
    phase = arguments or ("stopped",)
    return settled(lambda: gates.judge(*phase), when, f"this verdict of {phase[0]}")


def test_whatever_still_runs_is_named(gates: Gates) -> None:
    rolling = gates.rolling
    running = _until(gates, lambda it: "uwsgi" in it.out)
    assert running.code == 2
    assert running.red == {ID}
    assert _blockers(running) == ["engine control1", "heat-engine", "uwsgi"]
    assert any(str(pid) in running.out for pid in rolling.api.pids)
    rolling.api.stop()
    rolling.engine.stop()
    stopped = _until(gates, lambda it: it.code == 0)
    assert stopped.code == 0, stopped.out


def test_a_host_whose_code_was_not_replaced_never_passes_in_silence(gates: Gates) -> None:
    lab, only = gates.rolling.lab, ("post", "--only", "services.versions")
    new = lab.engine(26, TARGET_VHOST, "control3", 1).wait_up()
    left_out = lab.engine(25, CURRENT_VHOST, "control2", 1).wait_up()
    # Of two vhosts, its own tells.
    found = _until(gates, lambda it: it.code == 2, *only)
    assert [f["object"] for f in found.check("services.versions")["findings"]] == [
        f"engine control2 ({left_out.engine_ids[0]})"
    ]
    # One vhost tells nothing.
    one = str(lab.configuration(26, CURRENT_VHOST, "control3"))
    found = gates.judge(*only, target={"config": [one]})
    (finding,) = found.check("services.versions")["findings"]
    assert (found.code, finding["level"], finding["data"]["hosts"]) == (1, "warning", ["control2"])
    left_out.stop()
    assert _until(gates, lambda it: it.code == 0, *only).code == 0
    new.stop()


def test_a_killed_engine_counts_as_running_until_its_row_is_old(gates: Gates) -> None:
    # Long enough for a slow machine to judge while the row is fresh.
    interval = 15
    options = {"periodic_interval": str(interval)}
    engine = gates.rolling.lab.engine(25, CURRENT_VHOST, "control2", 1, **options).wait_up()
    engine.kill()
    outcome = gates.judge("stopped", "--only", ID)
    assert outcome.code == 2
    assert "engine control2" in _blockers(outcome)
    time.sleep(2 * interval + 1)
    outcome = gates.judge("stopped")
    assert outcome.code == 0, outcome.out
