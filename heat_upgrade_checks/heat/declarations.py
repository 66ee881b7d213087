"""What Heat declares on RabbitMQ when it starts, as its `[oslo_messaging_rabbit]` makes it.

Follows oslo.messaging (impl_rabbit.py of 17.3, the same for queues and exchanges since 14.7):
`declare_topic_consumer`, `declare_fanout_consumer`, `declare_direct_consumer` and `notify_send`.
RabbitMQ ends the channel with PRECONDITION_FAILED where something of that name is there already
and differs in type, durability, auto-delete or an argument.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

TOPICS = ("engine", "engine_worker", "heat-engine-listener")

_TOPIC = "|".join(map(re.escape, TOPICS))
# An engine's id is new at each start, so `engine_worker.<id>` never meets an older one; `engine.`
# ends with a host's name and does.
_TOPIC_QUEUE = re.compile(rf"(?:{_TOPIC})|engine\..+")
_FANOUT = re.compile(rf"(?:{_TOPIC})_fanout")
# Without the queue manager these names end with a random number, which meets nothing.
_MANAGED_FANOUT = re.compile(rf"(?:{_TOPIC})_fanout_[^:]+:[^:]+:\d+")
_MANAGED_REPLY = re.compile(r"reply_[^:]+:[^:]+:\d+")
# RabbitMQ compares the type for itself, and does not know the other one since 3.0.
_NOT_COMPARED = {"x-queue-type", "x-ha-policy"}


@dataclass(frozen=True)
class MessagingOptions:
    """The options that shape what is declared, with oslo.messaging's defaults."""

    control_exchange: str = "heat"
    amqp_durable_queues: bool = False
    amqp_auto_delete: bool = False
    rabbit_ha_queues: bool = False
    rabbit_quorum_queue: bool = False
    rabbit_transient_quorum_queue: bool = False
    rabbit_stream_fanout: bool = False
    use_queue_manager: bool = False
    rabbit_quorum_delivery_limit: int = 0
    rabbit_quorum_max_memory_length: int = 0
    rabbit_quorum_max_memory_bytes: int = 0
    rabbit_transient_queues_ttl: int = 1800
    rabbit_qos_prefetch_count: int = 0

    @property
    def durable(self) -> bool:
        """Whether the control exchange and the queues of topics outlive the broker."""
        return self.amqp_durable_queues or self.rabbit_quorum_queue


@dataclass(frozen=True)
class BrokerObject:
    """A queue or an exchange: what RabbitMQ compares when it is declared again."""

    kind: Literal["queue", "exchange"]
    name: str
    type: str
    durable: bool
    auto_delete: bool
    arguments: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        words = [self.type, "durable" if self.durable else "not durable"]
        words += ["auto-delete"] if self.auto_delete else []
        words += [f"{name}={value}" for name, value in sorted(_compared(self).items())]
        return ", ".join(words)


def declared(
    kind: Literal["queue", "exchange"],
    name: str,
    options: MessagingOptions,
    default_queue_type: str = "classic",
) -> BrokerObject | None:
    """What Heat declares under this name, or None where it declares nothing of this name.

    `default_queue_type` is the vhost's, which RabbitMQ applies where a client names no type.
    """
    transient = options.rabbit_transient_quorum_queue or options.rabbit_stream_fanout
    if kind == "exchange":
        if name == options.control_exchange:
            return BrokerObject(kind, name, "topic", options.durable, options.amqp_auto_delete)
        if _FANOUT.fullmatch(name):
            return BrokerObject(kind, name, "fanout", transient, True)
        return None
    if _TOPIC_QUEUE.fullmatch(name):
        arguments = _arguments(options, options.rabbit_quorum_queue, ttl=0)
        durable, auto_delete = options.durable, options.amqp_auto_delete
    elif _FANOUT.fullmatch(name) and options.rabbit_stream_fanout:
        arguments = {"x-queue-type": "stream"}
        if options.rabbit_transient_queues_ttl > 0:
            arguments["x-max-age"] = f"{options.rabbit_transient_queues_ttl}s"
        durable, auto_delete = True, False
    elif options.use_queue_manager and (
        _MANAGED_REPLY.fullmatch(name)
        or (_MANAGED_FANOUT.fullmatch(name) and not options.rabbit_stream_fanout)
    ):
        quorum = options.rabbit_transient_quorum_queue
        arguments = _arguments(options, quorum, options.rabbit_transient_queues_ttl)
        durable, auto_delete = quorum, False
    else:
        return None
    compatible = durable and not auto_delete
    type = arguments.get("x-queue-type") or (default_queue_type if compatible else "classic")
    return BrokerObject(kind, name, type, durable, auto_delete, arguments)


def clashes(existing: BrokerObject, wanted: BrokerObject) -> bool:
    """Whether RabbitMQ refuses to declare one where the other is."""
    return (
        existing.type != wanted.type
        or existing.durable != wanted.durable
        or existing.auto_delete != wanted.auto_delete
        or _compared(existing) != _compared(wanted)
    )


def without_durability(
    options: MessagingOptions, objects: Iterable[BrokerObject]
) -> MessagingOptions | None:
    """The options as oslo.messaging falls back to them at a control exchange that is not durable.

    It does so only for classic queues; None where nothing makes it.
    """
    if not options.durable or options.rabbit_quorum_queue:
        return None
    fallback = replace(options, amqp_durable_queues=False)
    wanted = declared("exchange", options.control_exchange, fallback)
    return fallback if any(found == wanted for found in objects) else None


def transient_queues(options: MessagingOptions) -> tuple[str, ...]:
    """The kinds of queues that are declared neither durable nor exclusive; none is exclusive."""
    fanouts = not (options.rabbit_transient_quorum_queue or options.rabbit_stream_fanout)
    kinds = {
        "work": not options.durable,
        "broadcasts": fanouts,
        "answers": not options.rabbit_transient_quorum_queue,
    }
    return tuple(kind for kind, transient in kinds.items() if transient)


def contradictions(options: MessagingOptions) -> list[str]:
    """What oslo.messaging or RabbitMQ refuses whatever the vhost holds."""
    quorum = options.rabbit_quorum_queue or options.rabbit_transient_quorum_queue
    found = []
    if quorum and options.rabbit_ha_queues:
        found.append("quorum queues and rabbit_ha_queues exclude each other")
    if options.rabbit_quorum_queue and options.amqp_auto_delete:
        found.append("rabbit_quorum_queue and amqp_auto_delete exclude each other")
    if options.rabbit_stream_fanout and options.rabbit_qos_prefetch_count <= 0:
        found.append("rabbit_stream_fanout needs rabbit_qos_prefetch_count above 0")
    if options.rabbit_stream_fanout and not options.rabbit_transient_quorum_queue:
        found.append("rabbit_stream_fanout needs rabbit_transient_quorum_queue")
    return found


def _arguments(options: MessagingOptions, quorum: bool, ttl: int) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    if options.rabbit_ha_queues:
        arguments["x-ha-policy"] = "all"
    if quorum:
        arguments["x-queue-type"] = "quorum"
        for name, value in (
            ("x-delivery-limit", options.rabbit_quorum_delivery_limit),
            ("x-max-in-memory-length", options.rabbit_quorum_max_memory_length),
            ("x-max-in-memory-bytes", options.rabbit_quorum_max_memory_bytes),
        ):
            if value:
                arguments[name] = value
    if ttl > 0:
        arguments["x-expires"] = ttl * 1000
    return arguments


def _compared(found: BrokerObject) -> dict[str, Any]:
    return {name: value for name, value in found.arguments.items() if name not in _NOT_COMPARED}
