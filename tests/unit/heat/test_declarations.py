"""What Heat declares, option by option; tests/lab/test_declarations.py asks oslo.messaging."""

from dataclasses import replace
from typing import Any, Literal

import pytest

from heat_upgrade_checks.heat.declarations import (
    BrokerObject,
    MessagingOptions,
    clashes,
    contradictions,
    declared,
    without_durability,
)
from heat_upgrade_checks.heat.permissions import names_needed, refused

EXPIRES = {"x-expires": 1800000}
QUORUM = {"x-queue-type": "quorum"}
MANAGED = "engine_fanout_ctl1:heat-engine:1"


def _made(
    name: str,
    options: dict[str, Any],
    kind: Literal["queue", "exchange"] = "queue",
    default: str = "classic",
) -> tuple[object, ...] | None:
    found = declared(kind, name, MessagingOptions(**options), default)
    if found is None:
        return None
    return found.type, found.durable, found.auto_delete, found.arguments


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("engine", {}, ("classic", False, False, {})),
        ("engine.ctl1", {}, ("classic", False, False, {})),
        ("heat-engine-listener", {"amqp_durable_queues": True}, ("classic", True, False, {})),
        ("engine_worker", {"amqp_auto_delete": True}, ("classic", False, True, {})),
        ("engine", {"rabbit_ha_queues": True}, ("classic", False, False, {"x-ha-policy": "all"})),
        ("engine", {"rabbit_quorum_queue": True}, ("quorum", True, False, QUORUM)),
        (
            "engine",
            {
                "rabbit_quorum_queue": True,
                "rabbit_quorum_delivery_limit": 3,
                "rabbit_quorum_max_memory_length": 4,
                "rabbit_quorum_max_memory_bytes": 5,
            },
            (
                "quorum",
                True,
                False,
                QUORUM
                | {
                    "x-delivery-limit": 3,
                    "x-max-in-memory-length": 4,
                    "x-max-in-memory-bytes": 5,
                },
            ),
        ),
        # The limits are those of quorum queues, and topics have no time to live.
        ("engine", {"rabbit_quorum_delivery_limit": 3}, ("classic", False, False, {})),
        ("engine", {"rabbit_transient_quorum_queue": True}, ("classic", False, False, {})),
        # An engine's id is new at each start.
        ("engine_worker.8c8a", {}, None),
        ("heat-engine-listener.8c8a", {}, None),
        ("engine_fanout_0f0f", {}, None),
        ("reply_0f0f", {}, None),
        ("nova", {}, None),
        (MANAGED, {}, None),
        (MANAGED, {"use_queue_manager": True}, ("classic", False, False, EXPIRES)),
        (
            "reply_ctl1:heat-api:12",
            {"use_queue_manager": True, "rabbit_transient_queues_ttl": 0},
            ("classic", False, False, {}),
        ),
        (
            MANAGED,
            {"use_queue_manager": True, "rabbit_transient_quorum_queue": True},
            ("quorum", True, False, QUORUM | EXPIRES),
        ),
        (MANAGED, {"use_queue_manager": True, "rabbit_stream_fanout": True}, None),
        ("engine_fanout", {}, None),
        (
            "engine_fanout",
            {"rabbit_stream_fanout": True, "rabbit_transient_quorum_queue": True},
            ("stream", True, False, {"x-queue-type": "stream", "x-max-age": "1800s"}),
        ),
        (
            "engine_fanout",
            {"rabbit_stream_fanout": True, "rabbit_transient_queues_ttl": 0},
            ("stream", True, False, {"x-queue-type": "stream"}),
        ),
    ],
)
def test_queues(name: str, options: dict[str, Any], expected: tuple[object, ...] | None) -> None:
    assert _made(name, options) == expected


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("heat", {}, ("topic", False, False, {})),
        ("heat", {"amqp_durable_queues": True}, ("topic", True, False, {})),
        ("heat", {"rabbit_quorum_queue": True}, ("topic", True, False, {})),
        ("heat", {"amqp_auto_delete": True}, ("topic", False, True, {})),
        ("heat", {"control_exchange": "orchestration"}, None),
        ("engine_fanout", {"amqp_durable_queues": True}, ("fanout", False, True, {})),
        ("engine_fanout", {"rabbit_transient_quorum_queue": True}, ("fanout", True, True, {})),
        ("nova", {}, None),
    ],
)
def test_exchanges(name: str, options: dict[str, Any], expected: tuple[object, ...] | None) -> None:
    assert _made(name, options, "exchange") == expected


