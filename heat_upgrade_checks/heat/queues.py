"""The names of the queues that Heat makes, and what they hold.

Topics are `engine`, `engine_worker` and `heat-engine-listener` (heat/rpc/api.py, worker_api.py and
listener_client.py); oslo.messaging adds `.<server>` for one server's queue, `_fanout_<hex>` for a
broadcast and `reply_<hex>` for answers.
"""

import re

WORK_QUEUES = r"(engine|engine_worker|heat-engine-listener)(\..+)?"
LISTENER = "heat-engine-listener."
REPLY = "reply_"
# Of each topic the shared queue, the server's own and that of broadcasts, and one for answers.
QUEUES_OF_A_WORKER = 10
_ENGINE_TOPICS = r"(engine|engine_worker|heat-engine-listener)([._].+)?"
_SERVER = re.compile(r"(?:engine_worker|heat-engine-listener)\.(?P<engine_id>.+)")


def holds_work(queue: str) -> bool:
    """Whether a message in this queue is work that is lost when nobody reads it.

    Replies, broadcasts and notifications are not.
    """
    return re.fullmatch(WORK_QUEUES, queue) is not None


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
