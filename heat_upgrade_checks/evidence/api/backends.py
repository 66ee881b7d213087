"""Whether Heat's API still listens at each backend that the plan names: no token, no engine asked.

An API that is idle has no connection to the broker, so that its absence there shows nothing. Its
port does: nobody listens there when it has stopped.
"""

import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.wording import counted

_LIMIT = 5
_AT_ONCE = 16
# heat-api tells its versions with 300, and asks for a token below /v1 with 401.
_OF_HEAT = frozenset({HTTPStatus.MULTIPLE_CHOICES, HTTPStatus.UNAUTHORIZED})


class Listens(Enum):
    """What is at a backend's address; NOT_HEAT is a server before an application that is gone."""

    HEAT = "Heat's API"
    NOT_HEAT = "another server"
    NOBODY = "nobody"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Backend:
    """One backend; `said` is what it answered, or why nothing is known of it."""

    url: str
    listens: Listens
    said: str


@dataclass(frozen=True)
class Backends(Facts):
    """The backends of heat-api that the plan names; none where it names none."""

    backends: tuple[Backend, ...]

    @property
    def extent(self) -> str:
        """What was read."""
        return (
            f"{counted(len(self.backends), 'address', 'addresses')} of Heat's API from api.backends"
        )


def observe(site: Site) -> Backends:
    """Knock at each."""
    urls = list(dict.fromkeys(map(str, site.plan.api.backends)))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return Backends(tuple(pool.map(_knock, urls)))


def _knock(url: str) -> Backend:
    place = urlsplit(url)
    connection: HTTPConnection
    if place.scheme == "https":
        # Whose certificate it is does not matter: nothing secret is sent, and that somebody
        # listens is all that is believed.
        unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        connection = HTTPSConnection(place.netloc, timeout=_LIMIT, context=unverified)
    else:
        connection = HTTPConnection(place.netloc, timeout=_LIMIT)
    try:
        with closing(connection):
            connection.request("GET", place.path or "/")
            status = connection.getresponse().status
    except ConnectionRefusedError:
        return Backend(url, Listens.NOBODY, "refuses the connection")
    except TimeoutError:
        return Backend(url, Listens.UNKNOWN, f"does not answer within {_LIMIT} s")
    except (OSError, HTTPException) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        return Backend(url, Listens.UNKNOWN, f"cannot be asked ({reason})")
    if status in _OF_HEAT:
        return Backend(url, Listens.HEAT, f"answers {status}")
    if status == HTTPStatus.NOT_FOUND or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Backend(url, Listens.NOT_HEAT, f"answers {status}")
    return Backend(url, Listens.UNKNOWN, f"answers {status}, which Heat's API does not")
