"""What goes wrong while both releases work, and after it."""

import os
import signal
from collections.abc import Iterator
from functools import partial

from tests.lab.disaster import (
    API,
    API_GATE,
    FIRST,
    LAST,
    REMEDIED,
    Disaster,
    Words,
    disaster,
    go_on_to,
    held_by,
    lead_to,
    move,
    opens,
    restart_broker,
    still_after_all_ended,
)
from tests.lab.rolling import CURRENT_VHOST
from tests.lab.stacks import template
from tests.lab.whole_upgrade import APIS, WholeUpgrade

AT_WORK: list[Disaster] = []
_disaster = partial(disaster, AT_WORK)


@_disaster(
    7,
    "Legacy stack in flight",
    "a legacy stack is updated just before the first new engine starts",
    "vhost",
    "stacks.legacy-in-progress",
)
def legacy_stack_in_flight(upgrade: WholeUpgrade) -> Iterator[Words]:
    lab = upgrade.lab
    upgrade.prepare(rehearse=False, alone=True)
    # As all engines were before convergence came.
    upgrade.stop_engine(FIRST)
    upgrade.start_old_engine(FIRST, convergence_engine="false").wait_up()
    lab.create_stack("aged")
    lab.wait_stack("aged", "CREATE_COMPLETE")
    upgrade.stop_engine(FIRST)
    upgrade.start_old_engine(FIRST).wait_up()
    go_on_to(upgrade, "vhost")
    lab.stacks().update("aged", template(80, 2))
    yield "stack aged (", "locked by engine"
    lab.wait_stack("aged", "UPDATE_COMPLETE")
    yield REMEDIED


@_disaster(
    1,
    "New engine on the old vhost",
    "transport_url of the host's new heat.conf names the old vhost",
    f"engine --host {FIRST}",
    "vhost.isolated",
)
def new_engine_on_the_old_vhost(upgrade: WholeUpgrade) -> Iterator[Words]:
    lead_to(upgrade, "vhost")
    opens(upgrade, "vhost")
    wrong = upgrade.start_engine(FIRST, CURRENT_VHOST)
    yield f"engine {FIRST} ({wrong.engine_ids[0]})", CURRENT_VHOST, upgrade.new_vhost
    wrong.stop()
    upgrade.start_engine(FIRST)
    yield REMEDIED


@_disaster(
    6,
    "Engine killed with work in hand",
    "the old engine is killed instead of stopped",
    f"engine --host {FIRST}",
    "stacks.held-by-host",
)
def engine_killed(upgrade: WholeUpgrade) -> Iterator[Words]:
    lab = upgrade.lab
    lead_to(upgrade, f"engine --host {FIRST}")
    for name in (f"held-{number}" for number in range(8)):
        lab.create_stack(name, seconds=60)
        if held_by(lab, FIRST, name):
            break
    (killed,) = upgrade.engines[FIRST].engine_ids
    upgrade.kill_engine(FIRST)
    yield f"engine {FIRST} ({killed})", f"step0 of stack {name}", "is dead"
    lab.stacks().update(name, template(0))
    lab.wait_stack(name, "UPDATE_COMPLETE")
    yield REMEDIED


# --- the last old engine


@_disaster(
    4,
    "Old API left on the old vhost",
    "one API is forgotten",
    "last-engine",
    "queues.no-api-left",
)
def api_left_on_the_old_vhost(upgrade: WholeUpgrade) -> Iterator[Words]:
    forgotten = list(APIS)[-1]
    lead_to(upgrade, f"engine --host {APIS[forgotten]}")
    upgrade.start_engine(LAST)
    yield "uwsgi", f"to vhost {CURRENT_VHOST}"
    opens(upgrade, f"engine --host {APIS[forgotten]}")
    move(upgrade, forgotten)
    yield REMEDIED


@_disaster(
    18,
    "Idle API left on the old vhost",
    "an API that was just restarted on the old vhost is forgotten: the broker shows none of it",
    "last-engine",
    "queues.no-api-left",
)
def idle_api_left_on_the_old_vhost(upgrade: WholeUpgrade) -> Iterator[Words]:
    forgotten = list(APIS)[-1]
    lead_to(upgrade, f"engine --host {APIS[forgotten]}")
    upgrade.start_engine(LAST)
    upgrade.take_out(forgotten)
    upgrade.stop_api(forgotten)
    idle = upgrade.start_old_api(forgotten)
    yield f"uwsgi (pid {idle.pids[-1]})", f"to vhost {CURRENT_VHOST}"
    opens(upgrade, f"engine --host {APIS[forgotten]}")
    upgrade.upgrade_api(forgotten)
    upgrade.put_back(forgotten)
    yield REMEDIED


@_disaster(
    17,
    "Nobody to take over",
    "the target's engines have stopped, and the last old one is to follow",
    "last-engine",
    "services.alive",
    also={"queues.no-api-left": "the API on the new vhost gets no answer there"},
)
def nobody_to_take_over(upgrade: WholeUpgrade) -> Iterator[Words]:
    lead_to(upgrade, "last-engine", alone=True)
    upgrade.new_engines[FIRST].stop()
    yield "engines of the target release", f"none works; its vhost is {upgrade.new_vhost}"
    upgrade.start_engine(FIRST)
    yield REMEDIED


