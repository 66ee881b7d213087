"""Gates with realistic content, for the tests of their reports."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from heat_upgrade_checks.records.findings import (
    AppliedWaiver,
    CheckResult,
    Finding,
    Level,
    Outcome,
    outcome_of,
    verdict_of,
)
from heat_upgrade_checks.records.gate import (
    SCHEMA_VERSION,
    Digests,
    EvidenceRecord,
    Gate,
    Previous,
    ReleaseName,
    Tool,
    Upgrade,
)

Make = Callable[..., Gate]

STARTED = datetime(2026, 11, 22, 9, 14, 5, tzinfo=UTC)
UPGRADE = Upgrade(
    "heat-2025.2-to-2026.1",
    "rolling",
    ReleaseName("25.0.1", "2025.2"),
    ReleaseName("26.0.2", "2026.1"),
)
DRAIN = "Let the old engines drain it, then run this phase again."


def _check(
    id: str,
    title: str,
    guide: str,
    looked_at: str,
    *findings: Finding,
    outcome: Outcome | None = None,
    reason: str = "",
    waivers: tuple[AppliedWaiver, ...] = (),
) -> CheckResult:
    family = id.partition(".")[0]
    became = outcome or outcome_of(findings)
    return CheckResult(
        id, family, title, guide, became, reason, 0.8, looked_at, tuple(findings), waivers
    )


QUEUES_EMPTY = _check(
    "queues.empty",
    "The old vhost holds no unprocessed work",
    "rolling 7",
    "49 work queues in vhost /heat, 3 samples over 30 s, RabbitMQ management",
    *(
        Finding(
            Level.BLOCKER,
            f"engine_worker.5f3c0d1e-{number:04d}",
            f"{number + 2} messages wait ({number} unacknowledged)",
            DRAIN,
            (("rabbitmqctl", "list_queues", "-p", "/heat", "name", "messages"),),
            {"messages": number + 2, "unacknowledged": number},
        )
        for number in range(24)
    ),
)
HELD = _check(
    "stacks.held-by-host",
    "The engines of the host hold no work",
    "rolling 5-7",
    "14812 stacks in 311 projects, nested and hidden included, database",
    Finding(
        Level.BLOCKER,
        "stack web-7 of project media",
        "resource server held by engine 5f3c0d1e for 3 h 5 min",
        "Wait for the update of the stack to end.",
        (("openstack", "stack", "event", "list", "web-7 & co", "--nested-depth", "5"),),
    ),
    Finding(Level.NOTE, "stack_lock", "2 locks of live engines were seen and released"),
)
NO_API_LEFT = _check(
    "queues.no-api-left",
    "No API publishes to the old vhost",
    "rolling 7",
    "6 connections to vhost /heat, RabbitMQ management",
)
SERVICES = _check(
    "services.alive",
    "Every expected engine reports",
    "rolling 7",
    "",
    outcome=Outcome.ERROR,
    reason="database db-1:3306 gave no answer in 5 s (3 attempts); check the route to it",
)
NOTIFICATIONS = _check(
    "vhost.notifications",
    "Notifications do not pile up where nobody reads",
    "rolling 7",
    "2 notification queues in vhost /heat-26",
    Finding(
        Level.WARNING,
        "notifications.info",
        "1204 messages and no consumer",
        "Start a consumer, or set driver = noop in [oslo_messaging_notifications].",
    ),
)
SIGNALS = _check(
    "stacks.waiting-on-signals",
    "No stack waits for a signal from outside",
    "rolling 7",
    "3 wait conditions in progress, database",
    Finding(Level.BLOCKER, "stack batch-3", "wait condition may last 40 min", "Wait for it."),
    outcome=Outcome.WAIVED,
    waivers=(
        AppliedWaiver(
            object="stack batch-*",
            reason="The batch is repeated tomorrow",
            owner="Ada Operator",
            ticket="CHG-1042",
            expires=datetime(2026, 11, 30, tzinfo=UTC),
            covers=("stack batch-3",),
            covers_unknown=False,
        ),
    ),
)
SMOKE = _check(
    "api.smoke",
    "A small stack can be created, updated, checked and deleted",
    "rolling 8",
    "",
    outcome=Outcome.NOT_APPLICABLE,
    reason="the plan asks for no smoke stack",
)
EVIDENCE = (
    EvidenceRecord(
        "broker ctl-1:15671",
        STARTED + timedelta(seconds=1),
        30.4,
        1,
        "49 queues in vhost /heat, 52 in vhost /heat-26",
        "",
    ),
    EvidenceRecord("database db-1:3306", STARTED, 15.0, 3, "", "no answer in 5 s"),
)


def _gate(checks: Iterable[CheckResult], **changes: object) -> Gate:
    results = tuple(checks)
    verdict = verdict_of(results)
    gate = Gate(
        schema=SCHEMA_VERSION,
        tool=Tool("heat-upgrade-checks", "0.1.0"),
        upgrade=UPGRADE,
        phase="last-engine",
        host="ctl-3",
        partial=False,
        verdict=verdict,
        exit_code=verdict.exit_code,
        started_at=STARTED,
        finished_at=STARTED + timedelta(seconds=57),
        seconds=57.2,
        checks=results,
        evidence=EVIDENCE,
        drain=(),
        previous=Previous("engine", "a" * 64),
        digests=Digests("b" * 64, "c" * 64, "", "d" * 64),
    )
    return replace(gate, **changes)  # type: ignore[arg-type]


@pytest.fixture
def no_go() -> Gate:
    """Old queues hold work; one source did not answer; one warning, one waiver."""
    return _gate([NO_API_LEFT, QUEUES_EMPTY, HELD, SERVICES, NOTIFICATIONS, SIGNALS, SMOKE])


@pytest.fixture
def go() -> Gate:
    """All was judged and nothing was found."""
    return _gate([NO_API_LEFT], evidence=EVIDENCE[:1])


@pytest.fixture
def warned() -> Gate:
    """Open, with something to read first."""
    return _gate([NO_API_LEFT, NOTIFICATIONS, SIGNALS])


@pytest.fixture
def incomplete() -> Gate:
    """One source did not answer."""
    return _gate([NO_API_LEFT, SERVICES])


@pytest.fixture
def unjudged() -> Gate:
    """No check applied."""
    return _gate([SMOKE])


@pytest.fixture
def huge() -> Gate:
    """Twenty checks with five hundred long blockers each."""
    findings = tuple(
        Finding(
            Level.BLOCKER,
            f"engine_worker.{number:08d}",
            f"{number} messages wait " + "& more " * 300,
            "Let the old engines drain it. " * 30,
            (("rabbitmqctl", "list_queues", "-p", f"/heat-{number}", "x" * 1500),),
        )
        for number in range(500)
    )
    return _gate(replace(QUEUES_EMPTY, id=f"queues.q{n}", findings=findings) for n in range(20))


@pytest.fixture
def make(no_go: Gate) -> Make:
    """Gates that differ from the no-go gate as asked: other checks, phase, host, times."""

    def made(checks: Iterable[CheckResult] = no_go.checks, **changes: object) -> Gate:
        return _gate(checks, **changes)

    return made


class Page(HTMLParser):
    """A page as its tags, its attributes and its text: one line for each run of text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self._lines: list[str] = []
        self._hidden = ""
        self.feed(source)
        self.close()

    @property
    def text(self) -> str:
        """What a reader without style sheets sees."""
        return "\n".join(self._lines) + "\n"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what the tag is and carries."""
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag in ("style", "title"):
            self._hidden = tag

    def handle_endtag(self, tag: str) -> None:
        """Show text again after what a browser does not show."""
        if tag == self._hidden:
            self._hidden = ""

    def handle_data(self, data: str) -> None:
        """Keep visible text."""
        if data.strip() and not self._hidden:
            self._lines.append(" ".join(data.split()))


@pytest.fixture
def read() -> Callable[[str], Page]:
    """A page, taken apart."""
    return Page
