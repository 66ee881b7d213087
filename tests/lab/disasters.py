"""What goes wrong in upgrades of Heat, each done to a real one, and the gate that must say so.

A disaster is a course of steps with the gates between them, all of which must open, up to the wrong
step. There it yields the words that the findings of its gate must hold, such as the name of a host
or a stack. Where it goes on after that, it does what the findings advise and yields `REMEDIED`: the
gate must open then.
"""

import contextlib
import os
import secrets
import signal
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from heat_upgrade_checks.phases import Mode
from tests.lab import venvs
from tests.lab.deployment import Lab
from tests.lab.rolling import CURRENT_VHOST
from tests.lab.stacks import template
from tests.lab.whole_upgrade import APIS, HOSTS, GateShutError, WholeUpgrade
from tests.services.processes import ServerError
from tests.waiting import until

Words = tuple[str, ...]
Course = Callable[[WholeUpgrade], Iterator[Words]]
REMEDIED: Words = ()

FIRST, LAST = HOSTS
# The API of a site that has one of each.
API = next(iter(APIS))
API_GATE = f"engine --host {APIS[API]}"
# RabbitMQ tells of consumers seconds late, and what nobody holds counts as lost after a while.
SETTLES = {"vhost": "20s", "engine": "20s", "last-engine": "20s", "post": "20s"}


@dataclass(frozen=True)
class Disaster:
    """One wrong step, and what its gate must say: no-go, with these ids red.

    `also` are further ids that may be red for the same reason, each with that reason.
    """

    number: int
    title: str
    wrong_step: str
    gate: str
    ids: frozenset[str]
    course: Course
    also: Mapping[str, str] = field(default_factory=dict)
    pair: tuple[int, int] = (25, 26)
    mode: Mode = "rolling"
    charset: str | None = None
    expected: str = "no-go"

    @property
    def name(self) -> str:
        """What a test of it is called."""
        return f"{self.number}-{self.course.__name__}"


DISASTERS: list[Disaster] = []


def _disaster(
    number: int,
    title: str,
    wrong_step: str,
    gate: str,
    *ids: str,
    also: Mapping[str, str] | None = None,
    pair: tuple[int, int] = (25, 26),
    charset: str | None = None,
) -> Callable[[Course], Course]:
    def register(course: Course) -> Course:
        told = Disaster(
            number,
            title,
            wrong_step,
            gate,
            frozenset(ids),
            course,
            also or {},
            pair,
            charset=charset,
        )
        DISASTERS.append(told)
        DISASTERS.sort(key=lambda each: each.number)
        return course

    return register


# --- the right way, up to the wrong step


def judge(upgrade: WholeUpgrade, gate: str, opens: bool = True) -> None:
    """Judge a gate such as `engine --host control1`, and wait where something may yet settle."""
    phase, *arguments = gate.split()
    # On a busy machine a release's interpreter may not answer in time.
    wait = "2m" if opens else SETTLES.get(phase)
    upgrade.gate(phase, *arguments, *(("--wait", wait, "--interval", "3s") if wait else ()))


def _opens(upgrade: WholeUpgrade, gate: str) -> None:
    judge(upgrade, gate)
    if upgrade.last.code not in (0, 1):
        raise GateShutError(f"{upgrade.record[-1]}\n{upgrade.last.out}{upgrade.last.err}")


def _lead_to(upgrade: WholeUpgrade, gate: str, alone: bool = False) -> None:
    """Everything in the guide's order up to the moment before this gate is asked."""
    upgrade.prepare(rehearse=False, alone=alone)
    _go_on_to(upgrade, gate)


def _go_on_to(upgrade: WholeUpgrade, gate: str) -> None:
    for phase, step in _way(upgrade):
        if phase == gate:
            return
        _opens(upgrade, phase)
        step()
    if gate != "last-engine":
        raise ValueError(f"no gate {gate} is on the way")


def _way(upgrade: WholeUpgrade) -> Iterator[tuple[str, Callable[[], object]]]:
    """The gates before `last-engine`, each with the step that it allows."""
    *before, last = upgrade.engines
    apis = [name for name in APIS if name in upgrade.apis]
    yield "pre", upgrade.install
    yield "installed", upgrade.sync
    yield "synced", upgrade.add_vhost
    yield "vhost", partial(upgrade.start_engine, FIRST)
    for host in before:
        yield f"engine --host {host}", partial(upgrade.stop_engine, host)
    for name in apis:
        yield f"engine --host {APIS[name]}", partial(_move, upgrade, name)
    if last not in upgrade.new_engines:
        upgrade.start_engine(last)


def _move(upgrade: WholeUpgrade, name: str) -> None:
    upgrade.take_out(name)
    upgrade.upgrade_api(name)
    upgrade.put_back(name)


