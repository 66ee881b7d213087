"""The curve of a wait in the gate's page."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from heat_upgrade_checks.records.gate import DrainSample, Gate
from heat_upgrade_checks.report import drain, html
from tests.unit.report.conftest import STARTED

Make = Callable[..., Gate]


def _samples(number: int) -> tuple[DrainSample, ...]:
    """Work that grows less, with a spike of messages in the middle."""
    return tuple(
        DrainSample(
            at=STARTED + timedelta(seconds=10 * at),
            messages=10 * number if at == number // 3 else number - at - 1,
            stacks=(number - at) // 2,
            resources=None if at % 7 == 3 else at % 5,
        )
        for at in range(number)
    )


def _paths(page: str) -> list[list[tuple[float, float]]]:
    (drawing,) = re.findall(r'<svg[^>]*aria-label="Work left.*?</svg>', page, flags=re.S)
    paths = re.findall(r'<path d="([^"]*)"', drawing)
    for path in paths:
        assert re.fullmatch(r"(M([\d.]+,[\d.]+ )+)+", path)
    points = [re.findall(r"([\d.]+),([\d.]+)", path) for path in paths]
    return [[(float(x), float(y)) for x, y in line] for line in points]


@pytest.mark.parametrize("number", [2, 180, 20_000])
def test_the_whole_wait_is_drawn_small(make: Make, number: int) -> None:
    page = html.render(make(drain=_samples(number)))
    assert len(page.encode()) < 100_000 < html.SIZE_LIMIT
    messages, stacks, resources = _paths(page)
    for line in (messages, stacks):
        assert (line[0][0], line[-1][0]) == (drain.LEFT, drain.WIDTH)
    assert messages[-1][1] == pytest.approx(drain.HEIGHT, abs=drain.HEIGHT / number)
    # The spike is the largest count, and reaches the top.
    assert min(y for _, y in messages) == drain.TOP
    for line in (messages, stacks, resources):
        assert all(drain.LEFT <= x <= drain.WIDTH for x, _ in line)
        assert all(drain.TOP <= y <= drain.HEIGHT for _, y in line)
        assert [x for x, _ in line] == sorted(x for x, _ in line)


def test_what_was_not_observed_is_not_drawn(make: Make) -> None:
    counts: list[Any] = [4, None, 2, 1]
    samples = [
        DrainSample(STARTED + timedelta(seconds=at), count, None, None)
        for at, count in enumerate(counts)
    ]
    page = html.render(make(drain=tuple(samples)))
    (line,) = _paths(page)
    assert line == [(40.0, 12.0), (40.0, 12.0), (493.3, 86.0), (720.0, 123.0)]
    assert page.count("<td>dashed</td>") == 0


@pytest.mark.parametrize("number", [0, 1])
def test_too_few_samples_are_no_curve(make: Make, number: int) -> None:
    assert "Work left over" not in html.render(make(drain=_samples(number)))
