"""The vhosts of a cluster.

One is told by their list: RabbitMQ shows a single vhost to administrators alone.
"""

from dataclasses import dataclass

from heat_upgrade_checks.evidence.broker.management import get
from heat_upgrade_checks.evidence.read_only_http import ReadOnlyHttp


@dataclass(frozen=True)
class _Vhost:
    name: str
    default_queue_type: str | None = None


def default_queue_types(http: ReadOnlyHttp) -> dict[str, str]:
    """The type that RabbitMQ gives to a queue whose maker names none, for each vhost there is.

    It says undefined, or nothing before 3.10, where it makes classic queues.
    """
    rows = get(http, list[_Vhost], "api/vhosts", columns="name,default_queue_type")
    return {
        row.name: "classic"
        if row.default_queue_type in {None, "", "undefined"}
        else str(row.default_queue_type)
        for row in rows
    }
