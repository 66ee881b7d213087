"""What a real RabbitMQ is told to do with work that waits."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker import retention
from heat_upgrade_checks.evidence.broker.retention import Retention
from heat_upgrade_checks.gates.judgement import Judgement
from tests.facts import a_database, a_stack
from tests.judging import check_at, judge
from tests.services.evidence.new_vhosts import Place, is_green, said_of, watch_as

ID = "queues.keep-messages"
GONE = (
    "and its stack stays IN_PROGRESS for ever: an empty queue does not prove that its work was done"
)


def _judged(place: Place, phase: str = "pre", **facts: Any) -> Judgement:
    site = place.site()
    side = "target" if phase == "vhost" else "current"
    found = getattr(retention, f"observe_{side}")(site)
    adapter = TypeAdapter(Retention)
    assert adapter.validate_json(adapter.dump_json(found), strict=False) == found
    return judge(check_at(ID, phase), phase, **{f"{side}_retention": found}, **facts)


def _set(place: Place, name: str, pattern: str, kind: str = "policies", **more: Any) -> None:
    body = {"pattern": pattern, "definition": {"message-ttl": 70000}, "apply-to": "all"} | more
    place.put(f"{kind}/{{old}}/{name}", body)


def test_queues_that_keep_what_they_hold(place: Place) -> None:
    watch_as(place, "monitoring")
    _set(place, "notes", r"^(notifications|reply_.*)\.?")
    _set(place, "ha", ".*", definition={"ha-mode": "all"})
    for name in ("engine", "engine_worker"):
        place.rabbitmq.declare_queue(place.old, name)
    # As oslo.messaging makes them.
    expiring: dict[str, Any] = {"x-expires": 1800000}
    for name in ("engine_fanout_0123456789abcdef", "reply_0123456789abcdef"):
        place.rabbitmq.declare_queue(place.old, name, **expiring)
    assert is_green(_judged(place))
    assert is_green(_judged(place, "vhost"))
    assert is_green(_judged(place, "last-engine", database=a_database()))


def test_a_ttl_on_the_whole_vhost(place: Place) -> None:
    watch_as(place, "monitoring")
    # openstack-helm's.
    _set(place, "ha_ttl_heat", r"^(?!(amq\.|reply_)).*")
    place.rabbitmq.declare_queue(place.old, "engine_worker")
    for phase, facts in (("pre", {}), ("last-engine", {"database": a_database()})):
        gate = _judged(place, phase, **facts)
        assert said_of(gate) == [
            f"warning policy ha_ttl_heat: on vhost {place.old} sets message-ttl=70000 for "
            "engine_worker, engine, heat-engine-listener and 3 more; what waits longer than "
            f"1 min 10 s is gone, {GONE}"
        ]
        assert gate.unknowns == []


def test_work_that_is_older_than_the_ttl_is_named(place: Place) -> None:
    _set(place, "short", "^engine")
    stacks = (
        a_stack(age=900, id="s1", name="old"),
        a_stack(age=30, id="s2", name="young"),
        a_stack("e1", age=900, id="s3", name="held"),
    )
    (said,) = said_of(_judged(place, "last-engine", database=a_database(in_flight=stacks)))
    assert said.endswith(
        "; nobody holds old (s1), which did not move for longer, so that its "
        "message may be among them"
    )


def test_the_rules_of_the_target_are_those_of_its_own_vhost(place: Place) -> None:
    _set(place, "old-alone", ".*")
    place.put(
        "operator-policies/{new}/short",
        {"pattern": "worker", "definition": {"max-length": 9}, "apply-to": "queues"},
    )
    (said,) = said_of(_judged(place, "vhost"))
    assert said.startswith(
        f"warning operator policy short: on vhost {place.new} sets max-length=9 for engine_worker,"
    )
    assert said.endswith("; work beyond that is dropped, and its stack stays IN_PROGRESS for ever")


def test_the_policy_with_the_highest_priority_counts(place: Place) -> None:
    _set(place, "short", ".*", priority=1)
    _set(place, "work", "^(engine|heat-engine)", priority=2, definition={"ha-mode": "all"})
    _set(place, "queues-of-another-kind", ".*", priority=9, **{"apply-to": "exchanges"})
    assert is_green(_judged(place))
    _set(place, "work", "^engine_worker", priority=2, definition={"ha-mode": "all"})
    (said,) = said_of(_judged(place))
    assert "for engine, heat-engine-listener, engine.ctl1 and 1 more;" in said


def test_arguments_of_a_queue(place: Place) -> None:
    arguments: dict[str, Any] = {"x-expires": 1000000, "x-max-length": 5, "x-overflow": "drop-head"}
    place.rabbitmq.declare_queue(place.old, "engine_worker", **arguments)
    (said,) = said_of(_judged(place))
    assert said == (
        f"warning queue engine_worker: on vhost {place.old} sets expires=1000000, max-length=5, "
        "overflow=drop-head for engine_worker; a queue that no engine reads for that long is "
        "deleted with the work in it"
    )


def test_a_pattern_that_is_not_read_here_is_unknown(place: Place) -> None:
    _set(place, "pcre", r"\Qengine\E")
    gate = _judged(place)
    assert gate.findings == []
    assert "policy pcre" in gate.unknowns[0]


def test_a_vhost_that_is_gone(place: Place) -> None:
    place.rabbitmq.delete_vhost(place.old)
    with pytest.raises(Unobserved, match=f"vhost {place.old} of the current release does not"):
        _judged(place)
