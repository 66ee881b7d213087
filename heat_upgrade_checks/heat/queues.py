"""The names of the queues that Heat makes, and what they hold.

Topics are `engine`, `engine_worker` and `heat-engine-listener` (heat/rpc/api.py, worker_api.py and
listener_client.py); oslo.messaging adds `.<server>` for one server's queue, `_fanout_<hex>` for a
broadcast and `reply_<hex>` for answers.
"""

import re

from heat_upgrade_checks.heat.declarations import TOPICS

WORK_QUEUES = r"(engine|engine_worker|heat-engine-listener)(\..+)?"
LISTENER = "heat-engine-listener."
REPLY = "reply_"
# Of each topic the shared queue, the server's own and that of broadcasts, and one for answers.
QUEUES_OF_A_WORKER = 10
_ENGINE_TOPICS = r"(engine|engine_worker|heat-engine-listener)([._].+)?"
_AN_ID = "00000000-0000-4000-8000-000000000000"
_SERVER = re.compile(r"(?:engine_worker|heat-engine-listener)\.(?P<engine_id>.+)")


def holds_work(queue: str) -> bool:
    """Whether a message in this queue is work that is lost when nobody reads it.

    Replies, broadcasts and notifications are not.
    """
    return re.fullmatch(WORK_QUEUES, queue) is not None


def work_queues_of(host: str) -> tuple[str, ...]:
    """The work queues that an engine on this host declares; its id is an example."""
    own = (f"{topic}.{host if topic == 'engine' else _AN_ID}" for topic in TOPICS)
    return (*TOPICS, *own)


def serves_engines(queue: str) -> bool:
    """Whether only an engine reads this queue: its topics and their broadcasts."""
    return re.fullmatch(_ENGINE_TOPICS, queue) is not None


def listening_engine(queue: str) -> str | None:
    """The engine id whose listener queue this is; a consumer proves that engine works here."""
    return queue.removeprefix(LISTENER) if queue.startswith(LISTENER) else None


def addressed_engine(queue: str) -> str | None:
    """The engine id that alone reads this queue, or None for queues that are shared."""
    match = _SERVER.fullmatch(queue)
    return match["engine_id"] if match else None
