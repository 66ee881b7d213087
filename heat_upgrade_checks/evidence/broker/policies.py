"""The policies of a vhost: what RabbitMQ adds to the arguments of queues and exchanges."""

from dataclasses import dataclass
from typing import Annotated, Any

import requests
from pydantic import AliasChoices, Field

from heat_upgrade_checks.evidence.broker.management import body, path_of, require_sight
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp

_HIDDEN = {requests.codes.unauthorized, requests.codes.forbidden}


@dataclass(frozen=True)
class Policy:
    """One policy of a vhost; `pattern` is searched in a name, and the highest priority wins."""

    name: str
    pattern: str
    apply_to: Annotated[str, Field(validation_alias=AliasChoices("apply-to", "apply_to"))]
    priority: int
    definition: dict[str, Any]


def policies(http: ReadOnlyHttp, vhost: str) -> tuple[Policy, ...]:
    """Those that users set.

    :raises Unobserved: the account may not see them.
    """
    path = path_of("policies", vhost)
    response = http.get(path)
    require_sight(http, response, vhost)
    return _read(http, response, path)


def operator_policies(http: ReadOnlyHttp, vhost: str) -> tuple[Policy, ...] | None:
    """Those that operators set over users' heads, or None where the account may not see them."""
    path = path_of("operator-policies", vhost)
    response = http.get(path)
    return None if response.status_code in _HIDDEN else _read(http, response, path)


def _read(http: ReadOnlyHttp, response: requests.Response, path: str) -> tuple[Policy, ...]:
    found = body(http, response, list[Policy], path)
    return tuple(sorted(found, key=lambda policy: policy.name))
