"""Heat's API asked every second, on a clock of its own, so that its downtime is measured."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.api.cloud import Cloud, reason
from heat_upgrade_checks.evidence.api.endpoints import heat_api
from heat_upgrade_checks.evidence.api.questions import LIST_ONE_STACK
from heat_upgrade_checks.evidence.gather import own_failure
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.records.watch import ApiWindow

TITLE = "Heat's API"
PERIOD = 1.0
# An API that needs longer for a list of one stack is down for whoever uses it.
TIMEOUT = 5.0
_MOST_OPEN = 12


class _Unanswered(Exception):
    """Heat's API gave no good answer; the sentence says which."""


@dataclass(eq=False)
class _Ask:
    """One question. `up` is None while it is open, and where its end tells nothing of the API.

    `at_api` tells that it waits for Heat's API and no longer for Keystone.
    """

    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    begun: float = field(default_factory=time.monotonic)
    seconds: float | None = None
    up: bool | None = None
    error: str = ""
    at_api: bool = False

    @property
    def settled(self) -> bool:
        """Whether it ended, or took too long to still count as answered."""
        return self.seconds is not None or time.monotonic() - self.begun > TIMEOUT

    def give_up(self) -> None:
        """Settle a question that took too long."""
        self.seconds = time.monotonic() - self.begun
        self.up = False if self.at_api else None
        who = TITLE if self.at_api else "Keystone"
        self.error = f"{who} gave no answer within {TIMEOUT:g} s; look into its log"


class ApiClock:
    """Asks until the process ends; `wake` is called whenever a question was settled.

    Questions overlap, so that a hanging API does not make the clock slower.
    """

    def __init__(self, site: Site, wake: Callable[[], None]) -> None:
        self._site, self._wake = site, wake
        self._lock = threading.Lock()
        self._asks: deque[_Ask] = deque()
        self._last: _Ask | None = None
        self._cloud: Cloud | None = None
        self._open = 0
        self._reason = ""
        self._over = False

    def start(self) -> None:
        """Begin to ask."""
        threading.Thread(target=self._run, name="api-clock", daemon=True).start()

    @property
    def has_news(self) -> bool:
        """Whether the next window holds an answer, or the reason why nothing can be asked."""
        with self._lock:
            return self._asks[0].settled if self._asks else bool(self._reason)

    def window(self) -> ApiWindow:
        """What was settled since the last call."""
        with self._lock:
            settled = []
            while self._asks and self._asks[0].settled:
                ask = self._asks.popleft()
                if ask.seconds is None:
                    ask.give_up()
                settled.append(ask)
            if settled:
                error = settled[-1].error
            elif self._asks:
                waited = time.monotonic() - self._asks[0].begun
                error = f"{TITLE}: asked {waited:.0f} s ago, no answer yet"
            else:
                error = self._reason or f"{TITLE}: not asked yet"
            window = _window(self._last, settled, self._site.secrets.redact(error))
            self._last = settled[-1] if settled else self._last
            return window

    def _run(self) -> None:
        due = time.monotonic()
        while not self._over:
            try:
                self._tick()
            except NotConfigured as reason:
                # Neither the plan nor the environment changes while this process runs.
                self._reason, self._over = str(reason), True
            except Unobserved as reason:
                self._reason = str(reason)
            except Exception as bug:
                self._reason = own_failure(TITLE, bug)
            self._wake()
            due = max(due + PERIOD, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))

    def _tick(self) -> None:
        if self._cloud is None:
            self._cloud = Cloud(self._site, TIMEOUT)
            self._reason = ""
        with self._lock:
            if self._open >= _MOST_OPEN:
                return
            self._open += 1
            ask = _Ask()
            self._asks.append(ask)
        threading.Thread(
            target=self._ask, args=(self._cloud, ask), name="api-ask", daemon=True
        ).start()

    def _ask(self, cloud: Cloud, ask: _Ask) -> None:
        up, error = None, ""
        try:
            _question(cloud, ask)
            up = True
        except _Unanswered as problem:
            up, error = False, str(problem)
        except Unobserved as problem:
            error = str(problem)
        except BaseException as bug:
            error = own_failure(TITLE, bug)
        with self._lock:
            self._open -= 1
            if ask.seconds is None:
                ask.up, ask.error = up, error
                ask.seconds = time.monotonic() - ask.begun
                if ask.seconds > TIMEOUT:
                    ask.give_up()
        self._wake()


def _question(cloud: Cloud, ask: _Ask) -> None:
    """Ask for a list of one stack, which an engine has to give."""
    url = LIST_ONE_STACK.url(heat_api(cloud))
    for renewed in (False, True):
        token = cloud.token(renewed)
        ask.at_api = True
        status, error = _get(cloud, url, token)
        refusal = LIST_ONE_STACK.refusal(status)
        if not refusal:
            break
        ask.at_api = False
    if refusal:
        raise Unobserved(f"{TITLE} at {url} {refusal}")
    if error:
        raise _Unanswered(f"{TITLE} at {url} answers {status} {error}")


def _get(cloud: Cloud, url: str, token: dict[str, str]) -> tuple[int, str]:
    from keystoneauth1 import exceptions as ksa

    def get() -> tuple[int, str]:
        with cloud.get(
            url,
            params=LIST_ONE_STACK.parameters,
            headers=token,
            connect_retries=0,
            timeout=TIMEOUT,
        ) as response:
            return response.status_code, LIST_ONE_STACK.error(response)

    try:
        try:
            return get()
        except ksa.ConnectFailure:
            # A kept connection that the server closes just then says nothing: ask on a new one.
            return get()
    except ksa.SSLError as error:
        raise Unobserved(f"{TITLE} at {url}: {reason(error)}") from None
    except (ksa.ClientException, OSError) as error:
        raise _Unanswered(f"{TITLE} at {url}: {reason(error)}") from None


def _window(before: _Ask | None, settled: list[_Ask], error: str) -> ApiWindow:
    """The questions settled, each of them timed from the one before."""
    watched = down = gap = 0.0
    for ask in settled:
        if before is not None and before.up is not None:
            between = ask.begun - before.begun
            watched += between
            down += 0.0 if before.up else between
            gap = max(gap, between)
        before = ask
    failed = [ask.at for ask in settled if ask.up is False]
    return ApiWindow(
        up=settled[-1].up if settled else None,
        asked=len(settled),
        failed=len(failed),
        unknown=sum(ask.up is None for ask in settled),
        watched=round(watched, 3),
        down=round(down, 3),
        gap=round(gap, 3),
        slowest=max((round(ask.seconds or 0.0, 3) for ask in settled if ask.up), default=None),
        first_failed=failed[0] if failed else None,
        last_failed=failed[-1] if failed else None,
        error=error,
    )