def _held_by(lab: Lab, host: str, stack: str) -> bool:
    """Whether an engine of this host works on the stack; waits until any does."""
    query = (
        "SELECT v.host FROM resource r JOIN stack s ON s.id = r.stack_id "
        "JOIN service v ON v.engine_id = r.engine_id WHERE s.name = %s"
    )

    def holders() -> list[str]:
        return [held for (held,) in lab.mariadb.execute(query, (stack,), "heat")]

    until(lambda: len(holders()) == 1, f"an engine works on stack {stack}")
    return holders() == [host]


# --- before anything changes


@_disaster(
    9,
    "Backup of the wrong database",
    "the backup holds Keystone's database",
    "pre",
    "backup.exists",
)
def backup_of_another_database(upgrade: WholeUpgrade) -> Iterator[Words]:
    upgrade.prepare(rehearse=False, alone=True)
    plan, lab = upgrade.gates.plan["backup"], upgrade.lab
    right = plan["path"]
    wrong = lab.folder / "backup" / "keystone.sql"
    lab.mariadb.dump("keystone", wrong)
    plan["path"] = str(wrong)
    yield str(wrong), "holds keystone, not heat"
    plan["path"] = right
    yield REMEDIED


@_disaster(
    10,
    "Charset trap",
    "tables from before alembic are utf8mb3, and the database's default is utf8mb4",
    "pre",
    "schema.charset",
    charset="utf8mb4",
)
def charset_trap(upgrade: WholeUpgrade) -> Iterator[Words]:
    upgrade.lab.db_sync(20)
    upgrade.prepare(rehearse=False, alone=True)
    yield "database heat", "88be64598c0f refers to snapshot.id and will fail"
    (finding,) = upgrade.last.check("schema.charset")["findings"]
    ((*_, statement),) = finding["commands"]
    upgrade.lab.mariadb.execute(statement)
    yield REMEDIED


@_disaster(
    11,
    "Skipped series",
    "the target is two series ahead, and the plan does not allow it",
    "pre",
    "release.path",
    pair=(24, 26),
)
def skipped_series(upgrade: WholeUpgrade) -> Iterator[Words]:
    upgrade.prepare(rehearse=False, alone=True)
    yield venvs.version(24), venvs.version(26), "skips a series"
    upgrade.gates.plan["allow_skip_level"] = True
    yield REMEDIED


@_disaster(
    12,
    "Changed release note",
    "a note reads differently than when it was signed",
    "pre",
    "release.notes-acknowledged",
)
def changed_note(upgrade: WholeUpgrade) -> Iterator[Words]:
    upgrade.prepare(rehearse=False, alone=True)
    notes = upgrade.gates.plan["notes"]
    with tarfile.open(notes["target"]) as sdist:
        sdist.extractall(upgrade.lab.folder / "sdist", filter="data")
    pattern = "sdist/*/releasenotes/notes/make-snapshot-convergence-aware*.yaml"
    (note,) = upgrade.lab.folder.glob(pattern)
    note.write_text(note.read_text("utf-8") + "\n", "utf-8")
    notes["target"] = str(note.parent)
    yield note.name, "changed since it was acknowledged"
    upgrade.gates.acknowledge()
    yield REMEDIED


# --- the code and the schema


@_disaster(
    8,
    "Another auth_encryption_key",
    "the target's heat.conf has a key of its own",
    "installed",
    "config.continuity",
    "config.credentials-decrypt",
)
def another_key(upgrade: WholeUpgrade) -> Iterator[Words]:
    _lead_to(upgrade, "installed", alone=True)
    key = secrets.token_hex(16)
    upgrade.lab.configuration(26, upgrade.new_vhost, FIRST, auth_encryption_key=key)
    yield "[DEFAULT] auth_encryption_key", "user_creds"
    upgrade.install()
    yield REMEDIED


@_disaster(
    3,
    "Target started before db_sync",
    "installing the target release starts its engine",
    "installed",
    "services.versions",
)
def started_before_db_sync(upgrade: WholeUpgrade) -> Iterator[Words]:
    _lead_to(upgrade, "installed", alone=True)
    upgrade.lab.add_vhost(upgrade.new_vhost)
    early = upgrade.start_engine(FIRST)
    yield f"engine {FIRST} ({early.engine_ids[0]})", upgrade.new_vhost
    early.stop()
    yield REMEDIED


@_disaster(
    2,
    "db_sync by the current release",
    "db_sync is run with the current release's code: it changes nothing and succeeds",
    "synced",
    "schema.at-head",
    also={"schema.serves-target": "what is missing from the schema is what the target needs"},
)
def db_sync_by_the_current_release(upgrade: WholeUpgrade) -> Iterator[Words]:
    _lead_to(upgrade, "installed", alone=True)
    _opens(upgrade, "installed")
    upgrade.sync(25)
    yield "heat", "c6214ca60943", "97b2a986f922"
    upgrade.sync()
    # In the other order it fails and changes nothing.
    with contextlib.suppress(ServerError):
        upgrade.sync(25)
        raise AssertionError("db_sync of 25 succeeds on the schema of 26")
    yield REMEDIED


