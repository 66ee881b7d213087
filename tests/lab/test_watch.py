"""`watch` beside a real Heat whose API and engine go away."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from heat_upgrade_checks.evidence.api.clock import TIMEOUT
from tests.lab.heat import Api
from tests.lab.rolling import CURRENT_VHOST, TARGET_VHOST, Rolling
from tests.waiting import until
from tests.watching import Watch, up, watching

pytestmark = pytest.mark.nightly

# Seconds: each sample's are rounded.
_ROUNDED = 0.1


@pytest.fixture
def watch(lab_25_26: Rolling, tmp_path: Path) -> Iterator[Watch]:
    """A run that has seen the API answer."""
    environment = {
        "HEAT_UPGRADE_PLAN": str(lab_25_26.plan),
        "OS_CLIENT_CONFIG_FILE": str(lab_25_26.clouds_yaml),
    }
    name = yaml.safe_load(lab_25_26.plan.read_text("utf-8"))["name"]
    with watching(name, cwd=tmp_path, environment=environment) as running:
        running.wait_for(up)
        yield running


def _down(watch: Watch) -> float:
    return float(sum(sample["api"]["down"] for sample in watch.samples))


def test_the_downtime_of_a_killed_api_is_measured(lab_25_26: Rolling, watch: Watch) -> None:
    lab, api = lab_25_26.lab, lab_25_26.api
    before = _down(watch)
    api.kill()
    begun = time.monotonic()
    down = watch.wait_for(lambda sample: sample["api"]["up"] is False)
    seen = time.monotonic()
    until(lambda: _down(watch) - before > 5, "some seconds of downtime measured")
    started = time.monotonic()
    again = Api(
        25, CURRENT_VHOST, api.host, api.configuration, log=api.log.with_suffix(".2"), port=api.port
    )
    lab.services.append(again)
    lab_25_26.api = again
    again.wait_up()
    back = watch.wait_for(up)
    ended = time.monotonic()
    code, out, err = watch.stop()
    assert (code, err) == (0, "")
    # It counts from a question that failed to the first that did not, each when it was asked.
    assert started - seen <= _down(watch) - before + _ROUNDED
    assert _down(watch) - before <= ended - begun + TIMEOUT + _ROUNDED
    assert down["stacks"] == 0
    assert down["engines"] == {CURRENT_VHOST: 1, TARGET_VHOST: 0}
    assert back["messages"][CURRENT_VHOST] == 0
    written = out + watch.file.read_text("utf-8")
    written += watch.file.with_name("index.html").read_text("utf-8")
    assert not [secret for secret in lab.secrets if secret in written]
    assert out.splitlines()[-2] in written


def test_an_api_without_an_engine_is_down_and_work_in_flight_is_seen(
    lab_25_26: Rolling, watch: Watch
) -> None:
    lab, engine = lab_25_26.lab, lab_25_26.engine
    lab.create_stack("watched", seconds=6)
    working = watch.wait_for(lambda sample: sample["resources"] == 1)
    assert working["stacks"] == 1
    lab.wait_stack("watched", "CREATE_COMPLETE")
    watch.wait_for(lambda sample: (sample["stacks"], sample["resources"]) == (0, 0))
    engine.freeze()
    try:
        down = watch.wait_for(lambda sample: sample["api"]["up"] is False)
        # Whoever asks in vain leaves a message that the engine was given and does not read.
        waiting = watch.wait_for(lambda sample: (sample["messages"][CURRENT_VHOST] or 0) > 0)
    finally:
        engine.thaw()
    watch.wait_for(up)
    assert "gave no answer within 5 s" in down["api"]["error"]
    assert waiting["messages"][CURRENT_VHOST] > 0
    lab.delete_stack("watched")
