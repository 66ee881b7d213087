"""RabbitMQ's own answers, each broken in every way: they tell the same as before, or nothing."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import amqp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heat_upgrade_checks.errors import Unobserved
from heat_upgrade_checks.evidence.broker import (
    connections,
    health,
    listeners,
    old_queues,
    waiting_messages,
)
from heat_upgrade_checks.evidence.broker.connections import Connections
from heat_upgrade_checks.evidence.broker.health import BrokerHealth
from heat_upgrade_checks.evidence.broker.listeners import Broker
from heat_upgrade_checks.evidence.broker.old_queues import OldQueues
from heat_upgrade_checks.evidence.broker.waiting_messages import WaitingMessages
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.reading.placement import place
from tests.facts import a_database, a_row
from tests.judging import check_at, judge
from tests.services.evidence.breakages import WAYS, broken
from tests.services.evidence.replayed_answers import Answers, Replay, record, replayed
from tests.services.rabbitmq import RabbitMQ
from tests.waiting import until

PASSWORD = "canary-of-the-broken-answers-71af"
EXAMPLES = 600
SOURCES: dict[str, Callable[[Site], Any]] = {
    "broker": listeners.observe,
    "broker_health": health.observe,
    "connections": connections.observe,
    "old_queues": old_queues.observe,
    "waiting_work": waiting_messages.observe,
}
OLD_ROW = a_row("e-old", "control1")
DATABASE = a_database(services=(OLD_ROW,))


@dataclass
class Recorded:
    """What each source asked and was answered, in order; and its site."""

    site: Site
    answers: dict[str, Answers]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """A broker with two alarms, an engine and an API on the old vhost, and work that waits."""
    folder = tmp_path_factory.mktemp("broken-answers")
    with RabbitMQ(folder / "rabbitmq") as server, ExitStack() as stack:
        site = _site(server, folder)
        for name, reads in (
            (f"heat-engine:11:{uuid4()}", "heat-engine-listener.e-old"),
            (f"uwsgi:12:{uuid4()}", f"reply_{uuid4().hex}"),
        ):
            stack.enter_context(_connected(server, name, reads))
        for queue in ("engine", "engine_worker", "engine_worker.e-old"):
            server.declare_queue("heat-n", queue)
        server.publish("heat-n", "engine_worker", "{}")
        until(lambda: len(server.consumed("heat-n")) == 2, "both consumers counted")
        # An absent rate is none: with one there would be no telling what broke.
        until(lambda: old_queues.observe(site).publish_rate == 0, "no rate any more")
        for resource in ("memory", "disk"):
            server.evaluate(
                f"rabbit_alarm:set_alarm({{{{resource_limit, {resource}, node()}}, []}})."
            )
        yield Recorded(
            site, {name: record(observe, site, DATABASE) for name, observe in SOURCES.items()}
        )


def _site(server: RabbitMQ, folder: Path) -> Site:
    sides = {}
    for side, vhost in (("current", "heat-n"), ("target", "heat-n1")):
        server.add_vhost(vhost)
        server.add_user("heat", PASSWORD, "monitoring", {vhost: (".*", ".*", ".*")})
        conf = folder / f"{side}.conf"
        url = server.url(vhost, "heat", PASSWORD)
        conf.write_text(f"[DEFAULT]\ntransport_url = {url}\n", encoding="utf-8")
        sides[side] = {"version": "25.0.2", "config": [str(conf)]}
    broker = {"broker": {"management": [server.management_url]}}
    plan = {"name": "services", "mode": "rolling", **sides, **broker}
    return Site(Plan.model_validate(plan), folder)


@contextmanager
def _connected(server: RabbitMQ, name: str, reads: str) -> Iterator[None]:
    connection = amqp.Connection(
        host=f"127.0.0.1:{server.amqp_port}",
        userid="heat",
        password=PASSWORD,
        virtual_host="heat-n",
        client_properties={"connection_name": name},
    )
    with closing(connection):
        connection.connect()
        channel = connection.channel()
        channel.queue_declare(reads, auto_delete=False)
        channel.basic_consume(reads, callback=lambda _: None)
        yield


def _told(facts: Any) -> Any:
    """What checks judge by, whatever its order."""
    match facts:
        case Broker():
            return sorted(map(str, facts.listeners)), facts.vhosts, facts.hidden
        case BrokerHealth():
            return (
                facts.nodes,
                sorted(map(str, facts.alarms)),
                facts.statistics,
                facts.quorum_critical,
            )
        case OldQueues():
            samples = [
                sorted((queue.name, queue.ready, queue.unacknowledged) for queue in sample.queues)
                for sample in facts.samples
            ]
            return facts.vhost, facts.exists, samples, facts.publish_rate
    return facts


def _says_that_it_cannot_tell(facts: Any) -> bool:
    """Whether a check that rests on these facts is unsure."""
    match facts:
        case Broker():
            try:
                placement = place([OLD_ROW], facts.listeners)
            except Unobserved:
                return True
            return not placement.on("heat-n") or "heat-n1" in facts.hidden
        case BrokerHealth():
            check = check_at("broker.healthy", "pre")
            return bool(judge(check, "pre", broker_health=facts).unknowns)
        case OldQueues():
            check = check_at("queues.empty", "stopped")
            gate = judge(check, "stopped", old_queues=facts, database=DATABASE)
            return bool(gate.unknowns)
    return False


@pytest.mark.parametrize("source", SOURCES)
def test_a_broken_answer_tells_the_same_or_nothing(recorded: Recorded, source: str) -> None:
    answers = recorded.answers[source]
    vhosts = recorded.answers["broker"]["/api/vhosts?columns=name"]
    observe, questions = SOURCES[source], sorted(answers)
    with replayed(Replay(answers, vhosts), DATABASE):
        whole = observe(recorded.site)
    assert isinstance(whole, (Broker, BrokerHealth, Connections, OldQueues, WaitingMessages))
    outcomes: Counter[str] = Counter()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        question=st.sampled_from(questions),
        how=st.sampled_from(WAYS),
        number=st.integers(0, 10**6),
    )
    def holds(question: str, how: str, number: int) -> None:
        replay = Replay(answers, vhosts)
        replay.broken = question, lambda answer: broken(answer, how, number)
        with replayed(replay, DATABASE):
            try:
                facts = observe(recorded.site)
            except Unobserved:
                outcomes["unobserved"] += 1
                return
        if _told(facts) == _told(whole):
            outcomes["the same"] += 1
            return
        assert _says_that_it_cannot_tell(facts), (facts, whole)
        outcomes["unknown"] += 1

    holds()
    print(f"{source}: {dict(outcomes)}")
    assert sum(outcomes.values()) >= EXAMPLES
    assert outcomes["unobserved"] > EXAMPLES / 4
    assert outcomes["the same"] > EXAMPLES / 20
