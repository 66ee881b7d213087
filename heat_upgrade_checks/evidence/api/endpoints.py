"""Heat's APIs: whether each endpoint answers, heat-api by an engine."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from threading import Thread
from urllib.parse import urlsplit, urlunsplit

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.api.cloud import Cloud, reason
from heat_upgrade_checks.evidence.api.questions import ASK_UNSIGNED, LIST_ONE_STACK, Question
from heat_upgrade_checks.evidence.facts import Facts
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.wording import counted

# Above Heat's rpc_response_timeout (60 s by default), so that Heat's own answer is seen.
_TIMEOUT = 75
# For both places of a backend; below the source's deadline, which would take all endpoints along.
_MOST_SECONDS = 170.0
# heat-api has /v1/PROJECT at its root; what comes before that is a proxy's.
_PREFIX = re.compile(r"(.*?)(?:/v1(?:/[^/]*)?)?/?")
_NOT_FOUND = 404


@dataclass(frozen=True)
class Endpoint:
    """One endpoint's answer to `asked`, which an engine has to give; heat-api-cfn gives it itself.

    `error` is Heat's own error type (`MessagingTimeout`, `HTTPServiceUnavailable`), or in words why
    it is not the answer that is due, or "" for a good one. `unseen` is the sentence why this
    endpoint told nothing, with `status` None; otherwise "". `backend` is its URL in the plan, ""
    for what only the catalogue names.
    """

    program: str
    url: str
    asked: str
    in_catalogue: bool
    backend: str
    status: int | None = None
    error: str = ""
    unseen: str = ""
    seconds: float = 0.0

    @property
    def answers(self) -> bool:
        """Whether it was seen to answer as it should."""
        return not self.unseen and not self.error

    @property
    def host(self) -> str:
        """The host that it names."""
        return urlsplit(self.url).hostname or ""


@dataclass(frozen=True)
class Api(Facts):
    """Heat's APIs as users reach them, and each backend of heat-api that the plan names."""

    cloud: str
    endpoints: tuple[Endpoint, ...]

    @property
    def has_cfn(self) -> bool:
        """Whether the catalogue leads to heat-api-cfn."""
        return any(each.program == ASK_UNSIGNED.program for each in self.endpoints)

    @property
    def extent(self) -> str:
        """What was read."""
        slowest = max(endpoint.seconds for endpoint in self.endpoints)
        cfn = "heat-api-cfn itself and no engine through it" if self.has_cfn else "no heat-api-cfn"
        return (
            f"{counted(len(self.endpoints), 'endpoint')} of cloud {self.cloud}, {cfn}, "
            f"slowest {slowest:.1f} s"
        )


@dataclass(frozen=True)
class _Place:
    """Where one endpoint can be, the likeliest URL first, and what is known of it before."""

    question: Question
    urls: tuple[str, ...]
    in_catalogue: bool = False
    backend: str = ""

    @property
    def endpoint(self) -> Endpoint:
        """Nothing of it is seen yet."""
        asked = self.question
        return Endpoint(asked.program, self.urls[0], asked.words, self.in_catalogue, self.backend)


def observe(site: Site) -> Api:
    """Ask each endpoint: both in the catalogue, and each backend of heat-api."""
    cloud = Cloud(site)
    public = heat_api(cloud)
    places: dict[tuple[str, ...], _Place] = {
        (public,): _Place(LIST_ONE_STACK, (public,), in_catalogue=True)
    }
    for backend in site.plan.api.backends:
        urls = _on_backend(public, backend)
        places[urls] = replace(places.get(urls) or _Place(LIST_ONE_STACK, urls), backend=backend)
    cfn = cloud.endpoint(ASK_UNSIGNED.service)
    # An entry of auth_type none has one endpoint for whatever service it is asked for.
    if cfn is not None and cfn != public:
        places[cfn, ASK_UNSIGNED.program] = _Place(ASK_UNSIGNED, (cfn,), in_catalogue=True)
    return Api(cloud.name, tuple(_all_at_once(cloud, [*places.values()])))


def heat_api(cloud: Cloud) -> str:
    """Where heat-api is.

    :raises Unobserved: the catalogue names no such endpoint.
    """
    public = cloud.endpoint(LIST_ONE_STACK.service)
    if public is None:
        raise Unobserved(
            f"cloud {cloud.name} has no orchestration endpoint in its catalogue for the region and "
            "interface of its entry in clouds.yaml; correct those, or api.cloud in the plan"
        )
    return public


def _on_backend(public: str, backend: str) -> tuple[str, ...]:
    """Where the API can be at one backend, the likeliest place first.

    A backend's own path comes before `/v1`. Without one, the catalogue's does or, behind a load
    balancer that takes it away, none.
    """
    path, there = urlsplit(public).path, urlsplit(backend)
    prefix, own = _prefix(path), _prefix(there.path)
    return tuple(
        urlunsplit((there.scheme, there.netloc, before + path.removeprefix(prefix), "", ""))
        for before in ((own,) if own else dict.fromkeys((prefix, "")))
    )


def _prefix(path: str) -> str:
    match = _PREFIX.fullmatch(path)
    return match[1] if match else path


def _all_at_once(cloud: Cloud, places: list[_Place]) -> Iterator[Endpoint]:
    """What each answers, in this order; one that hangs hides no other."""
    token, begun = cloud.token(), time.monotonic()
    asked: list[Future[Endpoint]] = []
    for place in places:
        answer: Future[Endpoint] = Future()
        asked.append(answer)
        # Daemon threads: what hangs must not keep the process from ending either.
        Thread(target=_settle, args=(answer, cloud, token, place), daemon=True).start()
    for place, answer in zip(places, asked, strict=True):
        left = begun + _MOST_SECONDS - time.monotonic()
        try:
            yield answer.result(timeout=max(0.0, left))
        except TimeoutError:
            late = f"no whole answer within {_MOST_SECONDS:g} s; look into its log"
            yield _unseen(place.endpoint, late, begun)


def _settle(answer: "Future[Endpoint]", cloud: Cloud, token: dict[str, str], place: _Place) -> None:
    try:
        answer.set_result(_ask_where_it_is(cloud, token, place))
    except BaseException as bug:
        answer.set_exception(bug)


def _ask_where_it_is(cloud: Cloud, token: dict[str, str], place: _Place) -> Endpoint:
    """The first answer that is not 404, or else the first one."""
    answers = []
    for url in place.urls:
        answers.append(_ask(cloud, token, place.question, replace(place.endpoint, url=url)))
        if answers[-1].status != _NOT_FOUND:
            return answers[-1]
    return answers[0]


def _ask(cloud: Cloud, token: dict[str, str], question: Question, at: Endpoint) -> Endpoint:
    from keystoneauth1 import exceptions as ksa

    begun = time.monotonic()
    try:
        with cloud.get(
            question.url(at.url),
            params=question.parameters,
            headers=token if question.with_token else {},
            connect_retries=2,
            timeout=_TIMEOUT,
        ) as response:
            status, error = response.status_code, question.error(response)
    except (ksa.ClientException, OSError) as problem:
        return _unseen(at, reason(problem), begun)
    if refusal := question.refusal(status):
        return _unseen(at, refusal, begun)
    return replace(at, status=status, error=error, seconds=_since(begun))


def _unseen(at: Endpoint, why: str, begun: float) -> Endpoint:
    return replace(at, unseen=f"{at.program} at {at.url}: {why}", seconds=_since(begun))


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 3)
