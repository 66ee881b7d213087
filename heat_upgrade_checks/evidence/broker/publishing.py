"""To which exchanges the connections of a vhost publish.

RabbitMQ knows it only with `management.rates_mode = detailed` (rabbit_mgmt_metrics_collector.erl).
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Annotated

import requests

from heat_upgrade_checks.evidence.answers import Count
from heat_upgrade_checks.evidence.broker.management import EMPTY, NOTHING, body, get, path_of
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp
from heat_upgrade_checks.heat.queues import REPLY


@dataclass(frozen=True)
class _Details:
    """What a channel says of its connection."""

    name: str


@dataclass(frozen=True)
class _Sent:
    publish: Count = 0


@dataclass(frozen=True)
class _SendingChannel:
    name: str
    connection_details: Annotated[_Details | None, NOTHING] = None
    message_stats: Annotated[_Sent, EMPTY] = _Sent()


@dataclass(frozen=True)
class _Exchange:
    name: str


@dataclass(frozen=True)
class _Target:
    exchange: _Exchange


@dataclass(frozen=True)
class _Targets:
    publishes: tuple[_Target, ...] = ()


class Publishing:
    """To which exchanges the connections of a vhost publish, one question for each channel."""

    def __init__(self, http: ReadOnlyHttp, vhost: str) -> None:
        self._http = http
        self._channels: dict[str, list[str]] = defaultdict(list)
        path = path_of("vhosts", vhost, "channels")
        columns = "name,connection_details.name,message_stats.publish"
        for row in get(http, tuple[_SendingChannel, ...], path, columns=columns):
            if row.message_stats.publish and row.connection_details:
                self._channels[row.connection_details.name].append(row.name)

    def exchanges(self, connection: str) -> set[str]:
        """The exchanges of calls and notifications: answers go to the default exchange."""
        found: set[str] = set()
        for channel in self._channels[connection]:
            path = path_of("channels", channel)
            response = self._http.get(path, columns="name,publishes.exchange.name")
            if response.status_code != requests.codes.not_found:  # it has ended meanwhile
                rows = body(self._http, response, _Targets, path).publishes
                found |= {row.exchange.name for row in rows}
        return {name for name in found if name and not name.startswith(REPLY)}