def test_the_vhosts_default_type_is_for_durable_queues_that_stay() -> None:
    durable = {"amqp_durable_queues": True}
    assert _made("engine", durable, default="quorum") == ("quorum", True, False, {})
    assert _made("engine", {}, default="quorum") == ("classic", False, False, {})
    made = _made("engine", durable | {"amqp_auto_delete": True}, default="quorum")
    assert made == ("classic", True, True, {})


CLASSIC = BrokerObject("queue", "engine", "classic", False, False)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"type": "quorum"}, True),
        ({"durable": True}, True),
        ({"auto_delete": True}, True),
        ({"arguments": {"x-expires": 1}}, True),
        ({"arguments": {"x-queue-type": "classic", "x-ha-policy": "all"}}, False),
    ],
)
def test_clashes(changes: dict[str, Any], expected: bool) -> None:
    assert clashes(replace(CLASSIC, **changes), CLASSIC) is expected


HEAT = BrokerObject("exchange", "heat", "topic", False, False)


@pytest.mark.parametrize(
    ("options", "exchange", "falls_back"),
    [
        ({"amqp_durable_queues": True}, HEAT, True),
        ({"amqp_durable_queues": True}, replace(HEAT, durable=True), False),
        ({"amqp_durable_queues": True}, replace(HEAT, auto_delete=True), False),
        ({"amqp_durable_queues": True}, CLASSIC, False),
        ({"amqp_durable_queues": True, "rabbit_quorum_queue": True}, HEAT, False),
        ({}, HEAT, False),
    ],
)
def test_the_fall_back(options: dict[str, Any], exchange: BrokerObject, falls_back: bool) -> None:
    found = without_durability(MessagingOptions(**options), [exchange])
    assert (found is not None) is falls_back
    assert found is None or not found.durable


@pytest.mark.parametrize(
    ("options", "number"),
    [
        ({"rabbit_quorum_queue": True, "amqp_durable_queues": True}, 0),
        ({"rabbit_quorum_queue": True, "rabbit_ha_queues": True}, 1),
        ({"rabbit_transient_quorum_queue": True, "rabbit_ha_queues": True}, 1),
        ({"rabbit_quorum_queue": True, "amqp_auto_delete": True}, 1),
        ({"rabbit_stream_fanout": True}, 2),
        (
            {
                "rabbit_stream_fanout": True,
                "rabbit_transient_quorum_queue": True,
                "rabbit_qos_prefetch_count": 10,
            },
            0,
        ),
    ],
)
def test_contradictions(options: dict[str, Any], number: int) -> None:
    assert len(contradictions(MessagingOptions(**options))) == number


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (".*", []),
        ("heat|engine|reply", []),
        ("e", []),
        ("^heat", ["engine.ctl1", "reply_1"]),
        ("", ["heat", "engine.ctl1", "reply_1"]),
        ("^(heat|engine)$", ["engine.ctl1", "reply_1"]),
    ],
)
def test_patterns_are_searched_for_and_the_empty_one_allows_nothing(
    pattern: str, expected: list[str]
) -> None:
    assert refused(pattern, ["heat", "engine.ctl1", "reply_1"]) == expected


def test_a_pattern_that_is_not_readable_here() -> None:
    with pytest.raises(ValueError, match="unterminated"):
        refused("(heat", ["heat"])


def test_the_names_that_heat_needs() -> None:
    plain = names_needed("write", MessagingOptions(), "ctl1")
    assert {"heat", "engine.ctl1", "engine_worker_fanout", "amq.default"} <= set(plain)
    assert "amq.default" not in names_needed("read", MessagingOptions(), "ctl1")
    managed = names_needed("read", MessagingOptions(use_queue_manager=True), "ctl1")
    assert {"engine_fanout_ctl1:heat-engine:1", "reply_ctl1:heat-engine:1"} <= set(managed)
    streams = names_needed("read", MessagingOptions(rabbit_stream_fanout=True), "ctl1")
    assert not any(name.startswith("engine_fanout_") for name in streams)
