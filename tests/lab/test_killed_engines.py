"""Engines that were killed with casts of theirs unread: what they leave is named."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.lab.deployment import Lab
from tests.lab.gates import Gates
from tests.lab.rolling import CURRENT_VHOST, Rolling
from tests.services.processes import interrupted_by_sigterm

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    with interrupted_by_sigterm(), Lab(tmp_path_factory.mktemp("lab-of-killed")) as lab:
        yield Gates.of(Rolling.prepare(lab, 25, 26), tmp_path_factory.mktemp("gates"))


def test_casts_left_by_killed_engines_are_named_with_queue_and_count(gates: Gates) -> None:
    lab, engine = gates.rolling.lab, gates.rolling.engine
    frozen = lab.engine(25, CURRENT_VHOST, "control5").wait_up()
    frozen.freeze()

    def create(number: int) -> None:
        # What went to the frozen engine gets no answer, and which did is the broker's choice.
        with contextlib.suppress(requests.HTTPError):
            lab.create_stack(f"many-{number}", seconds=1, steps=3)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(create, range(6)))
    engine.kill()
    frozen.kill()
    outcome = gates.judge("last-engine", "--only", "queues.empty")
    assert outcome.red == {"queues.empty"}
    found = {f["object"]: f["data"] for f in outcome.check("queues.empty")["findings"]}
    assert found["queue engine_worker"]["ready"] > 0
    assert found["queue engine_worker"]["messages"] == [], "nothing is looked into unasked"
    # With the plan's leave each message tells its stack, and stays where it is.
    peeked = gates.judge("last-engine", "--only", "queues.empty", broker={"peek": True})
    again = {f["object"]: f for f in peeked.check("queues.empty")["findings"]}[
        "queue engine_worker"
    ]
    assert again["data"]["ready"] == found["queue engine_worker"]["ready"]
    messages = again["data"]["messages"]
    assert len(messages) == again["data"]["ready"]
    for message in messages:
        assert message["method"] == "check_resource"
        assert message["stack_name"].startswith("many-")
        assert f"check_resource for stack {message['stack_name']} (" in again["summary"]
