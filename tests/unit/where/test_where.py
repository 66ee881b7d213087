"""Where an upgrade stands, at every point of both modes and after each way to leave the guide."""

from dataclasses import replace
from typing import Any

import pytest

from heat_upgrade_checks.evidence.configuration.addresses import Configuration
from heat_upgrade_checks.where.cold import COLD
from heat_upgrade_checks.where.derivation import position
from heat_upgrade_checks.where.next_step import Step, next_step
from heat_upgrade_checks.where.rolling import ROLLING
from heat_upgrade_checks.where.rules import Kind, Rule
from heat_upgrade_checks.where.schema import At
from tests.facts import NEW, OLD, a_database, a_stack
from tests.unit.where.worlds import (
    API_MOVED,
    BESIDE,
    COLD_NEW,
    COLD_RUNS,
    HEAD_25,
    HEAD_26,
    HELD,
    NEW_ONLY,
    REPAIR,
    SAFE,
    STOPPED,
    SYNCED,
    UNKNOWN,
    World,
    a_release,
    stands,
    tables_and,
)


def _calls(step: Step) -> list[str]:
    return [" ".join(gate) for gate in step.gates]


ABSENT = ("/v/bin/python is not there",)
SAME = a_release("26.0.2", "2026.1", HEAD_25, "1.4")
SHARED = World(
    isolation="shared", configured=(OLD, OLD), target=SAME, hosts=(("control1",), ("control2",))
)
SHARED_BOTH = replace(SHARED, engines=(f"control1@{OLD}", f"control2@{OLD}"))
NEW_HELD = (a_stack("e-control2"),)
LOST = (a_stack(age=500),)
MOVING = (a_stack(age=3),)
LEGACY = (a_stack("e-control1", convergence=False, lock="e-control1"),)


