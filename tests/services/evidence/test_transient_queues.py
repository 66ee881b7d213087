"""Whether a broker lets Heat declare its queues: a real RabbitMQ, and one that seems newer."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import TypeAdapter

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker import transient_queues
from heat_upgrade_checks.evidence.broker.transient_queues import TransientQueues
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates.judgement import Judgement
from tests.judging import check_at, judge
from tests.services.evidence.new_vhosts import Place, is_green, said_of, watch_as
from tests.services.evidence.proxies import Answer, before

ID = "broker.allows-queues"
DURABLE = """\
[oslo_messaging_rabbit]
rabbit_quorum_queue = true
rabbit_transient_quorum_queue = true
"""


def _judged(site: Site, phase: str = "vhost") -> Judgement:
    side = "current" if phase == "pre" else "target"
    found = getattr(transient_queues, f"observe_{side}")(site)
    adapter = TypeAdapter(TransientQueues)
    assert adapter.validate_json(adapter.dump_json(found), strict=False) == found
    return judge(check_at(ID, phase), phase, of=site.plan, **{f"{side}_transient_queues": found})


@contextmanager
def _newer(place: Place, version: str, features: Any) -> Iterator[dict[str, Any]]:
    """The real broker, which gives itself out for a newer one: Debian has no RabbitMQ 4.3 yet."""

    def answer(path: str, real: Answer) -> Answer:
        status, content = real
        if path.startswith("/api/overview"):
            content = json.dumps(json.loads(content) | {"rabbitmq_version": version}).encode()
        if path.startswith("/api/deprecated-features") and features is not None:
            status, content = 200, json.dumps(features).encode()
        return status, content

    with before(place.rabbitmq, answer) as url:
        yield {"broker": {"management": [url]}}


def _feature(phase: str) -> list[dict[str, str]]:
    return [
        {"name": "global_qos", "deprecation_phase": "permitted_by_default"},
        {"name": "transient_nonexcl_queues", "deprecation_phase": phase, "provided_by": "rabbit"},
    ]


def test_a_broker_that_knows_no_denial(place: Place) -> None:
    watch_as(place, "monitoring")
    for phase in ("pre", "installed", "vhost"):
        assert is_green(_judged(place.site(), phase))


@pytest.mark.parametrize("phase", ["denied_by_default", "disconnected", "removed"])
def test_what_the_list_denies_by_default(place: Place, phase: str) -> None:
    with _newer(place, "4.3.0", _feature(phase)) as plan:
        (said,) = said_of(_judged(place.site(plan=plan)))
        assert said == (
            "blocker transient queues: are what the target release declares (work, broadcasts, "
            f"answers), and RabbitMQ 4.3.0 refuses them ({phase}) unless its configuration permits "
            "them, which no such queue shows"
        )
        # Half of the options are not enough.
        (said,) = said_of(_judged(place.site(DURABLE[: DURABLE.index("rabbit_t")], plan=plan)))
        assert "declares (broadcasts, answers)" in said
        assert is_green(_judged(place.site(DURABLE, plan=plan)))
        (said,) = said_of(_judged(place.site(DURABLE, plan=plan), "pre"))
        assert "are what the current release declares" in said


def test_a_queue_that_runs_shows_that_it_is_permitted(place: Place) -> None:
    with _newer(place, "4.3.0", _feature("denied_by_default")) as plan:
        place.rabbitmq.declare_queue(place.old, "engine", durable=True)
        assert not is_green(_judged(place.site(plan=plan)))
        place.rabbitmq.declare_queue(place.old, "engine_worker")
        for phase in ("pre", "installed", "vhost"):
            gate = _judged(place.site(plan=plan), phase)
            assert is_green(gate)
            assert gate.extent.endswith(f"; engine_worker on vhost {place.old} runs")


@pytest.mark.parametrize(
    ("version", "features"), [("4.0.5", _feature("permitted_by_default")), ("3.12.4", None)]
)
def test_what_is_concluded_from_the_default_is_a_warning(
    place: Place, version: str, features: Any
) -> None:
    with _newer(place, version, features) as plan:
        (said,) = said_of(_judged(place.site(plan=plan)))
    assert said.startswith("warning transient queues: are what the target release declares")
    assert said.endswith("is concluded from its default, and no such queue runs that shows it")


@pytest.mark.parametrize(
    ("version", "features", "words"),
    [
        ("4.0.5", None, "answers 404 to GET api/deprecated-features"),
        ("4.0.5", [], "does not list transient_nonexcl_queues"),
        ("4.0.5", [{"name": "transient_nonexcl_queues"}], "deprecation_phase: field required"),
        ("next", [], "does not say which version it is"),
    ],
)
def test_a_list_that_does_not_tell(place: Place, version: str, features: Any, words: str) -> None:
    with _newer(place, version, features) as plan, pytest.raises(Unobserved, match=words):
        transient_queues.observe_target(place.site(plan=plan))
