"""What the messages that nobody reads ask for, looked at only where the plan allows it.

RabbitMQ shows a message by handing it out and taking it back at once: it keeps its place, and is
marked as delivered before. Of its content only the method's name and ids are kept; the rest, with
the requester's credentials, is dropped here.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import requests
import sqlalchemy as sa

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker.management import get, path_of
from heat_upgrade_checks.evidence.database.heat_tables import RESOURCE, STACK
from heat_upgrade_checks.evidence.database.session import ask_in_session
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.evidence.site import Site

_MESSAGES_PER_QUEUE = 100
_TIMEOUT = (5, 30)


@dataclass(frozen=True)
class LeftMessage:
    """One message in a queue without a reader: the RPC method and the stack it is about.

    `stack_id` is "" where the message names none; `stack_name` and `project` are "" where the
    database does not know that stack. `superseded` tells that the stack has begun another traversal
    since, so that losing the message loses nothing.
    """

    queue: str
    method: str
    stack_id: str
    stack_name: str
    project: str
    superseded: bool


@dataclass(frozen=True)
class _Call:
    queue: str
    method: str
    stack_id: str
    resource_id: int | None
    traversal: str


def peek(site: Site, http: ReadOnlyHttp, vhost: str, queues: Iterable[str]) -> list[LeftMessage]:
    """The first 100 messages of each of these queues that has no consumer.

    :raises Unobserved: the account may not read them, or the database cannot be asked.
    """
    calls = [call for queue in queues for call in _calls(http, vhost, queue)]
    if not calls:
        return []
    return ask_in_session(site, lambda session: [_named(call, session) for call in calls])


def _calls(http: ReadOnlyHttp, vhost: str, queue: str) -> list[_Call]:
    path = path_of("queues", vhost, queue)
    consumers = get(http, dict, path).get("consumers")
    if consumers is None:
        raise Unobserved(
            f"RabbitMQ does not tell yet whether anybody reads queue {queue}; run this phase again"
        )
    if consumers:
        return []
    question = {"count": _MESSAGES_PER_QUEUE, "ackmode": "ack_requeue_true", "encoding": "auto"}
    # The only POST of this tool, hence not in ReadOnlyHttp.
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.post(
                f"{http.base.rstrip('/')}/{path}/get",
                json=question,
                auth=http.auth,
                verify=str(http.ca_file) if http.ca_file else True,
                timeout=_TIMEOUT,
                allow_redirects=False,
            )
        except requests.exceptions.RequestException:
            raise Unobserved(
                f"RabbitMQ's management API at {http.base} does not answer; run this phase again"
            ) from None
    if answer.status_code != requests.codes.ok:
        raise Unobserved(
            f"RabbitMQ refuses to show the messages of queue {queue}; grant "
            f"{http.auth[0] if http.auth else 'the account'} the permission to read it, or take "
            "broker.peek out of the plan"
        )
    return [_call(queue, message) for message in answer.json()]


def _call(queue: str, message: dict[str, Any]) -> _Call:
    try:
        content = json.loads(json.loads(message["payload"])["oslo.message"])
        arguments = content["args"]
        identity = arguments.get("stack_identity") or {}
        return _Call(
            queue,
            str(content["method"]),
            str(identity.get("stack_id") or arguments.get("stack_id") or ""),
            arguments.get("resource_id"),
            str(arguments.get("current_traversal") or ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return _Call(queue, "", "", None, "")


def _named(call: _Call, session: sa.Connection) -> LeftMessage:
    query = sa.select(STACK.c.id, STACK.c.name, STACK.c.tenant, STACK.c.current_traversal)
    if call.resource_id is not None:
        joined = query.join(RESOURCE, RESOURCE.c.stack_id == STACK.c.id)
        row = session.execute(joined.where(RESOURCE.c.id == call.resource_id)).first()
    else:
        row = session.execute(query.where(STACK.c.id == call.stack_id)).first()
    if row is None:
        return LeftMessage(call.queue, call.method, call.stack_id, "", "", False)
    return LeftMessage(
        call.queue,
        call.method,
        row.id,
        row.name,
        row.tenant or "",
        bool(call.traversal) and call.traversal != row.current_traversal,
    )
