"""Sources are asked once, at the same time, and whatever they do not answer is an error."""

import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence import sources
from heat_upgrade_checks.evidence.gather import Gatherer
from heat_upgrade_checks.evidence.retry import ask
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.evidence.sources import Source
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.secrets import Secrets
from tests.waiting import until


@dataclass(frozen=True)
class _Facts:
    extent: str = "two of two"


@pytest.fixture
def site() -> Site:
    plan = {
        "name": "unit",
        "mode": "cold",
        "current": {"version": "25.0.2"},
        "target": {"version": "26.0.2"},
    }
    secrets = Secrets()
    secrets.add("canary-secret")
    return Site(Plan.model_validate(plan), Path("/nowhere"), secrets)


def _source(monkeypatch: pytest.MonkeyPatch, name: str, observe: object, **more: float) -> None:
    source = Source(name, f"the {name}", "nowhere", **more)  # type: ignore[arg-type]
    monkeypatch.setitem(sources.SOURCES, name, source)
    observers = {**getattr(Source, "_observers", {}), name: observe}
    monkeypatch.setattr(Source, "_observers", observers, raising=False)
    monkeypatch.setattr(Source, "observe", property(lambda self: self._observers[self.name]))


def test_sources_are_asked_at_the_same_time_and_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    # Each waits for all others: one that was asked after another had answered would be alone.
    meeting = threading.Barrier(3, timeout=120)

    def slow(_: Site) -> _Facts:
        calls.append(1)
        meeting.wait()
        return _Facts()

    for name in ("a", "b", "c"):
        _source(monkeypatch, name, slow)
    gatherer = Gatherer(site)
    gatherer.start(["a", "b", "c"])
    gatherer.start(["a"])
    observed = [gatherer.observation(name) for name in ("a", "b", "c", "a")]
    assert len(calls) == 3
    assert {(each.summary, each.error, each.attempts) for each in observed} == {
        ("two of two", "", 1)
    }


@pytest.mark.parametrize(
    ("error", "sentence", "configured"),
    [
        (Unobserved("canary-secret is wrong; correct it"), "*** is wrong; correct it", True),
        (NotConfigured("add it"), "add it", False),
        (KeyError("canary-secret"), "this tool failed at it (KeyError in test_gather", True),
        (SystemExit(0), "this tool failed at it (SystemExit in test_gather", True),
    ],
)
def test_whatever_is_raised_is_an_error(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    sentence: str,
    configured: bool,
) -> None:
    def broken(_: Site) -> _Facts:
        raise error

    _source(monkeypatch, "a", broken)
    observed = Gatherer(site).observation("a")
    assert sentence in observed.error
    assert (observed.facts, observed.configured) == (None, configured)
    assert "canary" not in observed.error


def test_a_source_that_is_silent_beyond_its_deadline_stays_unanswered(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    missed = threading.Event()
    asked: list[threading.Thread] = []

    def late(_: Site) -> _Facts:
        asked.append(threading.current_thread())
        missed.wait(120)
        return _Facts()

    _source(monkeypatch, "a", late, deadline=0.2)
    gatherer = Gatherer(site)
    observed = gatherer.observation("a")
    assert "the a: no answer within 0.2 s" in observed.error
    assert observed.facts is None
    missed.set()
    until(lambda: asked and not asked[0].is_alive(), "the answer that comes too late")
    assert gatherer.observation("a") == observed
    assert gatherer.observations() == {"a": observed}


def test_facts_that_cannot_state_their_extent_are_an_error(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        @property
        def extent(self) -> str:
            raise ZeroDivisionError

    _source(monkeypatch, "a", lambda _: Broken())
    observed = Gatherer(site).observation("a")
    assert "ZeroDivisionError" in observed.error
    assert observed.facts is None


def test_attempts_are_counted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([ConnectionError(), ConnectionError()])

    def flaky() -> _Facts:
        for failure in failures:
            raise failure
        return _Facts()

    def observe(_: Site) -> _Facts:
        return ask(flaky, again_on=lambda error: isinstance(error, ConnectionError))

    _source(monkeypatch, "a", observe)
    assert Gatherer(site).observation("a").attempts == 3


def test_a_recorded_run_asks_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _source(monkeypatch, "a", lambda _: pytest.fail("it was asked"))
    observed = Gatherer(site, recorded={}).observation("a")
    assert observed.error == "the a: not part of the recorded evidence"


def test_who_has_not_answered_when_it_gives_up_never_does(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    _source(monkeypatch, "a", lambda _: _Facts())
    given_up = threading.Event()

    def silent(_: Site) -> _Facts:
        # Whoever waited for it after all would be told facts.
        given_up.wait(120)
        return _Facts()

    _source(monkeypatch, "b", silent)
    gatherer = Gatherer(site)
    gatherer.start(["a", "b"])
    answered = gatherer.observation("a")
    gatherer.give_up()
    observed = gatherer.observations()
    given_up.set()
    assert observed["a"] == answered
    assert observed["b"].error == "the b: interrupted before it answered"
