"""An answer of RabbitMQ's, broken."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from tests.services.evidence.proxies import Answer

WAYS = ("drop", "null", "retype", "double", "reorder", "truncate", "status", "html")

Place = tuple[str | int, ...]

# What the shapes are made of; of the rest RabbitMQ may change what it likes.
_ASKED = {
    *("alarms", "channel_details", "client_properties", "connection_name", "consumers"),
    *("disable_stats", "filtered_count", "item_count", "items", "message_stats", "messages"),
    *("messages_ready", "messages_unacknowledged", "name", "node", "page", "page_count"),
    *("partitions", "peer_host", "queue", "rabbitmq_version", "rates_mode", "resource", "running"),
    *("state", "status", "tags", "type", "uptime", "user", "user_provided_name"),
}


def _paths(document: Any, at: Place = ()) -> Iterator[Place]:
    """Every place in a document that may matter, itself first."""
    yield at
    parts: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(document, dict):
        parts = ((key, value) for key, value in document.items() if key in _ASKED)
    elif isinstance(document, list):
        parts = iter(enumerate(document))
    for key, value in parts:
        yield from _paths(value, (*at, key))


def _other_type(value: Any, number: int) -> Any:
    others: list[Any] = ["7", "", 7, -7, 0.5, True, {}, {"name": "x"}]
    kinds: dict[type, tuple[type, ...]] = {
        bool: (bool,),
        int: (int,),
        float: (int, float),
        str: (str,),
        dict: (dict,),
    }
    same = kinds.get(type(value), ())
    # A negative number is none of the counts, and JSON knows one kind of number.
    usable = [each for each in others if type(each) not in same or each == -7]
    return usable[number % len(usable)]


def _reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reordered(value[key]) for key in reversed(value)}
    return [*map(_reordered, reversed(value))] if isinstance(value, list) else value


def _damaged(content: bytes, how: str, number: int) -> bytes | None:
    """The document broken at one of its places; None where it cannot be broken so."""
    document = copy.deepcopy(json.loads(content))
    places = [*_paths(document)]
    place = places[number % len(places)]
    if how == "reorder":
        return json.dumps(_reordered(document)).encode()
    if not place:
        return json.dumps(None if how == "null" else _other_type(document, number)).encode()
    *outer, last = place
    holder: Any = document
    for key in outer:
        holder = holder[key]
    value = holder[last]
    if how == "null":
        holder[last] = None
    elif how == "retype":
        holder[last] = _other_type(value, number // len(places))
    elif how == "drop" and (isinstance(holder, dict) or "items" in outer):
        del holder[last]
    elif how == "double" and isinstance(holder, list):
        holder.append(value)
    else:
        return None
    return json.dumps(document).encode()


def broken(answer: Answer, how: str, number: int) -> Answer:
    """This answer, broken in one of the `WAYS`; the number says where, and into what."""
    status, content = answer
    if how == "status":
        others = [code for code in (200, 204, 302, 400, 401, 404, 500, 503) if code != status]
        return others[number % len(others)], content
    if how == "html":
        return status, (b"<html><body>Log in</body></html>", b"")[number % 2]
    if how == "truncate":
        return status, content[: number % len(content)]
    return status, _damaged(content, how, number) or content
