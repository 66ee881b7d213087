"""What the name of a program tells: whose process it is on a broker that services share.

oslo.messaging names a connection after its process, `<basename of argv[0]>:<pid>:<uuid>`
(oslo_messaging/_drivers/impl_rabbit.py). With `use_queue_manager` it names a reply queue
`reply_<hostname>:<processname>:<number>` (amqpdriver.py, QManager); kolla-ansible 20 to 22 gives
heat-api, heat-api-cfn and most other APIs under a WSGI server their own name as `processname`.
"""

import re
from collections.abc import Iterable

from heat_upgrade_checks.heat.queues import REPLY

ENGINE = "heat-engine"
APIS = frozenset({"heat-api", "heat-api-cfn", "heat-wsgi-api", "heat-wsgi-api-cfn"})
# A WSGI server carries no name of Heat's: under uwsgi heat-api is "uwsgi".
WSGI_SERVERS = frozenset({"uwsgi", "apache2", "httpd", "mod_wsgi", "gunicorn"})
# What takes the place of an eventlet server; 2025.2 (25) removed them (setup.cfg, heat/wsgi).
WSGI_APPLICATIONS = {
    "heat-api": "heat.wsgi.api:application",
    "heat-wsgi-api": "heat.wsgi.api:application",
    "heat-api-cfn": "heat.wsgi.cfn:application",
    "heat-wsgi-api-cfn": "heat.wsgi.cfn:application",
    "heat-all": "heat.wsgi.api:application and heat-engine",
}
# The services of OpenStack's release that use oslo.messaging; their programs are `<name>-<part>`.
# A name that is not listed here tells nothing, so its process stays a candidate.
_OTHERS = re.compile(
    "(adjutant|aodh|barbican|blazar|ceilometer|cinder|cloudkitty|cyborg|designate|ec2-api|freezer"
    "|glance|gnocchi|ironic|keystone|magnum|manila|masakari|mistral|murano|neutron|nova|octavia"
    "|placement|sahara|senlin|solum|swift|tacker|trove|venus|vitrage|watcher|zaqar|zun)([-_].+)?"
)
_MANAGED_REPLY = re.compile(r"reply_.+:(?P<process>[^:]+):\d+")


def is_of_another_service(program: str) -> bool:
    """Whether this is a program of OpenStack that is not Heat's."""
    return _OTHERS.fullmatch(program) is not None


def callers(queues: Iterable[str]) -> frozenset[str]:
    """The programs that wait for answers in these queues; "" stands for one without a name."""
    answers = (queue for queue in queues if queue.startswith(REPLY))
    named = (_MANAGED_REPLY.fullmatch(queue) for queue in answers)
    return frozenset(match["process"] if match else "" for match in named)


def told(program: str, queues: Iterable[str]) -> bool:
    """Whether the names alone tell whose process it is that reads these queues."""
    calling = callers(queues)
    names = {program, *calling}
    return bool(names & {ENGINE, *APIS}) or is_of_another_service(program) or others_call(calling)


def others_call(calling: frozenset[str]) -> bool:
    """Whether all callers are other services' programs, of which there is one at least.

    The processes of two containers on one host may have the same pid and are seen as one.
    """
    return bool(calling) and all(map(is_of_another_service, calling))
