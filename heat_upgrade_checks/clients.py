"""What a process that is connected to a vhost is to Heat, as far as the broker tells."""

from enum import Enum

from heat_upgrade_checks.evidence.connections import Client, VhostClients
from heat_upgrade_checks.queues import REPLY, serves_engines

_APIS = {"heat-api", "heat-api-cfn", "heat-wsgi-api", "heat-wsgi-api-cfn"}
# A WSGI server carries no name of Heat's: under uwsgi heat-api is "uwsgi".
_WSGI_SERVERS = {"uwsgi", "apache2", "httpd", "mod_wsgi", "gunicorn"}
_ENGINE = "heat-engine"


class Role(Enum):
    """Engines read the queues of work; APIs, heat-api-cfn among them, put it there."""

    ENGINE = "engine"
    API = "API"
    UNKNOWN = "unknown"


def role(client: Client, side: VhostClients) -> Role:
    """The part that this client of a vhost plays.

    Without a telling name it is an API if it uses Heat's account there and either is a WSGI server
    or waits for answers to calls of its own.
    """
    if client.program == _ENGINE or any(map(serves_engines, client.reads)):
        return Role.ENGINE
    if client.program in _APIS:
        return Role.API
    calls = any(queue.startswith(REPLY) for queue in client.reads)
    if client.user in side.accounts and (client.program in _WSGI_SERVERS or calls):
        return Role.API
    return Role.UNKNOWN
