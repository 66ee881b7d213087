"""One wrong step in an upgrade of Heat, and the right way up to it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from heat_upgrade_checks.phases import Mode
from tests.lab.deployment import Lab
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


def disaster(
    known: list[Disaster],
    number: int,
    title: str,
    wrong_step: str,
    gate: str,
    *ids: str,
    also: Mapping[str, str] | None = None,
    pair: tuple[int, int] = (25, 26),
    charset: str | None = None,
) -> Callable[[Course], Course]:
    """Enter a course among those that are known."""

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
        known.append(told)
        return course

    return register


# --- the right way, up to the wrong step


def judge(upgrade: WholeUpgrade, gate: str, opens: bool = True) -> None:
    """Judge a gate such as `engine --host control1`, and wait where something may yet settle."""
    phase, *arguments = gate.split()
    # On a busy machine a release's interpreter may not answer in time.
    wait = "2m" if opens else SETTLES.get(phase)
    upgrade.gate(phase, *arguments, *(("--wait", wait, "--interval", "3s") if wait else ()))


def opens(upgrade: WholeUpgrade, gate: str) -> None:
    """Judge a gate that has to open.

    :raises GateShutError: it does not.
    """
    judge(upgrade, gate)
    if upgrade.last.code not in (0, 1):
        raise GateShutError(f"{upgrade.record[-1]}\n{upgrade.last.out}{upgrade.last.err}")


def lead_to(upgrade: WholeUpgrade, gate: str, alone: bool = False) -> None:
    """Everything in the guide's order up to the moment before this gate is asked."""
    upgrade.prepare(rehearse=False, alone=alone)
    go_on_to(upgrade, gate)


def go_on_to(upgrade: WholeUpgrade, gate: str) -> None:
    """Every step from a Heat in service up to the moment before this gate is asked."""
    for phase, step in _way(upgrade):
        if phase == gate:
            return
        opens(upgrade, phase)
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
        yield f"engine --host {APIS[name]}", partial(move, upgrade, name)
    if last not in upgrade.new_engines:
        upgrade.start_engine(last)


def move(upgrade: WholeUpgrade, name: str) -> None:
    """Upgrade an API behind the balancer."""
    upgrade.take_out(name)
    upgrade.upgrade_api(name)
    upgrade.put_back(name)


def held_by(lab: Lab, host: str, stack: str) -> bool:
    """Whether an engine of this host works on the stack; waits until any does."""
    query = (
        "SELECT v.host FROM resource r JOIN stack s ON s.id = r.stack_id "
        "JOIN service v ON v.engine_id = r.engine_id WHERE s.name = %s"
    )

    def holders() -> list[str]:
        return [held for (held,) in lab.mariadb.execute(query, (stack,), "heat")]

    until(lambda: len(holders()) == 1, f"an engine works on stack {stack}")
    return holders() == [host]


def restart_broker(upgrade: WholeUpgrade) -> None:
    """Nothing in it is durable; every engine finds its way back."""
    upgrade.lab.rabbitmq.stop()
    upgrade.lab.rabbitmq.start()
    for engine in (*upgrade.engines.values(), *upgrade.new_engines.values()):
        engine.wait_up()


def still_after_all_ended(lab: Lab, stacks: list[str]) -> list[str]:
    """Those that are in progress when nothing is held any more."""
    held = "SELECT 1 FROM resource WHERE engine_id IS NOT NULL"
    until(lambda: not lab.mariadb.execute(held, (), "heat"), "nothing held")
    query = "SELECT name FROM stack WHERE status = 'IN_PROGRESS' AND deleted_at IS NULL"
    lost = [name for (name,) in lab.mariadb.execute(query, (), "heat") if name in stacks]
    if not lost:
        raise ServerError("the restart of the broker lost no cast")
    return lost
