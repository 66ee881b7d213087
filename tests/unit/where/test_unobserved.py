"""Where an upgrade stands when a source does not tell."""

from dataclasses import replace

import pytest

from heat_upgrade_checks.evidence.broker.connections import Client, Connections, VhostClients
from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.where.derivation import position
from heat_upgrade_checks.where.next_step import next_step
from heat_upgrade_checks.where.telling import document, text
from tests.facts import NEW, OLD
from tests.judging import CALLED_WITH
from tests.unit.where.worlds import (
    API_MOVED,
    COLD_NEW,
    COLD_RUNS,
    NEW_ONLY,
    STOPPED,
    UNKNOWN,
    World,
    stands,
)

SOURCES = [
    "broker", "connections", "current_configuration", "database", "old_queues",
    "target_configuration", "target_release", "waiting_work",
]  # fmt: skip


@pytest.mark.parametrize("world", [World(), API_MOVED, NEW_ONLY, COLD_RUNS, STOPPED, COLD_NEW])
@pytest.mark.parametrize("source", SOURCES)
def test_without_a_source_no_step_is_safe(world: World, source: str) -> None:
    why = f"{source}: no answer; try again"
    found, step = stands(world, **{source: None}, unobserved={source: why})
    assert step.kind is UNKNOWN
    assert why in step.sentence
    assert (step.gates, step.must_not) == ((), ())
    told = document(found, step, CALLED_WITH)
    assert (told["next"], told["unknown"], told["exit_code"]) == (None, [why], 3)
    assert "Cannot tell, so no step is safe:" in list(text(found, step, CALLED_WITH))


@pytest.mark.parametrize("source", ["current_release", "target_migrations", "live_schema"])
def test_without_what_tells_the_schema_no_step_rests_on_it(source: str) -> None:
    _, step = stands(World(), **{source: None}, unobserved={source: "why not"})
    assert (step.kind, step.sentence) == (UNKNOWN, "why not")


def test_what_was_not_seen_is_null_and_not_empty() -> None:
    found, step = stands(World(), broker=None, unobserved={"broker": "down"})
    told = document(found, step, CALLED_WITH)
    assert told["engines"] is None
    assert told["in_flight"] is None
    assert told["old_vhost"]["messages"] is None
    assert [api["host"] for api in told["apis"]] == ["10.0.0.0"]
    lines = list(text(found, step, CALLED_WITH))
    assert lines[lines.index("Engines") + 1] == "  not known"


def test_an_engine_that_ends_is_neither_here_nor_gone() -> None:
    broker = NEW_ONLY.evidence.broker
    assert broker is not None
    listeners = (*broker.listeners, Listener("e-control1", OLD, 1))
    _, step = stands(NEW_ONLY, broker=replace(broker, listeners=listeners))
    assert step.kind is UNKNOWN
    assert "engine e-control1 reads its queue on vhost heat-n, but no live service row" in (
        step.sentence
    )


@pytest.mark.parametrize("engine_id", ["e-control2", "gone"])
def test_a_queue_of_which_nobody_says_whether_it_is_read_is_not_unread(engine_id: str) -> None:
    broker = NEW_ONLY.evidence.broker
    assert broker is not None
    listeners = (*broker.listeners, Listener(engine_id, OLD, None))
    _, step = stands(NEW_ONLY, broker=replace(broker, listeners=listeners))
    assert step.kind is UNKNOWN
    assert f"whether queue heat-engine-listener.{engine_id} of vhost heat-n is read" in (
        step.sentence
    )


def test_a_connected_engine_without_a_queue_is_not_a_stopped_one() -> None:
    client = Client("heat-engine", 7, "10.0.1.1", "heat", 1, ())
    side = VhostClients(OLD, ("heat",), True, (client,))
    connections = Connections("http://rabbit:15672", side, side)
    _, step = stands(replace(STOPPED, configured=(OLD, OLD)), connections=connections)
    assert step.kind is UNKNOWN
    assert "heat-engine (pid 7) on 10.0.1.1 is connected to vhost heat-n" in step.sentence


def test_an_engine_that_sends_notifications_to_the_old_vhost_is_not_ending() -> None:
    found = NEW_ONLY.evidence.connections
    assert found is not None
    sender = Client("heat-engine", 7, "10.0.1.1", "heat", 1, ())
    reader = replace(sender, reads=("engine_worker",))
    assert found.new is not None
    old = replace(found.old, clients=(*found.old.clients, sender))
    for clients, ending in (((reader,), False), ((), True)):
        new = replace(found.new, clients=(*found.new.clients, *clients))
        here, _ = stands(NEW_ONLY, connections=replace(found, old=old, new=new))
        assert any(str(sender) in said for said in here.unknown) is ending


def test_other_brokers_of_the_target_are_not_asked() -> None:
    elsewhere = Configuration(("/c",), "here", ("other:5672",), NEW)
    world = World()
    unnamed = world.plan.model_copy(
        update={"broker": world.plan.broker.model_copy(update={"management": ()})}
    )
    found = position(unnamed, replace(world.evidence, target_configuration=elsewhere))
    assert "is on other brokers (other:5672)" in next_step(found).sentence
