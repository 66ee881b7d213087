"""What `declarations` says, held against oslo.messaging of a real Heat on a real RabbitMQ."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from heat_upgrade_checks.heat.declarations import (
    BrokerObject,
    MessagingOptions,
    clashes,
    contradictions,
    declared,
    without_durability,
)
from tests.lab import venvs
from tests.services.processes import interrupted_by_sigterm
from tests.services.rabbitmq import RabbitMQ

RELEASE = 26
SCRIPT = Path(__file__).parent / "declare_as_engine.py"
TOPICS = ("engine", "engine_worker", "heat-engine-listener")
STREAMS: dict[str, Any] = {
    "rabbit_stream_fanout": True,
    "rabbit_transient_quorum_queue": True,
    "rabbit_qos_prefetch_count": 10,
}


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A running RabbitMQ."""
    with interrupted_by_sigterm(), RabbitMQ(tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server


@pytest.fixture
def vhost(rabbitmq: RabbitMQ) -> str:
    """A fresh vhost."""
    name = f"declared-{uuid4().hex[:8]}"
    rabbitmq.add_vhost(name)
    return name


@pytest.fixture
def process_name() -> Iterator[str]:
    """A name of which the queue manager keeps a counter in shared memory."""
    name = f"heat-engine-{uuid4().hex[:8]}"
    yield name
    Path(f"/dev/shm/ctl1_{name}_qmanager").unlink(missing_ok=True)  # noqa: S108


@contextmanager
def _engine(
    folder: Path, rabbitmq: RabbitMQ, vhost: str, options: dict[str, Any], process_name: str
) -> Iterator[str]:
    """What an engine with these options says once it listens, or has died."""
    url = rabbitmq.url(vhost, rabbitmq.administrator, rabbitmq.administrator_password)
    lines = [f"[DEFAULT]\ntransport_url = {url}\n[oslo_messaging_rabbit]"]
    lines += ["hostname = ctl1", f"processname = {process_name}"]
    lines += [f"{name} = {value}" for name, value in options.items()]
    (folder / "heat.conf").write_text("\n".join(lines), "utf-8")
    command = [str(venvs.interpreter(RELEASE)), str(SCRIPT), str(folder / "heat.conf"), str(folder)]
    with (
        (folder / "engine.log").open("w") as log,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            # The queue manager looks its process group's leader up, and ours may be gone.
            start_new_session=True,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def _objects(rabbitmq: RabbitMQ, vhost: str) -> list[BrokerObject]:
    found = []
    for kind, path in (("exchange", "exchanges"), ("queue", "queues")):
        for row in rabbitmq.call("GET", f"{path}/{vhost}"):
            if row["name"] and not row["name"].startswith("amq."):
                shape = (row["type"], row["durable"], row["auto_delete"], row["arguments"])
                found.append(BrokerObject(kind, row["name"], *shape))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"amqp_durable_queues": True, "rabbit_transient_queues_ttl": 0, "use_queue_manager": True},
        {"amqp_auto_delete": True, "rabbit_ha_queues": True, "use_queue_manager": True},
        {
            "rabbit_quorum_queue": True,
            "rabbit_quorum_delivery_limit": 5,
            "rabbit_quorum_max_memory_length": 100,
            "rabbit_quorum_max_memory_bytes": 100000,
        },
        {
            "rabbit_transient_quorum_queue": True,
            "rabbit_quorum_delivery_limit": 3,
            "use_queue_manager": True,
        },
        {**STREAMS, "rabbit_quorum_queue": True, "use_queue_manager": True},
        {**STREAMS, "rabbit_transient_queues_ttl": 0},
    ],
)
def test_an_engine_declares_what_is_said_of_it(
    options: dict[str, Any], rabbitmq: RabbitMQ, vhost: str, process_name: str, tmp_path: Path
) -> None:
    with _engine(tmp_path, rabbitmq, vhost, options, process_name) as said:
        assert said == "READY"
        found = _objects(rabbitmq, vhost)
    given = MessagingOptions(**options)
    predicted = [declared(each.kind, each.name, given) for each in found]
    for each, wanted in zip(found, predicted, strict=True):
        random = "_fanout_" in each.name or each.name.startswith("reply_")
        of_engine = each.name.endswith("11111111-1111-4111-8111-111111111111")
        if of_engine or (random and not given.use_queue_manager):
            assert wanted is None
        else:
            assert wanted == each
    assert len([wanted for wanted in predicted if wanted]) >= 2 * len(TOPICS) + 2


@pytest.mark.parametrize(
    ("left", "options"),
    [
        (BrokerObject("queue", "engine", "quorum", True, False, {"x-queue-type": "quorum"}), {}),
        (BrokerObject("queue", "engine", "classic", False, False), {"rabbit_quorum_queue": True}),
        (BrokerObject("queue", "engine", "classic", True, False), {}),
        (BrokerObject("queue", "engine", "classic", False, False, {"x-max-length": 9}), {}),
        (BrokerObject("queue", "engine", "classic", False, False, {"x-ha-policy": "all"}), {}),
        (BrokerObject("queue", "engine", "classic", False, False), {"amqp_durable_queues": True}),
        (BrokerObject("exchange", "heat", "topic", True, False), {}),
        (BrokerObject("exchange", "heat", "direct", False, False), {}),
        (BrokerObject("exchange", "heat", "topic", False, False), {"amqp_durable_queues": True}),
        (BrokerObject("exchange", "heat", "topic", False, False), {"rabbit_quorum_queue": True}),
        (BrokerObject("exchange", "engine_fanout", "fanout", True, True), {}),
        (BrokerObject("queue", "engine_fanout", "classic", False, False), STREAMS),
        (BrokerObject("queue", "engine_fanout", "classic", False, False), {}),
        (None, {"rabbit_quorum_queue": True, "amqp_auto_delete": True}),
        (None, {"rabbit_quorum_queue": True, "rabbit_ha_queues": True}),
        (None, {"rabbit_stream_fanout": True}),
    ],
)
def test_an_engine_dies_where_a_clash_is_said(
    left: BrokerObject | None,
    options: dict[str, Any],
    rabbitmq: RabbitMQ,
    vhost: str,
    process_name: str,
    tmp_path: Path,
) -> None:
    given = MessagingOptions(**options)
    expected = bool(contradictions(given))
    if left is not None:
        body = {
            "type": left.type,
            "durable": left.durable,
            "auto_delete": left.auto_delete,
            "arguments": left.arguments,
        }
        if left.kind == "queue":
            del body["type"]
        rabbitmq.call("PUT", f"{left.kind}s/{vhost}/{left.name}", body)
        wanted = declared(left.kind, left.name, without_durability(given, [left]) or given)
        expected |= wanted is not None and clashes(left, wanted)
    with _engine(tmp_path, rabbitmq, vhost, options, process_name) as said:
        assert said.startswith("DIED" if expected else "READY")
        if left is not None and expected:
            assert "PRECONDITION_FAILED" in said
