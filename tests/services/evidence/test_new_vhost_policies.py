"""Policies, limits and queue arguments of a new vhost on a real RabbitMQ."""

from typing import Any
from urllib.parse import quote

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.gates.judgement import Judgement
from tests.services.evidence.new_vhosts import (
    QUORUM,
    Place,
    engine_workers,
    is_green,
    judged,
    make_again,
    said_of,
    watch_as,
)

# --- vhost.policies


def _policies(place: Place, workers: int = 2) -> Judgement:
    name = "vhost.policies"
    return judged(name, place.site(), database=engine_workers(workers))


def test_both_vhosts_are_alike(place: Place) -> None:
    for vhost in ("{old}", "{new}"):
        body = {"pattern": "^engine", "definition": {"message-ttl": 60000}, "apply-to": "queues"}
        place.put(f"policies/{vhost}/ttl", body)
        place.put(f"vhost-limits/{vhost}/max-connections", {"value": 500})
    assert is_green(_policies(place))


def test_a_policy_that_is_not_on_the_new_vhost(place: Place) -> None:
    body = {"pattern": "^x", "definition": {"max-length": 5}, "apply-to": "queues", "priority": 3}
    place.put("policies/{old}/short", body)
    assert said_of(_policies(place)) == [
        f"warning policy short: is not set on vhost {place.new}, and max-length=5 for queues that "
        f"match ^x, priority 3 on {place.old}"
    ]


def test_a_policy_an_operator_policy_and_a_limit_that_differ(place: Place) -> None:
    for vhost, number in (("{old}", 1000), ("{new}", 2000)):
        body = {"pattern": ".*", "definition": {"message-ttl": number}, "apply-to": "queues"}
        place.put(f"policies/{vhost}/ttl", body)
        place.put(f"operator-policies/{vhost}/ttl-of-operator", body)
        place.put(f"vhost-limits/{vhost}/max-connections", {"value": number})
    gate = _policies(place)
    assert [each.object for each in gate.findings] == [
        "operator policy ttl-of-operator",
        "policy ttl",
        "limit max-connections",
    ]
    assert {each.level for each in gate.findings} == {"warning"}


def test_a_default_queue_type_that_differs(place: Place) -> None:
    make_again(place, place.old, "quorum")
    assert said_of(_policies(place)) == [
        f"warning default queue type: is classic on vhost {place.new}, and quorum on {place.old}"
    ]


@pytest.mark.parametrize(("limit", "red"), [(19, True), (20, False), (-1, False), (0, True)])
def test_a_limit_below_what_heat_makes(place: Place, limit: int, red: bool) -> None:
    for vhost in ("{old}", "{new}"):
        place.put(f"vhost-limits/{vhost}/max-queues", {"value": limit})
    said = said_of(_policies(place, workers=2))
    expected = (
        f"blocker limit max-queues: is {limit} on vhost {place.new}; 2 live engine workers make "
        "up to 20 queues"
    )
    assert said == ([expected] if red else [])


def test_one_worker_more_than_a_limit_has_room_for(place: Place) -> None:
    for vhost in ("{old}", "{new}"):
        place.put(f"vhost-limits/{vhost}/max-queues", {"value": 20})
    assert said_of(_policies(place, workers=2)) == []
    assert [each.level for each in _policies(place, workers=3).findings] == ["blocker"]


def test_an_old_vhost_that_is_gone_or_hidden(place: Place) -> None:
    watch_as(place, "monitoring")
    path = f"permissions/{quote(place.old, safe='')}/{quote(place.watcher, safe='')}"
    place.rabbitmq.call("DELETE", path)
    (unknown,) = _policies(place).unknowns
    assert f"set_permissions -p {place.old} {place.watcher}" in unknown
    place.rabbitmq.delete_vhost(place.old)
    (unknown,) = _policies(place).unknowns
    assert f"vhost {place.old} of the current release does not exist" in unknown


# --- vhost.queue-arguments


def _clashes(place: Place, *options: str, query: str = "") -> list[str]:
    target = "\n".join(["[oslo_messaging_rabbit]", *options])
    return said_of(judged("vhost.queue-arguments", place.site(target, query=query)))


