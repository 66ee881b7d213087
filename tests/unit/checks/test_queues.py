"""The judgement on queues, and on who still gives them work."""

from typing import Any

import pytest

from heat_upgrade_checks.errors import NotConfigured, Unobserved
from heat_upgrade_checks.evidence.broker.asked_apis import AskedApis
from heat_upgrade_checks.evidence.broker.connections import Client
from heat_upgrade_checks.evidence.broker.listeners import Listener
from heat_upgrade_checks.evidence.broker.old_queues import OldQueues, Queue, Sample
from heat_upgrade_checks.evidence.database.state import Database
from heat_upgrade_checks.gates.judgement import Judgement
from heat_upgrade_checks.plan import Plan
from heat_upgrade_checks.reading.placement import place
from tests.facts import (
    API_URL,
    NEW,
    OLD,
    a_database,
    a_row,
    apis_asked,
    connections_of,
)
from tests.judging import NOW, check_at, judge, plan
from tests.unit.checks.judged import sentences

# --- queues.no-new-work

API, OTHER_API = (Client("heat-api", pid, "api1", "heat", 2, ()) for pid in (8, 9))


def _new_work(*old: Client, vhost: str = OLD, **changes: Any) -> Judgement:
    return judge(
        check_at("queues.no-new-work", "engine"),
        "engine",
        host="control1",
        of=plan(**changes),
        database=a_database(services=(a_row("a", "control1"),)),
        placement=place([a_row("a", "control1")], [Listener("a", vhost, 1)]),
        connections=connections_of(old=old, new=(API,)),
    )


def test_an_engine_that_stops_while_apis_give_it_work() -> None:
    gate = _new_work(API, OTHER_API, Client("heat-engine", 7, "h", "heat", 4, ()))
    assert sentences(gate) == [
        "warning vhost heat-n: is still given work by 2 APIs; what users ask for while the engine "
        "stops may be lost for good"
    ]
    assert gate.findings[0].hint.startswith("Move the APIs to the new vhost first")
    shared = _new_work(API, broker={"isolation": "shared"})
    assert shared.findings[0].hint.startswith("Keep users away")
    assert sentences(_new_work()) == []


def test_an_engine_that_has_moved_already_is_given_work_rightly() -> None:
    with pytest.raises(NotConfigured, match="no engine on control1 works on vhost heat-n"):
        _new_work(API, vhost=NEW)


# --- queues.no-api-left


@pytest.mark.parametrize(
    ("client", "level"),
    [
        (Client("heat-api", 8, "h", "anybody", 2, ()), "blocker"),
        (Client("uwsgi", 8, "h", "heat", 2, ()), "blocker"),
        (Client("uwsgi", 8, "h", "nova", 2, ("reply_a",)), "warning"),
        (Client("", None, "h", "heat", 2, ("reply_a",)), "blocker"),
        (Client("", None, "h", "heat", 2, ("reply_host:uwsgi:1",)), "blocker"),
        (Client("", None, "h", "heat", 2, ("notifications.info",)), "warning"),
        (Client("", None, "h", "heat", 2, ()), "warning"),
        (Client("", None, "h", "heat", 2, ("engine.control1", "reply_a")), None),
        (Client("", None, "h", "heat", 2, ("engine_worker_fanout_0f",)), None),
        (Client("heat-engine", 9, "h", "heat", 2, ()), None),
        (Client("nova-conductor", 9, "h", "heat", 2, ("conductor", "reply_a")), "note"),
    ],
)
def test_who_publishes_to_the_old_vhost(client: Client, level: str | None) -> None:
    gate = _api_left(apis_asked(connections_of(old=(client,), new=(API,))))
    assert [finding.level for finding in gate.findings] == ([level] if level else [])
    assert gate.unknowns == []


def _api_left(asked: AskedApis) -> Judgement:
    return judge(check_at("queues.no-api-left", "last-engine"), "last-engine", asked_apis=asked)


def test_where_no_api_is_seen_nothing_is_known() -> None:
    gate = _api_left(apis_asked(connections_of()))
    assert gate.findings == []
    (unknown,) = gate.unknowns
    assert unknown.startswith("no API of Heat is seen on either vhost")


def test_a_backend_that_did_not_answer_may_ask_anywhere() -> None:
    seen = connections_of(new=(API,))
    (unknown,) = _api_left(apis_asked(seen, unanswered=(API_URL,))).unknowns
    assert unknown.startswith(f"on which vhost the API at {API_URL} asks was not seen: it gave no")
    asked = apis_asked(seen, unanswered=(API_URL,), unasked="no cloud is named")
    assert "was not seen: no cloud is named;" in _api_left(asked).unknowns[0]