# A name, the deployment, the kind of step, gates, words of the sentence, words of what must not be.
POINTS: list[tuple[str, World, Kind, list[str], str, str]] = [
    # rolling, in the guide's order
    ("not installed", World(absent=ABSENT), SAFE, ["pre"],
     "Put 2026.1's code and configuration in place beside 2025.2: /v/bin/python is not there",
     "Do not run 2026.1's db_sync before phase installed"),
    ("not synced", World(), SAFE, ["pre", "installed"],
     "Run 2026.1's db_sync while 2025.2 goes on", "Do not start an engine of 2026.1: on the"),
    ("no vhost", replace(SYNCED, vhosts=(OLD,)), SAFE, ["synced"],
     "Make vhost heat-n1", "Do not start an engine of 2026.1 on vhost heat-n:"),
    ("no vhost and the same schema", World(vhosts=(OLD,), target=SAME), SAFE,
     ["pre", "installed", "synced"], "Make vhost heat-n1", "Do not stop an engine or API"),
    ("first engine", SYNCED, SAFE, ["synced", "vhost"],
     "Start the first engine of 2026.1 on vhost heat-n1", "Do not run 2025.2's db_sync"),
    ("first engine, same schema", World(target=SAME), SAFE,
     ["pre", "installed", "synced", "vhost"], "Start the first engine", "Do not point an API at"),
    ("legacy in flight", replace(SYNCED, stacks=LEGACY), SAFE, ["synced", "vhost"],
     "Wait until stack web (s1) has ended, then start the first engine",
     "Do not start an engine of 2026.1 while a legacy stack"),
    ("two old engines", replace(BESIDE, engines=(*BESIDE.engines, f"control3@{OLD}"),
     stacks=HELD), SAFE, ["engine --host control3"],
     "Stop engine control3 of 2025.2 gracefully, and start one of 2026.1 on vhost heat-n1",
     "Do not stop an engine that holds work (control1: r of stack web (s1))"),
    ("two busy old engines", replace(BESIDE, engines=(*BESIDE.engines, f"control3@{OLD}"),
     stacks=(a_stack("e-control1", "e-control3"),)), SAFE, ["engine --host control1"],
     "Wait until engine control1 holds nothing", "Do not stop all engines of 2025.2"),
    ("api left", BESIDE, SAFE, ["engine --host 10.0.0.0"],
     "Take uwsgi (pid 100) on 10.0.0.0 out of the load balancer and move it onto vhost heat-n1",
     "Do not stop engine control1, the last of 2025.2: nobody else answers uwsgi (pid 100)"),
    ("one of two apis left", replace(BESIDE, apis=(NEW, OLD)), SAFE, ["engine --host 10.0.0.1"],
     "Take uwsgi (pid 101)", "Do not stop engine control1"),
    ("work held", replace(API_MOVED, stacks=HELD), SAFE, ["last-engine"],
     "Wait until engine control1, the last of 2025.2, has done what is left, then stop it "
     "gracefully: 1 stack in flight, such as stack web (s1)", "Do not stop engine control1"),
    ("messages wait", replace(API_MOVED, messages={"engine_worker": 7}), SAFE, ["last-engine"],
     "has done what is left, then stop it gracefully: 7 messages in the queues", "nobody else"),
    ("drained", API_MOVED, SAFE, ["last-engine"],
     "Stop engine control1, the last of 2025.2, gracefully", "Do not delete vhost heat-n"),
    ("the new side works", replace(API_MOVED, stacks=NEW_HELD), SAFE, ["last-engine"],
     "Stop engine control1", "Do not take it for certain that every API has moved"),
    ("finished", NEW_ONLY, SAFE, ["post"],
     "See that every API runs 2026.1", "Do not delete vhost heat-n before phase post"),
    ("finished, a dead engine's message", replace(NEW_ONLY, messages={"engine_worker.e-9": 1}),
     SAFE, ["post"], "let phase post judge", "Do not start an engine or API of 2025.2"),
    ("finished, at work", replace(NEW_ONLY, stacks=NEW_HELD), SAFE, ["post"], "let phase post",
     "Do not run 2025.2's db_sync"),
    ("finished, old vhost gone", replace(NEW_ONLY, vhosts=(NEW,)), SAFE, ["post"], "let phase post",
     "Do not run 2025.2's db_sync"),
    # rolling, out of order
    ("new engine before db_sync", replace(BESIDE, revision=HEAD_25), REPAIR, ["installed"],
     "Stop engine control2 of 2026.1", "Do not run db_sync while an engine of 2026.1"),
    ("new engine, half-way", replace(BESIDE, revision="d2db381e3324"), REPAIR, [],
     "Stop engine control2 of 2026.1", "Do not run 2025.2's db_sync"),
    ("new engine on the old vhost", replace(SYNCED, engines=(f"control1@{OLD}", f"control2@{OLD}"),
     hosts=(("control1",), ("control2",))), REPAIR, ["vhost"],
     "Stop engine control2 of 2026.1, which works on vhost heat-n of 2025.2",
     "Do not begin or update stacks"),
    ("old engine on the new vhost", replace(SYNCED, engines=(f"control1@{NEW}", f"control3@{OLD}"),
     hosts=(("control1", "control3"), ("control2",))), REPAIR, [],
     "Stop engine control1 of 2025.2, which works on vhost heat-n1 of 2026.1",
     "Do not start an engine of 2026.1 on vhost heat-n1"),
    ("an engine elsewhere", replace(SYNCED, engines=(f"control1@{OLD}", "control2@third")),
     REPAIR, [], "Stop engine control2 (on third)", "Do not delete vhost heat-n"),
    ("api ahead of engines", replace(SYNCED, apis=(OLD, NEW)), REPAIR, [],
     "Point uwsgi (pid 101) on 10.0.0.1 back at vhost heat-n", "Do not point an API at vhost"),
    ("half-way", replace(SYNCED, revision="d2db381e3324"), REPAIR, [],
     "Find in its log why 2026.1's db_sync stopped, remove the reason, and run it again: database "
     "heat is at d2db381e3324, and 88be64598c0f, 97b2a986f922 did not run",
     "Do not start an engine of 2026.1"),
    ("cut off within a step", World(tables=tables_and("sync_point.extra_data")), REPAIR, [],
     "Restore the backup, or remove column sync_point.extra_data", "Do not start an engine"),
    ("cut off after a table", replace(SYNCED, revision="d2db381e3324",
     tables=tables_and("resource_snapshot")), REPAIR, [],
     "Restore the backup, or remove table resource_snapshot", "Do not stop an engine or API"),
    ("last engine gone, messages left", replace(NEW_ONLY, messages={"engine_worker": 2}), REPAIR,
     [], "Start an engine of 2025.2 on vhost heat-n again, so that it does what was left there and "
     "nobody else reads: 2 messages in the queues", "Do not update or delete these stacks"),
    ("last engine gone, api left", replace(NEW_ONLY, apis=(OLD, NEW)), REPAIR, [],
     "Move uwsgi (pid 100) on 10.0.0.0 from vhost heat-n onto heat-n1 at once",
     "Do not leave it in the load balancer"),
    ("last engine gone, work lost", replace(NEW_ONLY, stacks=LOST), REPAIR, [],
     "Help what nobody works on any more, stack web (s1), CREATE IN_PROGRESS for 500 s: no engine "
     "holds any of it, and nothing moved for 500 s: Update it",
     "Do not delete vhost heat-n"),
    ("lost work before the last stop", replace(API_MOVED, stacks=LOST), REPAIR, [],
     "Help what nobody works on any more, stack web (s1)", "Do not stop engine control1"),
    ("no engine, work left", replace(SYNCED, engines=(), apis=(NEW,), stacks=LOST), REPAIR, [],
     "Start an engine of 2025.2 on vhost heat-n again, for nobody works any more on what is left "
     "there: 1 stack in flight", "Do not delete vhost heat-n"),
    ("no engine, api on the old vhost", replace(SYNCED, engines=()), REPAIR, [],
     "is left there: requests of uwsgi (pid 100)", "Do not start an engine of 2026.1 on vhost"),
    ("no engine, nothing left", replace(SYNCED, engines=(), apis=(NEW,)), REPAIR, ["vhost"],
     "Start an engine of 2026.1 on vhost heat-n1, for no engine runs", "Do not run 2025.2's"),
    ("no engine before db_sync", World(engines=(), apis=()), REPAIR, [],
     "Start an engine of 2025.2 on vhost heat-n again, for nobody answers", "Do not delete"),
    ("one vhost for both", World(configured=(OLD, OLD)), REPAIR, ["installed"],
     "Name a vhost of its own in the transport_url of 2026.1's configuration", "Do not start an"),
    # rolling, not to be told
    ("no api seen", replace(API_MOVED, apis=()), UNKNOWN, [], "no API is connected to vhost", ""),
    ("uncounted queue", replace(API_MOVED, messages={"engine_worker": None}), UNKNOWN, [],
     "does not say how many messages", ""),
    ("uncounted queue at the end", replace(NEW_ONLY, messages={"engine_worker": None}), UNKNOWN,
     [], "does not say how many messages", ""),
    ("unheld work that moved", replace(API_MOVED, stacks=MOVING), UNKNOWN, [], "ask again", ""),
    ("the same at the end", replace(NEW_ONLY, stacks=MOVING), UNKNOWN, [], "ask again", ""),
    ("an engine that reads nothing", replace(SYNCED, engines=(f"control1@{OLD}", "control2@")),
     UNKNOWN, [], "engine control2 (e-control2) reports, but reads no queue", ""),
    ("a revision of neither", World(revision="ffff"), UNKNOWN, [], "do not know", ""),
    ("not installed, strange revision", World(revision=HEAD_26, absent=ABSENT), UNKNOWN, [],
     "which is not the head of 2025.2", ""),
    ("not installed, engine elsewhere", World(engines=(f"control1@{NEW}",), absent=ABSENT),
     UNKNOWN, [], "the configuration of 2026.1 is not there", ""),
    # a shared vhost
    ("shared, not installed", replace(SHARED, absent=ABSENT), SAFE, ["pre"], "Put 2026.1", ""),
    ("shared, before db_sync", replace(SHARED, target=replace(SAME, schema_heads=(HEAD_26,))),
     SAFE, ["pre", "installed"], "Run 2026.1's db_sync", ""),
    ("shared, first engine", SHARED, SAFE, ["pre", "installed", "synced", "vhost"],
     "Start the first engine of 2026.1 on vhost heat-n", "Do not stop an engine or API of 2025.2"),
    ("shared, last engine", SHARED_BOTH, SAFE, ["last-engine"],
     "Stop engine control1, the last of 2025.2", ""),
    ("shared, last engine works", replace(SHARED_BOTH, stacks=HELD), SAFE, ["last-engine"],
     "Wait until engine control1", "Do not stop engine control1"),
    ("shared, its own queue", replace(SHARED_BOTH, messages={"engine_worker.e-control1": 1}),
     SAFE, ["last-engine"], "Wait until engine control1", ""),
    ("shared, the common queue", replace(SHARED_BOTH, messages={"engine_worker": 1}), SAFE,
     ["last-engine"], "Stop engine control1", ""),
    ("shared, finished", replace(SHARED, engines=(f"control2@{OLD}",)), SAFE, ["post"],
     "See that every API runs 2026.1", ""),
    ("shared, other RPC", replace(SHARED, target=replace(SAME, worker_rpc="1.9")), REPAIR, [],
     "Give 2026.1 a vhost of its own", "Do not start an engine of 2026.1 on vhost heat-n: the "
     "worker RPC is 1.4 in 2025.2 and 1.9 in 2026.1"),
    ("shared, other RPC, engines", replace(SHARED_BOTH, target=replace(SAME, worker_rpc="1.9")),
     REPAIR, [], "Stop engine control2 of 2026.1", ""),
    ("shared, RPC unknown", replace(SHARED, target=replace(SAME, worker_rpc="")), UNKNOWN, [],
     "the worker RPC version of one release is not known", ""),
    ("shared, hosts not listed", replace(SHARED, hosts=((), ())), UNKNOWN, [],
     "list the [DEFAULT] host of each engine", ""),
    ("shared in the plan only", replace(SHARED, configured=(OLD, NEW)), REPAIR, [],
     "Set broker.isolation: vhost", ""),
    # cold, in the guide's order
    ("cold, runs", COLD_RUNS, SAFE, ["pre"],
     "Stop every API and then every engine: engine control1, uwsgi (pid 100) on 10.0.0.0",
     "Do not run db_sync"),
    ("cold, runs, not installed", replace(COLD_RUNS, absent=ABSENT), SAFE, ["pre"], "Stop every",
     ""),
    ("cold, works", replace(COLD_RUNS, stacks=HELD), SAFE, ["pre"],
     "Stop every API, wait until stack web (s1) has ended, then stop every engine",
     "Do not stop the engines while a stack is in flight"),
    ("cold, engines stopped", replace(COLD_RUNS, engines=()), SAFE, ["pre"], "Stop every API", ""),
    ("cold, stopped, not installed", replace(STOPPED, absent=ABSENT), SAFE, ["stopped"],
     "Put 2026.1's code and configuration in place: /v/bin/python", "Do not start an engine"),
    ("cold, stopped", STOPPED, SAFE, ["stopped", "installed"], "Run 2026.1's db_sync",
     "see on each host that none runs"),
    ("cold, synced", replace(STOPPED, revision=HEAD_26), SAFE, ["synced"],
     "Start every engine and then every API of 2026.1", "Do not start an engine or API of 2025.2"),
    ("cold, stopped, the same schema", replace(STOPPED, target=SAME), SAFE,
     ["stopped", "installed", "synced"], "Start every engine", ""),
    ("cold, finished", COLD_NEW, SAFE, ["post"], "let phase post judge", ""),
    ("cold, finished on a new vhost", replace(NEW_ONLY, mode="cold"), SAFE, ["post"],
     "let phase post judge", ""),
    ("cold, not begun, the same schema", replace(COLD_NEW, target=SAME, revision=HEAD_25,
     engines=(f"control1@{OLD}",)), SAFE, ["pre"], "Stop every API", ""),
    # cold, out of order or not to be told
    ("cold, old on the new schema", replace(COLD_NEW, engines=(f"control1@{OLD}",)), REPAIR, [],
     "Stop engine control1 of 2025.2", "Do not start an engine or API of 2026.1 before"),
    ("cold, both run", replace(COLD_NEW, engines=(f"control1@{OLD}", f"control2@{OLD}")), REPAIR,
     [], "Stop engine control1 of 2025.2", ""),
    ("cold, new before db_sync", replace(COLD_NEW, revision=HEAD_25), REPAIR,
     ["stopped", "installed"], "Stop every API and every engine", "Do not run db_sync"),
    ("cold, half-way, runs", replace(COLD_RUNS, revision="d2db381e3324"), REPAIR, [],
     "then bring 2026.1's db_sync to its end", "Do not run db_sync"),
    ("cold, half-way", replace(STOPPED, revision="d2db381e3324"), REPAIR, [],
     "Find in its log why", "Do not start an engine or API before"),
    ("cold, cut off step", replace(STOPPED, tables=tables_and("resource_snapshot")), REPAIR, [],
     "or remove table resource_snapshot", ""),
    ("cold, work cut off", replace(STOPPED, stacks=LOST), REPAIR, [],
     "heat-manage reset_stack_status s1", "Do not start an engine before"),
    ("cold, work cut off that waits", replace(STOPPED, stacks=LOST,
     messages={"engine_worker": 3}), REPAIR, [],
     "Start an engine of 2025.2 on vhost heat-n again, so that it ends what was cut off: "
     "3 messages", "Do not run 2026.1's db_sync"),
    ("cold, apis alone", replace(STOPPED, revision=HEAD_26, apis=(OLD,)), REPAIR, [],
     "Stop uwsgi (pid 100)", "Do not leave an API of 2025.2"),
    ("cold, work lost", replace(COLD_NEW, stacks=LOST), REPAIR, [], "Help what nobody works on",
     ""),
    ("cold, work uncertain", replace(COLD_NEW, stacks=MOVING), UNKNOWN, [], "ask again", ""),
    ("cold, release unknown", replace(COLD_RUNS, revision=HEAD_26), UNKNOWN, [],
     "the release of the engine control1 (on heat-n) is not known", ""),
    ("cold, api on the old vhost", replace(NEW_ONLY, mode="cold", apis=(OLD,)), REPAIR, [],
     "Move uwsgi (pid 100)", ""),
    ("cold, elsewhere", replace(COLD_RUNS, engines=("control1@third",)), REPAIR, [],
     "Stop engine control1 (on third)", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("world", "kind", "gates", "words", "not_now"),
    [point[1:] for point in POINTS],
    ids=[point[0] for point in POINTS],
)
def test_the_next_step(
    world: World, kind: Kind, gates: list[str], words: str, not_now: str
) -> None:
    _, step = stands(world)
    assert words in step.sentence
    assert (step.kind, _calls(step)) == (kind, [f"--phase {gate}" for gate in gates])
    assert any(not_now in sentence for sentence in step.must_not) or not not_now
    # An operator acts on these: whole sentences, nothing left to fill in, no step on a guess.
    for sentence in (step.point, step.sentence, *step.must_not):
        assert sentence
        assert not set(sentence) & set("{}\n")
    assert all(s.startswith("Do not ") and s.endswith(".") for s in step.must_not)
    assert bool(step.must_not) == (kind is not UNKNOWN)


def test_every_row_of_the_guide_is_reached() -> None:
    reached: set[tuple[str, int]] = set()
    for _, world, *_ in POINTS:
        found, _ = stands(world)
        rows: tuple[Rule, ...] = ROLLING if found.mode == "rolling" else COLD
        row = next(number for number, rule in enumerate(rows) if rule.holds(found))
        reached.add((found.mode, row))
    unobserved, schema = {"rolling": 0, "cold": 0}, {("cold", 2)}
    missed = {
        (mode, n) for mode, rows in (("rolling", ROLLING), ("cold", COLD)) for n in range(len(rows))
    } - reached
    assert missed <= {*unobserved.items()} | schema


@pytest.mark.parametrize(
    ("current", "target", "database", "expected"),
    [
        # 2023.1 -> 2023.2: alembic takes over, and changes nothing else.
        ((None, 86), ((HEAD_25,), None), ((), 86), At.CURRENT),
        ((None, 86), ((HEAD_25,), None), ((HEAD_25,), 86), At.TARGET),
        ((None, 86), ((), 86), ((), 86), At.BOTH),
        ((None, 86), ((HEAD_25,), None), ((), 79), At.UNKNOWN),
        (((HEAD_25,), None), ((HEAD_26,), None), ((), None), At.UNKNOWN),
        (((HEAD_26,), None), ((HEAD_26,), None), ((HEAD_25,), None), At.UNKNOWN),
    ],
)
def test_the_schema(
    current: tuple[Any, int | None],
    target: tuple[Any, int | None],
    database: tuple[tuple[str, ...], int | None],
    expected: At,
) -> None:
    sides = [
        replace(made, schema_heads=heads or (), migrate_head=number)
        for made, (heads, number) in ((World().current, current), (World().target, target))
    ]
    found, _ = stands(
        World(),
        current_release=sides[0],
        target_release=sides[1],
        database=a_database(revisions=database[0], migrate_version=database[1]),
    )
    assert found.schema.at is expected
    assert bool(found.schema.why) == (expected is At.UNKNOWN)


def test_vhosts_of_one_name_on_other_brokers_tell_no_release() -> None:
    elsewhere = Configuration(("/c",), "here", ("other:5672",), OLD)
    world = World()
    found = position(world.plan, replace(world.evidence, target_configuration=elsewhere))
    assert "give the target's vhost another name" in next_step(found).sentence
