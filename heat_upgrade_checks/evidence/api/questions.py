"""What Heat's two APIs are asked, and what counts as an answer."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence import answers
from heat_upgrade_checks.wording import clipped

_LONGEST_ANSWER = 1 << 20
_LONGEST_HOST = 80
# Heat's error types are names of classes (heat/api/middleware/fault.py). Whatever else stands there
# may be anything, also what was sent.
_ERROR_TYPE = re.compile(r"[A-Za-z]\w{0,63}")
_OK, _BAD_REQUEST = 200, 400
_REFUSED = {401, 403}


@dataclass(frozen=True)
class Question:
    """A GET of one program's endpoint in the catalogue, whose service type is `service`.

    `found` tells of a status and a body why they are not the answer that is due; empty if they are.
    """

    program: str
    service: str
    words: str
    path: str
    parameters: Mapping[str, str]
    found: Callable[[int, bytes], str]
    with_token: bool = True

    def refusal(self, status: int) -> str:
        """Why this account gets no answer; "" where it is not the account."""
        if status not in _REFUSED or not self.with_token:
            return ""
        return f"refuses this account ({status}); give the cloud's account a role on its project"

    def url(self, base: str) -> str:
        """Where it is asked at an endpoint."""
        return f"{base.rstrip('/')}/{self.path}"

    def error(self, response: Any) -> str:
        """Why a response is not the answer that is due, to be read after its status; "" if it is.

        :raises OSError: the rest of the response does not come.
        """
        body = b""
        for part in response.iter_content(1 << 16):
            body += part
            if len(body) > _LONGEST_ANSWER:
                return f"and more than {_LONGEST_ANSWER >> 20} MiB, which {self.program} never does"
        leads_to = response.headers.get("Location")
        if leads_to is not None and response.is_redirect:
            return f"and sends its callers to {_host(leads_to)}, which is not followed"
        return self.found(response.status_code, body)


@dataclass(frozen=True)
class _Stack:
    id: str
    stack_name: str


@dataclass(frozen=True)
class _Stacks:
    stacks: list[_Stack]


@dataclass(frozen=True)
class _Fault:
    type: str


@dataclass(frozen=True)
class _Faulty:
    error: _Fault


def _listed(status: int, body: bytes) -> str:
    if status == _OK:
        try:
            answers.read(_Stacks, body, "but no list of stacks", "something else answers there")
        except Unobserved as problem:
            return str(problem)
        return ""
    try:
        return _named(answers.read(_Faulty, body, "", "").error.type)
    except Unobserved:
        return _named("")


def _unsigned(status: int, body: bytes) -> str:
    """What heat-api-cfn says (heat/api/aws/ec2token.py) to a request without a signature."""
    if status == _BAD_REQUEST and b"<Code>IncompleteSignature</Code>" in body:
        return ""
    return "and not as heat-api-cfn does"


def _named(error: str) -> str:
    return error if _ERROR_TYPE.fullmatch(error) else "and no error of Heat's own"


def _host(url: str) -> str:
    try:
        return clipped(urlsplit(url).hostname or "another path", _LONGEST_HOST)
    except ValueError:
        return "nowhere"


# Not conn.orchestration.stacks(): it silently drops the parameters it does not know.
LIST_ONE_STACK = Question(
    program="heat-api",
    service="orchestration",
    words="a list of one stack",
    path="stacks",
    parameters={"limit": "1"},
    found=_listed,
)

# By a policy of its own that asks for a project which it does not name, Heat 26 lets nobody list or
# describe stacks here, and what else reaches an engine writes. So this asks the program alone.
ASK_UNSIGNED = Question(
    program="heat-api-cfn",
    service="cloudformation",
    words="a request without a signature",
    path="",
    parameters={},
    found=_unsigned,
    with_token=False,
)
