"""Messages that nobody reads, on a real RabbitMQ: named with leave, untouched without it."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import amqp
import pytest

from heat_upgrade_checks.evidence.broker import old_queues
from heat_upgrade_checks.evidence.broker.peek import LeftMessage
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.plan import Plan
from tests.services.heat_databases import HeatDatabase
from tests.services.rabbitmq import RabbitMQ
from tests.waiting import until

PASSWORD = "canary-of-the-peeking-91aa"


@pytest.fixture(scope="module")
def heat(tmp_path_factory: pytest.TempPathFactory) -> HeatDatabase:
    """A database of 25 in which the stack `root` holds resource 1."""
    folder = tmp_path_factory.mktemp("peeked")
    made = HeatDatabase(f"sqlite:///{folder}/heat.sqlite", folder)
    made.db_sync(25)
    made.fill()
    return made


@pytest.fixture
def vhost(rabbitmq: RabbitMQ) -> str:
    name = f"heat-{uuid4().hex[:8]}"
    rabbitmq.add_vhost(name)
    rabbitmq.add_user("heat", PASSWORD, "monitoring", {name: (".*", ".*", ".*")})
    return name


def _site(folder: Path, rabbitmq: RabbitMQ, vhost: str, heat: HeatDatabase, peek: bool) -> Site:
    conf = folder / "heat.conf"
    conf.write_text(
        f"[DEFAULT]\ntransport_url = {rabbitmq.url(vhost, 'heat', PASSWORD)}\n"
        f"[database]\nconnection = {heat.url}\n",
        "utf-8",
    )
    document = {
        "name": "services",
        "mode": "rolling",
        "current": {"version": "25.0.2", "config": [str(conf)]},
        "target": {"version": "26.0.2"},
        "broker": {"management": [rabbitmq.management_url], "samples": 2, "peek": peek},
    }
    return Site(Plan.model_validate(document), folder)


def _cast(method: str, **arguments: object) -> str:
    message = {"method": method, "args": arguments, "_context_password": "canary-of-a-user"}
    return json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(message)})


def _known(rabbitmq: RabbitMQ, vhost: str, *queues: str) -> None:
    """Who reads a queue is told with the statistics, seconds after it was made."""

    def known(queue: str) -> bool:
        return rabbitmq.call("GET", f"queues/{vhost}/{queue}").get("consumers") is not None

    until(lambda: all(map(known, queues)), f"the readers of {', '.join(queues)} told")


def _redelivered(rabbitmq: RabbitMQ, vhost: str, queue: str) -> bool:
    body = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}
    (message,) = rabbitmq.call("POST", f"queues/{vhost}/{queue}/get", body)
    return bool(message["redelivered"])


@pytest.fixture
def reader(rabbitmq: RabbitMQ, vhost: str) -> Iterator[str]:
    """A queue that is read, by somebody who takes one message and holds it."""
    queue = "engine_worker.busy"
    rabbitmq.declare_queue(vhost, queue)
    connection = amqp.Connection(
        host=f"127.0.0.1:{rabbitmq.amqp_port}", userid="heat", password=PASSWORD, virtual_host=vhost
    )
    with closing(connection):
        connection.connect()
        channel = connection.channel()
        channel.basic_qos(0, 1, False)
        channel.basic_consume(queue, callback=lambda _: None)
        yield queue


def test_each_message_tells_its_stack(
    rabbitmq: RabbitMQ, vhost: str, heat: HeatDatabase, tmp_path: Path
) -> None:
    rabbitmq.declare_queue(vhost, "engine_worker")
    rabbitmq.declare_queue(vhost, "engine")
    _known(rabbitmq, vhost, "engine", "engine_worker")
    for body in (
        _cast("check_resource", resource_id=1, current_traversal="ended"),
        _cast("cancel_check_resource", stack_id="nested"),
        "no JSON at all",
    ):
        rabbitmq.publish(vhost, "engine_worker", body)
    identity = {"stack_name": "x", "stack_id": "gone-for-good", "tenant": "t"}
    rabbitmq.publish(vhost, "engine", _cast("update_stack", stack_identity=identity))
    found = old_queues.observe(_site(tmp_path, rabbitmq, vhost, heat, peek=True))
    assert found.left_error == ""
    assert found.left == (
        LeftMessage("engine", "update_stack", "gone-for-good", "", "", False),
        LeftMessage("engine_worker", "check_resource", "root", "stack-root", "p1", True),
        LeftMessage(
            "engine_worker", "cancel_check_resource", "nested", "stack-nested", "p2", False
        ),
        LeftMessage("engine_worker", "", "", "", "", False),
    )
    assert "canary" not in repr(found.left)
    # All are still there, in their order.
    again = old_queues.observe(_site(tmp_path, rabbitmq, vhost, heat, peek=True))
    assert again.left == found.left


def test_without_leave_no_message_is_touched(
    rabbitmq: RabbitMQ, vhost: str, heat: HeatDatabase, tmp_path: Path
) -> None:
    rabbitmq.declare_queue(vhost, "engine_worker")
    rabbitmq.publish(vhost, "engine_worker", _cast("check_resource", resource_id=1))
    found = old_queues.observe(_site(tmp_path, rabbitmq, vhost, heat, peek=False))
    assert (found.left, found.left_error) == ((), "")
    assert [queue.ready for queue in found.samples[-1].queues] == [1]
    assert _redelivered(rabbitmq, vhost, "engine_worker") is False


def test_a_queue_that_is_read_is_left_alone(
    rabbitmq: RabbitMQ, vhost: str, reader: str, heat: HeatDatabase, tmp_path: Path
) -> None:
    _known(rabbitmq, vhost, reader)
    for _ in range(2):
        rabbitmq.publish(vhost, reader, _cast("check_resource", resource_id=1))
    found = old_queues.observe(_site(tmp_path, rabbitmq, vhost, heat, peek=True))
    (queue,) = found.samples[-1].queues
    assert (queue.ready, queue.unacknowledged) == (1, 1)
    assert (found.left, found.left_error) == ((), "")


def test_an_account_that_may_not_read_the_queue(
    rabbitmq: RabbitMQ, vhost: str, heat: HeatDatabase, tmp_path: Path
) -> None:
    rabbitmq.declare_queue(vhost, "engine_worker")
    rabbitmq.publish(vhost, "engine_worker", _cast("check_resource", resource_id=1))
    rabbitmq.add_user("heat", PASSWORD, "monitoring", {vhost: ("^$", "^$", "^$")})
    _known(rabbitmq, vhost, "engine_worker")
    found = old_queues.observe(_site(tmp_path, rabbitmq, vhost, heat, peek=True))
    assert found.left == ()
    assert "refuses to show the messages of queue engine_worker; grant heat" in found.left_error
