"""What the messages that nobody reads ask for, looked at only where the plan allows it.

RabbitMQ shows a message by handing it out and taking it back at once: it keeps its place, and is
marked as delivered before. Of its content only the method's name and ids are kept; the rest, with
the requester's credentials, is dropped here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import requests
import sqlalchemy as sa
from pydantic import Field

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.answers import read
from heat_upgrade_checks.evidence.broker.management import body, get, path_of
from heat_upgrade_checks.evidence.broker.queue_listing import ReadQueue
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
class _Message:
    payload: str


@dataclass(frozen=True)
class _Envelope:
    """oslo.messaging's own, around each message (oslo_messaging/_drivers/common.py)."""

    content: Annotated[str, Field(alias="oslo.message")]


@dataclass(frozen=True)
class _Identity:
    stack_id: str | None = None


@dataclass(frozen=True)
class _Arguments:
    stack_identity: _Identity | None = None
    stack_id: str | None = None
    resource_id: int | None = None
    current_traversal: str | None = None


@dataclass(frozen=True)
class _Content:
    method: str
    args: _Arguments


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
    consumers = get(http, ReadQueue, path).consumers
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
    shown = body(http, answer, tuple[_Message, ...], f"{path}/get")
    return [_call(queue, message.payload) for message in shown]


def _call(queue: str, payload: str) -> _Call:
    """What a message asks for; without a method where it is no call of Heat's."""
    try:
        envelope = read(_Envelope, payload, "a message", "")
        content = read(_Content, envelope.content, "a message", "")
    except Unobserved:
        return _Call(queue, "", "", None, "")
    asked = content.args
    identity = asked.stack_identity or _Identity()
    return _Call(
        queue,
        content.method,
        identity.stack_id or asked.stack_id or "",
        asked.resource_id,
        asked.current_traversal or "",
    )


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