def _dies(found: str, wanted: str) -> str:
    return (
        f"is {found}; the target release declares it {wanted}, which RabbitMQ refuses with "
        "PRECONDITION_FAILED"
    )


def test_a_fresh_vhost_and_one_that_was_used_with_the_same_options(place: Place) -> None:
    assert _clashes(place) == []
    place.put("exchanges/{new}/heat", {"type": "topic", "durable": True})
    for name in ("engine", "engine.ctl1", "engine_worker.of-a-dead-engine"):
        place.rabbitmq.declare_queue(place.new, name, durable=True, **QUORUM)
    place.rabbitmq.declare_queue(place.new, "engine_fanout_0123456789abcdef")
    place.rabbitmq.declare_queue(place.new, "of-someone-else", durable=True, **QUORUM)
    assert _clashes(place, "rabbit_quorum_queue = true") == []


def test_a_quorum_queue_under_a_classic_configuration(place: Place) -> None:
    place.rabbitmq.declare_queue(place.new, "heat-engine-listener", durable=True, **QUORUM)
    found = _dies("quorum, durable", "classic, not durable")
    assert _clashes(place) == [f"blocker queue heat-engine-listener: {found}"]


def test_a_classic_queue_under_a_quorum_configuration(place: Place) -> None:
    place.rabbitmq.declare_queue(place.new, "engine.ctl1")
    found = _dies("classic, not durable", "quorum, durable, x-delivery-limit=5")
    options = ("rabbit_quorum_queue = true", "rabbit_quorum_delivery_limit = 5")
    assert _clashes(place, *options) == [f"blocker queue engine.ctl1: {found}"]
    query = "?rabbit_quorum_queue=1&rabbit_quorum_delivery_limit=5"
    assert _clashes(place, query=query) == [f"blocker queue engine.ctl1: {found}"]


def test_an_exchange_that_is_durable(place: Place) -> None:
    place.put("exchanges/{new}/heat", {"type": "topic", "durable": True})
    found = _dies("topic, durable", "topic, not durable")
    assert _clashes(place) == [f"blocker exchange heat: {found}"]
    assert _clashes(place, "amqp_durable_queues = true") == []


def test_an_exchange_at_which_oslo_messaging_falls_back(place: Place) -> None:
    place.put("exchanges/{new}/heat", {"type": "topic", "durable": False})
    place.rabbitmq.declare_queue(place.new, "engine")
    (said,) = _clashes(place, "amqp_durable_queues = true")
    assert said.startswith("warning exchange heat: is not durable")
    assert any(said.startswith("blocker") for said in _clashes(place, "rabbit_quorum_queue = yes"))


def test_an_argument_that_heat_does_not_give(place: Place) -> None:
    arguments: dict[str, Any] = {"x-message-ttl": 1000}
    place.rabbitmq.declare_queue(place.new, "engine_worker", **arguments)
    found = _dies("classic, not durable, x-message-ttl=1000", "classic, not durable")
    assert _clashes(place) == [f"blocker queue engine_worker: {found}"]


def test_a_default_queue_type_makes_durable_queues_of_it(place: Place) -> None:
    make_again(place, place.new, "quorum")
    place.rabbitmq.declare_queue(place.new, "engine_worker", durable=True)
    assert _clashes(place, "amqp_durable_queues = true") == []
    classic: dict[str, Any] = {"x-queue-type": "classic"}
    place.rabbitmq.declare_queue(place.new, "engine", durable=True, **classic)
    found = _dies("classic, durable", "quorum, durable")
    assert _clashes(place, "amqp_durable_queues = true") == [f"blocker queue engine: {found}"]


def test_options_that_contradict_each_other(place: Place) -> None:
    said = _clashes(place, "rabbit_quorum_queue = true", "rabbit_ha_queues = true")
    assert [each.partition(":")[0] for each in said] == ["blocker [oslo_messaging_rabbit]"]


def test_an_option_that_is_malformed(place: Place) -> None:
    with pytest.raises(Unobserved, match="rabbit_quorum_queue of the target release is not true"):
        _clashes(place, "rabbit_quorum_queue = perhaps")
