"""HTTP that can only read: GET and nothing else, asked again where that may help."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.retry import ask
from heat_upgrade_checks.evidence.tls_faults import fault_of

_CONNECT_TIMEOUT = 5
_READ_TIMEOUT = 30


class _Busy(Exception):
    """The server answered 5xx."""

    def __init__(self, response: requests.Response) -> None:
        self.response = response


@dataclass
class ReadOnlyHttp:
    """GET below one base URL; `what` names the server in sentences."""

    what: str
    base: str
    auth: tuple[str, str] | None = None
    ca_file: Path | None = None
    _session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        # A proxy or a .netrc of the operator's shell must not stand between us and the source.
        self._session.trust_env = False
        self._session.auth = self.auth
        self._session.verify = str(self.ca_file) if self.ca_file else True
        if self.ca_file and not self.ca_file.is_file():
            raise Unobserved(f"{self.what}: there is no file {self.ca_file}; correct ca_file")
        self._session.headers["Accept"] = "application/json"

    def get(self, path: str, **parameters: str) -> requests.Response:
        """The answer to GET, whatever its status below 500.

        :raises Unobserved: nobody answers, or the answer is a server error three times.
        """
        return self._get(path, parameters, frozenset())

    def check(self, path: str) -> requests.Response:
        """The answer to a health check, which says 503 where it fails.

        :raises Unobserved: nobody answers, or the answer is another server error three times.
        """
        return self._get(path, {}, frozenset({requests.codes.service_unavailable}))

    def _get(
        self, path: str, parameters: Mapping[str, str], expected: frozenset[int]
    ) -> requests.Response:
        url = f"{self.base.rstrip('/')}/{path.lstrip('/')}"

        def question() -> requests.Response:
            response = self._session.get(
                url,
                params=parameters,
                timeout=(_CONNECT_TIMEOUT, _READ_TIMEOUT),
                allow_redirects=False,
            )
            status = response.status_code
            if status >= requests.codes.internal_server_error and status not in expected:
                raise _Busy(response)
            return response

        try:
            return ask(question, again_on=_may_pass)
        except _Busy as error:
            raise Unobserved(
                f"{self.what} at {self.base} answers {error.response.status_code} to GET {path}; "
                "look into its log"
            ) from None
        except requests.exceptions.SSLError as error:
            raise Unobserved(f"{self.what} at {self.base}: {fault_of(error)}") from None
        except requests.exceptions.Timeout:
            raise Unobserved(
                f"{self.what} at {self.base} does not answer in time; "
                "check the host, the port and any firewall between"
            ) from None
        except requests.exceptions.RequestException:
            raise Unobserved(
                f"{self.what} cannot be reached at {self.base}; "
                "start it, or correct its URL in the plan"
            ) from None


def _may_pass(error: BaseException) -> bool:
    unfixable = (requests.exceptions.SSLError, requests.exceptions.InvalidURL)
    transient = (requests.exceptions.ConnectionError, requests.exceptions.Timeout, _Busy)
    return isinstance(error, transient) and not isinstance(error, unfixable)
