"""What is said of live stacks whose events Heat does not purge."""

import pytest

from heat_upgrade_checks.errors import NotConfigured
from heat_upgrade_checks.evidence.stacks.event_counts import EventCounts, StackEvents
from tests.judging import check_at, judge

CHECK = check_at("stacks.too-many-events", "pre")


def test_each_stack_is_named_and_those_beyond_the_first_are_counted() -> None:
    facts = EventCounts(1000, stacks=3, named=(StackEvents("s1", "web", "p1", 9000),))
    first, rest = judge(CHECK, "pre", event_counts=facts).findings
    assert (first.level, first.object) == ("warning", "stack web (s1), project p1")
    assert first.summary == "has 9000 events; Heat is to keep 1000 of a stack"
    assert rest.summary == "2 more have over 2000 events"


def test_no_such_stack_is_green() -> None:
    assert judge(CHECK, "pre", event_counts=EventCounts(1000)).findings == []


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (EventCounts(0), "any number of events"),
        (EventCounts(1000, counted=False), r"raise it in the plan"),
    ],
)
def test_what_cannot_be_too_many_is_not_asked(facts: EventCounts, reason: str) -> None:
    with pytest.raises(NotConfigured, match=reason):
        judge(CHECK, "pre", event_counts=facts)