def test_without_backends_it_is_concluded_and_said_so() -> None:
    gate = _api_left(apis_asked(connections_of(new=(API,)), backends=()))
    (finding,) = gate.findings
    assert (finding.level, gate.unknowns) == ("warning", [])
    assert "is concluded from those that the broker shows" in finding.summary


# --- queues.empty


def _queues(
    *samples: list[Queue],
    exists: bool = True,
    rate: float | None = 0.0,
    database: Database | None = None,
) -> OldQueues:
    taken = tuple(Sample(NOW, tuple(queues)) for queues in samples)
    return OldQueues("http://rabbit:15672", OLD, exists, True, taken, rate, database, "gone")


def _drain(
    old_queues: OldQueues, of: Plan | None = None, listeners: tuple[Listener, ...] = ()
) -> Judgement:
    database = a_database()
    return judge(
        check_at("queues.empty", "last-engine"),
        "last-engine",
        of=of,
        old_queues=old_queues,
        database=database,
        placement=place(database.services, listeners),
    )


def test_every_sample_must_be_empty() -> None:
    empty = [Queue("engine_worker", "classic", 0, 0)]
    full = [Queue("engine_worker", "classic", 2, 1)]
    assert sentences(_drain(_queues(empty, empty, empty))) == []
    assert sentences(_drain(_queues(empty, full, empty))) == [
        "blocker queue engine_worker: 3 messages wait (1 unacknowledged)"
    ]


def test_a_missing_count_in_any_sample_is_unknown() -> None:
    known = [Queue("engine", "classic", 0, 0)]
    for missing in (Queue("engine", "classic", None, 0), Queue("engine", "classic", 0, None)):
        gate = _drain(_queues(known, [missing], known))
        assert gate.findings == []
        assert "how many messages queue engine holds" in gate.unknowns[0]


def test_a_list_without_the_queue_of_a_live_engine_is_not_the_whole_list() -> None:
    own = [Queue("heat-engine-listener.e1", "classic", 0, 0)]
    here, moved = (Listener("e1", OLD, 1),), (Listener("e1", NEW, 1),)
    assert _drain(_queues(own, own), listeners=here).unknowns == []
    assert _drain(_queues([], []), listeners=moved).unknowns == []
    (unknown,) = _drain(_queues(own, []), listeners=here).unknowns
    assert "lack heat-engine-listener.e1, which live engine control1 (e1) reads" in unknown


def test_a_vhost_that_is_still_published_to() -> None:
    assert sentences(_drain(_queues([], rate=0.4))) == [
        "blocker vhost heat-n: 0.4 messages a second are still published to the queues of work "
        "in it"
    ]
    gate = _drain(_queues([], rate=None))
    assert "keeps no statistics" in gate.unknowns[0]


def test_a_database_that_could_not_be_read_between_the_samples() -> None:
    with pytest.raises(Unobserved, match="gone"):
        _queues([]).read_between()


def test_what_is_no_work_does_not_count() -> None:
    names = ["reply_1f", "engine_fanout_1f", "notifications.info", "engine_worker_fanout_1f"]
    assert sentences(_drain(_queues([Queue(name, "classic", 9, 9) for name in names]))) == []


def test_work_of_an_engine_that_is_gone() -> None:
    queues = [Queue("engine_worker.e1", "classic", 1, 0), Queue("engine_worker.x", "classic", 1, 0)]
    assert [said.endswith("its engine is gone") for said in sentences(_drain(_queues(queues)))] == [
        False,
        True,
    ]


def test_an_old_vhost_that_was_deleted_too_early() -> None:
    assert sentences(_drain(_queues(exists=False))) == [
        "blocker vhost heat-n: does not exist; whatever waited in it is lost"
    ]


def test_on_a_shared_vhost_only_an_engines_own_queues_count() -> None:
    queues = [Queue("engine_worker", "classic", 5, 0), Queue("engine_worker.e1", "classic", 1, 0)]
    shared = plan(broker={"isolation": "shared"})
    assert sentences(_drain(_queues(queues), shared)) == [
        "blocker queue engine_worker.e1: 1 messages wait (0 unacknowledged)"
    ]


def test_after_a_cold_stop_it_is_a_warning() -> None:
    gate = judge(
        check_at("queues.empty", "stopped"),
        "stopped",
        of=plan(mode="cold"),
        old_queues=_queues([Queue("engine_worker", "classic", 1, 0)]),
        database=a_database(),
    )
    assert [finding.level for finding in gate.findings] == ["warning"]
