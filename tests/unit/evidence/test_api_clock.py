"""The clock that asks Heat's API: its pace."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from heat_upgrade_checks.evidence.api import clock
from heat_upgrade_checks.evidence.api.clock import ApiClock
from heat_upgrade_checks.evidence.site import Site
from tests.judging import plan


def test_it_asks_every_second_and_never_twice_at_once_after_a_late_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    begun: list[float] = []
    durations = iter([0.0, 0.25, 0.0, 2.5, 0.0, 0.0])

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    def tick(asking: ApiClock) -> None:
        begun.append(now)
        sleep(next(durations))
        asking._over = len(begun) == 6

    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: now, sleep=sleep))
    monkeypatch.setattr(ApiClock, "_tick", tick)
    woken: list[float] = []
    ApiClock(Site(plan(), Path("/nowhere")), lambda: woken.append(now))._run()
    assert begun == [0.0, 1.0, 2.0, 3.0, 5.5, 6.5]
    assert woken == [0.0, 1.25, 2.0, 5.5, 5.5, 6.5]
