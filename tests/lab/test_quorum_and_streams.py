"""Quorum queues, stream fanouts and the queue manager on either side: nothing is misread."""

from collections.abc import Iterator

import pytest

from tests.lab.deployment import Lab
from tests.lab.gates import Gates
from tests.lab.rolling import CURRENT_VHOST, TARGET_VHOST, Rolling
from tests.services.processes import interrupted_by_sigterm

pytestmark = pytest.mark.nightly

MODERN: dict[str, str] = {
    f"oslo_messaging_rabbit__{name}": value
    for name, value in (
        ("rabbit_quorum_queue", "true"),
        ("rabbit_transient_quorum_queue", "true"),
        ("rabbit_stream_fanout", "true"),
        ("rabbit_qos_prefetch_count", "10"),
        ("use_queue_manager", "true"),
    )
}


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    """Heat 25 with classic queues, 26 configured with all that is newer."""
    with interrupted_by_sigterm(), Lab(tmp_path_factory.mktemp("lab-of-queues")) as lab:
        rolling = Rolling.prepare(lab, 25, 26)
        lab.db_sync(26)
        lock_path = {"oslo_concurrency__lock_path": str(lab.folder)}
        target = lab.configuration(26, TARGET_VHOST, "control2", **MODERN, **lock_path)
        yield Gates.of(
            rolling,
            tmp_path_factory.mktemp("gates"),
            current={"engines": ["control1"]},
            target={"engines": ["control2"], "config": [str(target)]},
        )


def test_an_engine_with_quorum_queues_and_streams_is_placed(gates: Gates) -> None:
    lab = gates.rolling.lab
    before = gates.judge("vhost")
    assert not before.red, before.out
    assert before.check("vhost.queue-arguments")["outcome"] == "passed"
    lock_path = {"oslo_concurrency__lock_path": str(lab.folder)}
    engine = lab.engine(26, TARGET_VHOST, "control2", 1, **MODERN, **lock_path).wait_up()
    types = {queue["name"]: queue["type"] for queue in lab.rabbitmq.queues(TARGET_VHOST)}
    assert types["engine_worker"] == "quorum"
    assert types["engine_fanout"] == "stream"
    outcome = gates.judge("engine", "--host", "control1")
    # It is placed on the new vhost; control1 has the last engine on the old one.
    assert outcome.red == {"services.alive"}, outcome.out
    # The same queues as the old side's: a stream never drops to zero, and holds no work.
    old = {"config": gates.plan["target"]["config"]}
    lab.rabbitmq.publish(TARGET_VHOST, "engine_fanout", "{}")
    drained = gates.judge("last-engine", "--only", "queues.empty", current=old)
    assert drained.check("queues.empty")["outcome"] == "passed", drained.out
    engine.freeze()
    lab.rabbitmq.publish(TARGET_VHOST, "engine_worker", "{}")
    full = gates.judge("last-engine", "--only", "queues.empty", current=old)
    engine.kill()
    found = [finding["object"] for finding in full.check("queues.empty")["findings"]]
    assert "queue engine_worker" in found


def test_classic_leftovers_clash_with_quorum_queues(gates: Gates) -> None:
    """The target's vhost is one on which classic queues were left behind."""
    lab = gates.rolling.lab
    used = lab.configuration(26, CURRENT_VHOST, "control3", **MODERN)
    lab.add_vhost("elsewhere")
    here = lab.configuration(25, "elsewhere", "control3")
    outcome = gates.judge(
        "vhost",
        "--only",
        "vhost.queue-arguments",
        current={"config": [str(here)]},
        target={"config": [str(used)]},
    )
    assert outcome.code == 2
    found = {finding["object"] for finding in outcome.check("vhost.queue-arguments")["findings"]}
    assert any("engine_worker" in name for name in found)
