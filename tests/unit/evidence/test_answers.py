"""One way in for what other programs answer: typed, or not observed."""

from dataclasses import dataclass

import pytest

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.answers import Count, read


@dataclass(frozen=True)
class Queue:
    name: str
    messages: Count | None = None


@dataclass(frozen=True)
class Page:
    items: tuple[Queue, ...]


def _page(text: str) -> Page:
    return read(Page, text, "The broker", "ask again")


def test_keys_that_nobody_asked_for_are_left_alone() -> None:
    page = _page('{"items": [{"name": "engine", "messages": 3, "node": "a"}], "page": 1}')

    assert page == Page((Queue("engine", 3),))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("<html>", id="a page"),
        pytest.param('{"items": [{"name": "engi', id="half"),
        pytest.param("null", id="null"),
        pytest.param("[]", id="a list"),
        pytest.param("{}", id="a missing key"),
        pytest.param('{"items": {}}', id="an object for a list"),
        pytest.param('{"items": [{"messages": 3}]}', id="a missing name"),
        pytest.param('{"items": [{"name": "e", "messages": true}]}', id="a boolean for a count"),
        pytest.param('{"items": [{"name": "e", "messages": "3"}]}', id="a text for a count"),
        pytest.param('{"items": [{"name": "e", "messages": -3}]}', id="a count below zero"),
        pytest.param('{"items": [{"name": "e", "messages": 3.0}]}', id="a fraction for a count"),
    ],
)
def test_another_shape_is_not_observed(text: str) -> None:
    with pytest.raises(Unobserved, match=r"^The broker: the answer is not .*; ask again$"):
        _page(text)


def test_a_refusal_tells_the_place_and_not_what_stood_there() -> None:
    with pytest.raises(Unobserved) as refusal:
        _page('{"items": [{"name": "e", "messages": "a password"}]}')

    assert "items.0.messages" in str(refusal.value)
    assert "a password" not in str(refusal.value)