@_disaster(
    15,
    "Gate left out",
    "db_sync is run without asking `installed`",
    "synced",
    "journal.in-order",
)
def gate_left_out(upgrade: WholeUpgrade) -> Iterator[Words]:
    _lead_to(upgrade, "installed", alone=True)
    upgrade.sync()
    yield "gate installed", "was not run for this upgrade"
    _opens(upgrade, "installed")
    yield REMEDIED


# --- both releases run


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
    _go_on_to(upgrade, "vhost")
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
    _lead_to(upgrade, "vhost")
    _opens(upgrade, "vhost")
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
    _lead_to(upgrade, f"engine --host {FIRST}")
    for name in (f"held-{number}" for number in range(8)):
        lab.create_stack(name, seconds=60)
        if _held_by(lab, FIRST, name):
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
    _lead_to(upgrade, f"engine --host {APIS[forgotten]}")
    upgrade.start_engine(LAST)
    yield "uwsgi", f"to vhost {CURRENT_VHOST}"
    _opens(upgrade, f"engine --host {APIS[forgotten]}")
    _move(upgrade, forgotten)
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
    _lead_to(upgrade, API_GATE, alone=True)
    _opens(upgrade, API_GATE)
    lab.create_stack("two-steps", seconds=20, steps=2, api=upgrade.apis[API])
    _held_by(lab, FIRST, "two-steps")
    _move(upgrade, API)
    upgrade.stop_engine(FIRST)
    yield "stack two-steps (", "no engine holds any of it, and nothing moved for"
    assert upgrade.last.check("queues.empty")["outcome"] == "passed"
    lab.stacks().update("two-steps", template(0, 2))
    lab.wait_stack("two-steps", "UPDATE_COMPLETE")
    yield REMEDIED


@_disaster(
    14,
    "Old vhost deleted too early",
    "the old vhost is deleted while the last old engine works on it",
    "last-engine",
    "queues.empty",
    also={
        "vhost.isolated": "the last old engine reports, but listens on no vhost",
        "stacks.in-progress": "what the last old engine works on cannot go on without the vhost",
    },
)
def old_vhost_deleted(upgrade: WholeUpgrade) -> Iterator[Words]:
    lab = upgrade.lab
    _lead_to(upgrade, API_GATE, alone=True)
    _opens(upgrade, API_GATE)
    lab.create_stack("in-hand", seconds=60, steps=2, api=upgrade.apis[API])
    _held_by(lab, FIRST, "in-hand")
    _move(upgrade, API)
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
    _lead_to(upgrade, API_GATE, alone=True)
    _restart_broker(upgrade)
    _opens(upgrade, API_GATE)
    # Some of their first steps end while no queue is there for the cast of the second.
    stacks = [f"cast-{seconds}" for seconds in range(8, 30, 3)]
    for name in stacks:
        lab.create_stack(name, float(name.partition("-")[2]), 2, upgrade.apis[API])
    _restart_broker(upgrade)
    _move(upgrade, API)
    lost = _still_after_all_ended(lab, stacks)
    yield tuple(f"stack {name} (" for name in lost)
    for name in lost:
        lab.stacks().update(name, template(0, 2))
    for name in lost:
        lab.wait_stack(name, "UPDATE_COMPLETE")
    yield REMEDIED


def _restart_broker(upgrade: WholeUpgrade) -> None:
    """Nothing in it is durable; every engine finds its way back."""
    upgrade.lab.rabbitmq.stop()
    upgrade.lab.rabbitmq.start()
    for engine in (*upgrade.engines.values(), *upgrade.new_engines.values()):
        engine.wait_up()


def _still_after_all_ended(lab: Lab, stacks: list[str]) -> list[str]:
    """Those that are in progress when nothing is held any more."""
    held = "SELECT 1 FROM resource WHERE engine_id IS NOT NULL"
    until(lambda: not lab.mariadb.execute(held, (), "heat"), "nothing held")
    query = "SELECT name FROM stack WHERE status = 'IN_PROGRESS' AND deleted_at IS NULL"
    lost = [name for (name,) in lab.mariadb.execute(query, (), "heat") if name in stacks]
    if not lost:
        raise ServerError("the restart of the broker lost no cast")
    return lost


# --- after it


@_disaster(
    16,
    "Worker outlives its master",
    "the last old engine's master is killed while its worker hangs",
    "post",
    "queues.old-residue",
)
def worker_outlives_its_master(upgrade: WholeUpgrade) -> Iterator[Words]:
    _lead_to(upgrade, "last-engine", alone=True)
    _opens(upgrade, "last-engine")
    engine = upgrade.engines.pop(FIRST)
    master, *workers = engine.pids
    engine.freeze()
    os.kill(master, signal.SIGKILL)
    yield "heat-engine", CURRENT_VHOST
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    yield REMEDIED