@_disaster(
    5,
    "Last engine stopped too early",
    "the last old engine is stopped while it works; every queue is empty",
    "last-engine",
    "stacks.in-progress",
)
def last_engine_stopped_too_early(upgrade: WholeUpgrade) -> Iterator[Words]:
    lab = upgrade.lab
    lead_to(upgrade, API_GATE, alone=True)
    opens(upgrade, API_GATE)
    lab.create_stack("two-steps", seconds=20, steps=2, api=upgrade.apis[API])
    held_by(lab, FIRST, "two-steps")
    move(upgrade, API)
    upgrade.stop_engine(FIRST)
    yield "stack two-steps (", "no engine holds any of it, and nothing moved for"
    assert upgrade.last.check("queues.empty")["outcome"] == "passed"
    lab.stacks().update("two-steps", template(0, 2))
    lab.wait_stack("two-steps", "UPDATE_COMPLETE")
    yield REMEDIED


@_disaster(
    21,
    "Work expired",
    "a policy lets messages on the old vhost live for a second, and the last engine stops at work",
    "last-engine",
    "stacks.in-progress",
)
def work_expired(upgrade: WholeUpgrade) -> Iterator[Words]:
    lab = upgrade.lab
    lead_to(upgrade, API_GATE, alone=True)
    opens(upgrade, API_GATE)
    policy = {"pattern": "^(engine|heat)", "definition": {"message-ttl": 1000}}
    lab.rabbitmq.call("PUT", f"policies/{CURRENT_VHOST}/short-lived", policy)
    lab.create_stack("expired", seconds=20, steps=2, api=upgrade.apis[API])
    held_by(lab, FIRST, "expired")
    move(upgrade, API)
    upgrade.stop_engine(FIRST)
    yield "stack expired (", "no engine holds any of it, and nothing moved for"
    assert upgrade.last.check("queues.empty")["outcome"] == "passed"
    (warned,) = upgrade.last.check("queues.keep-messages")["findings"]
    assert "expired" in f"{warned['summary']} {warned['data']}"
    lab.stacks().update("expired", template(0, 2))
    lab.wait_stack("expired", "UPDATE_COMPLETE")
    yield REMEDIED


@_disaster(
    14,
    "Old vhost deleted too early",
    "the old vhost is deleted while the last old engine works on it",
    "last-engine",
    "queues.empty",
    also={
        "vhost.isolated": "the last old engine reports, but listens on no vhost",
        "services.alive": "it reads no queue either",
        "stacks.in-progress": "what the last old engine works on cannot go on without the vhost",
    },
)
def old_vhost_deleted(upgrade: WholeUpgrade) -> Iterator[Words]:
    lab = upgrade.lab
    lead_to(upgrade, API_GATE, alone=True)
    opens(upgrade, API_GATE)
    lab.create_stack("in-hand", seconds=60, steps=2, api=upgrade.apis[API])
    held_by(lab, FIRST, "in-hand")
    move(upgrade, API)
    lab.rabbitmq.delete_vhost(CURRENT_VHOST)
    yield f"vhost {CURRENT_VHOST}", "does not exist", "make the vhost and Heat's permissions"
    lab.add_vhost(CURRENT_VHOST)
    upgrade.engines[FIRST].wait_up()
    lab.stacks().update("in-hand", template(0, 2))
    lab.wait_stack("in-hand", "UPDATE_COMPLETE")
    yield REMEDIED


@_disaster(
    13,
    "Broker restarted while the old side works",
    "a restart at rest loses nothing, and the gate opens; the next one loses casts",
    "last-engine",
    "stacks.in-progress",
)
def broker_restarted(upgrade: WholeUpgrade) -> Iterator[Words]:
    lab = upgrade.lab
    lead_to(upgrade, API_GATE, alone=True)
    restart_broker(upgrade)
    opens(upgrade, API_GATE)
    # Some of their first steps end while no queue is there for the cast of the second.
    stacks = [f"cast-{seconds}" for seconds in range(8, 30, 3)]
    for name in stacks:
        lab.create_stack(name, float(name.partition("-")[2]), 2, upgrade.apis[API])
    restart_broker(upgrade)
    move(upgrade, API)
    lost = still_after_all_ended(lab, stacks)
    yield tuple(f"stack {name} (" for name in lost)
    for name in lost:
        lab.stacks().update(name, template(0, 2))
    for name in lost:
        lab.wait_stack(name, "UPDATE_COMPLETE")
    yield REMEDIED


# --- after it


@_disaster(
    16,
    "Worker outlives its master",
    "the last old engine's master is killed while its worker hangs",
    "post",
    "queues.old-residue",
)
def worker_outlives_its_master(upgrade: WholeUpgrade) -> Iterator[Words]:
    lead_to(upgrade, "last-engine", alone=True)
    opens(upgrade, "last-engine")
    engine = upgrade.engines.pop(FIRST)
    master, *workers = engine.pids
    engine.freeze()
    os.kill(master, signal.SIGKILL)
    yield "heat-engine", CURRENT_VHOST
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    yield REMEDIED
