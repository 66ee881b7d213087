"""The queues of a vhost that Heat's engines read, listed by RabbitMQ's management API."""

from collections.abc import Iterable
from typing import Any

import requests

from heat_upgrade_checks.evidence.broker.management import body, path_of, require_sight
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.heat.queues import LISTENER, WORK_QUEUES

_PAGE = 500
# The states of a queue that answers for itself. One without a leader says down, and counts of zero.
_ANSWERING = {"running", "idle", "flow", "live"}


def live_queues(http: ReadOnlyHttp, vhost: str) -> list[dict[str, Any]] | None:
    """The work queues with their live counts; None where the vhost does not exist.

    RabbitMQ leaves out the others, of which a vhost may have thousands. It asks each queue for its
    counts on the node of its leader: one whose leader is gone counts nothing, or is not listed at
    all (rabbit_amqqueue:collect_info_all). Such a queue has no count here.
    """
    known = work_queues(http, vhost, columns="name")
    rows = work_queues(http, vhost, disable_stats="true", enable_queue_totals="true")
    if known is None or rows is None:
        return None
    lacking = _names(known) - _names(rows)
    if lacking:
        # Not those that were deleted meanwhile.
        lacking &= _names(work_queues(http, vhost, columns="name") or ())
    return [*map(_counted, rows), *({"name": name} for name in sorted(lacking))]


def _names(rows: Iterable[dict[str, Any]]) -> set[str]:
    return {row["name"] for row in rows}


def _counted(row: dict[str, Any]) -> dict[str, Any]:
    """The row, without its counts where the queue does not answer for itself."""
    if row.get("state") in _ANSWERING:
        return row
    return {key: value for key, value in row.items() if not key.startswith("messages")}


def counts_are_live(rows: Iterable[dict[str, Any]]) -> bool:
    """Whether these counts are the queues' own, as they are now.

    A broker that does not know the parameters answers with its statistics. A quorum queue gives
    its counts every 5 s only (rabbit_quorum_queue's tick).
    """
    return all(
        row.get("type") == "classic" and "memory" not in row and "message_stats" not in row
        for row in rows
    )


def work_queues(http: ReadOnlyHttp, vhost: str, **parameters: str) -> list[dict[str, Any]] | None:
    """The work queues; None where the vhost does not exist."""
    rows = _queues_named(http, vhost, name=f"^{WORK_QUEUES}$", use_regex="true", **parameters)
    if isinstance(rows, list):
        return rows
    if rows.status_code == requests.codes.not_found:
        return None
    require_sight(http, rows, vhost)
    return body(http, rows, list, f"the queues of vhost {vhost}")


def listener_queues(http: ReadOnlyHttp, vhost: str) -> list[dict[str, Any]] | None:
    """The listener queues of a vhost; None where the account has no permission."""
    rows = _queues_named(http, vhost, name=LISTENER, use_regex="false", columns="name,consumers")
    if isinstance(rows, list):
        return rows
    if rows.status_code == requests.codes.unauthorized:
        return None
    return body(http, rows, list, f"the queues of vhost {vhost}")


def _queues_named(
    http: ReadOnlyHttp, vhost: str, **parameters: str
) -> list[dict[str, Any]] | requests.Response:
    """The queues of a vhost page by page, or the answer that refuses to list them."""
    path = path_of("queues", vhost)
    found: list[dict[str, Any]] = []
    page, pages = 1, 1
    while page <= pages:
        response = http.get(path, page=str(page), page_size=str(_PAGE), **parameters)
        if response.status_code in {requests.codes.not_found, requests.codes.unauthorized}:
            return response
        answer = body(http, response, dict, path)
        found += answer["items"]
        page, pages = page + 1, answer["page_count"]
    return found
