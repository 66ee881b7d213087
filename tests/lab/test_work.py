"""Work of a live engine, work that waits, work that is lost, and rows that only look like work.

Each is made by real engines and told for what it is; what the finding advises is then done.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.driver import Outcome
from tests.lab import stacks
from tests.lab.configuration import REPORT_INTERVAL
from tests.lab.deployment import Lab
from tests.lab.gates import Gates
from tests.lab.heat import Engine
from tests.lab.keystone import Keystone
from tests.lab.rolling import CURRENT_VHOST, TARGET_VHOST, Rolling
from tests.services.processes import interrupted_by_sigterm
from tests.waiting import until

WAITING = {
    "heat_template_version": "2018-08-31",
    "resources": {
        "handle": {"type": "OS::Heat::WaitConditionHandle"},
        "condition": {
            "type": "OS::Heat::WaitCondition",
            "properties": {"handle": {"get_resource": "handle"}, "timeout": 600},
        },
    },
}
# A resource that fails the stack while an engine is at work on another.
HALF_FAILED = {
    "heat_template_version": "2018-08-31",
    "resources": {
        "step0": {
            "type": "OS::Heat::TestResource",
            "properties": {"value": "x", "action_wait_secs": {"create": 300}},
        },
        "broken": {
            "type": "OS::Heat::TestResource",
            "properties": {"value": "x", "fail": True, "action_wait_secs": {"create": 8}},
        },
    },
}
AT_A_HOOK = {"resource_registry": {"resources": {"step0": {"hooks": "pre-create"}}}}
OUTER = {
    "heat_template_version": "2018-08-31",
    "resources": {"inner": {"type": "inner.yaml"}},
}
INNER = """\
heat_template_version: "2018-08-31"
resources:
  step:
    type: OS::Heat::TestResource
    properties: {value: x, action_wait_secs: {create: 300}}
"""


@dataclass
class Scene:
    """A lab in which stacks are in every state that work in flight can be in."""

    gates: Gates
    engines: dict[str, Engine] = field(default_factory=dict)
    legacy: str = ""
    backed_up: str = ""

    @property
    def lab(self) -> Lab:
        return self.gates.rolling.lab

    def begin(self, host: str, **options: str) -> Engine:
        """Start an engine of the current release."""
        engine = self.lab.engine(self.gates.rolling.current, CURRENT_VHOST, host, 1, **options)
        self.engines[host] = engine.wait_up()
        return engine

    def await_step(self, name: str, resource: str = "step0") -> None:
        """Until a resource is worked on."""
        query = (
            "SELECT 1 FROM resource r JOIN stack s ON s.id = r.stack_id "
            "WHERE s.name LIKE %s AND r.name = %s AND r.status = 'IN_PROGRESS'"
        )
        until(
            lambda: bool(self.lab.mariadb.execute(query, [f"{name}%", resource], database="heat")),
            f"{resource} of {name} at work",
            60,
        )

    def convergence(self, name: str) -> bool:
        query = "SELECT convergence FROM stack WHERE name = %s AND deleted_at IS NULL"
        ((value,),) = self.lab.mariadb.execute(query, [name], database="heat")
        return bool(value)

    def create_legacy(self, name: str, seconds: float) -> str:
        """Begin two stacks: engines take turns, and one of the two is of the legacy kind."""
        names = [f"{name}-{number}" for number in range(2)]
        for each in names:
            self.lab.create_stack(each, seconds)
        (legacy,) = [each for each in names if not self.convergence(each)]
        return legacy


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((24, 25), id="24-25", marks=pytest.mark.nightly),
        pytest.param((25, 26), id="25-26"),
        pytest.param((26, 27), id="26-27", marks=pytest.mark.nightly),
    ],
)
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    current, target = request.param
    with interrupted_by_sigterm(), Lab(tmp_path_factory.mktemp("lab-of-work")) as lab:
        rolling = Rolling.prepare(lab, current, target)
        made = Scene(Gates.of(rolling, tmp_path_factory.mktemp("gates")))
        made.engines["control1"] = rolling.engine
        neighbours = lab.stacks(project=Keystone.other_project)
        neighbours.create("outer", OUTER, files={"inner.yaml": INNER})
        lab.create_stack("killed", seconds=300)
        made.await_step("outer-inner", "step")
        made.await_step("killed")
        rolling.engine.kill()
        graceful = made.begin("control2")
        lab.create_stack("lost", seconds=15, steps=2)
        made.await_step("lost")
        graceful.stop()
        made.begin("control4")
        lab.create_stack("live", seconds=300)
        lab.stacks().create("waiting", WAITING)
        lab.stacks().create("paused", stacks.template(), environment=AT_A_HOOK)
        lab.stacks().create("half-failed", HALF_FAILED)
        made.await_step("live")
        made.await_step("half-failed")
        hook = "SELECT 1 FROM resource_data WHERE `key` = 'pre-create'"
        until(lambda: bool(lab.mariadb.execute(hook, database="heat")), "a hook")
        made.await_step("waiting", "condition")
        made.begin("control3", convergence_engine="false")
        made.backed_up = made.create_legacy("half-updated", 0)
        lab.wait_stack(made.backed_up, "CREATE_COMPLETE")
        lab.stacks().update(made.backed_up, stacks.template(0, 2, fail=True))
        lab.wait_stack(made.backed_up, "UPDATE_FAILED")
        made.legacy = made.create_legacy("legacy", 300)
        made.await_step(made.legacy)
        lab.wait_stack("half-failed", "CREATE_FAILED")
        lab.mariadb.execute(
            "INSERT INTO stack_lock (stack_id, engine_id) "
            "SELECT id, %s FROM stack WHERE name = 'settled'",
            rolling.engine.engine_ids,
            database="heat",
        )
        time.sleep(2 * REPORT_INTERVAL + 1)
        yield made


@pytest.fixture(scope="module")
def pre(scene: Scene) -> Outcome:
    return scene.gates.judge("pre", "--only", "stacks")


def _found(outcome: Outcome, id: str) -> dict[str, dict[str, Any]]:
    """The findings of a check by the stack's name."""
    return {
        finding["object"].split("stack ")[-1].split(" (")[0]: finding
        for finding in outcome.check(id)["findings"]
    }


def test_lost_work_is_told_from_the_rest_and_from_one_another(scene: Scene, pre: Outcome) -> None:
    assert pre.code == 2
    lost = _found(pre, "stacks.stuck")
    assert {finding["level"] for finding in lost.values()} == {"blocker"}
    (dead,) = scene.engines["control1"].engine_ids
    assert (
        f"engine control1 ({dead}) is dead and holds step0 (OS::Heat::TestResource)"
        in (lost["killed"]["summary"])
    )
    assert "no engine holds any of it, and nothing moved for" in lost["lost"]["summary"]
    # The stack of another project before what is nested in it.
    order = list(lost)
    (inner,) = [name for name in order if name.startswith("outer-inner")]
    assert order.index(inner) == order.index("outer") + 1
    assert scene.lab.keystone.project_ids[Keystone.other_project] in lost[inner]["object"]
    assert lost[inner]["object"].endswith(", nested in outer")
    assert "holds step (OS::Heat::TestResource)" in lost[inner]["summary"]
    assert set(lost) == {"killed", "lost", "outer", inner}
    for name in ("killed", "lost"):
        commands = [" ".join(command[:3]) for command in lost[name]["commands"]]
        assert commands == ["openstack stack update", "openstack stack cancel"]
        assert "heat-manage reset_stack_status marks it FAILED" in lost[name]["hint"]


def test_work_that_goes_on_and_work_that_waits_are_warnings(scene: Scene, pre: Outcome) -> None:
    going_on = _found(pre, "stacks.in-progress")
    warned = {name for name, finding in going_on.items() if finding["level"] == "warning"}
    assert warned == {"live", "waiting", "paused", "half-failed", "legacy-0", "legacy-1"}
    assert going_on["live"]["data"]["state"] == "worked_on"
    assert going_on["live"]["hint"] == "Wait until it ends."
    assert "holds its lock" in going_on[scene.legacy]["summary"]
    assert going_on["waiting"]["data"]["state"] == "waiting"
    (old,) = scene.engines["control4"].engine_ids
    paused, half_failed = going_on["paused"], going_on["half-failed"]
    assert paused["data"]["state"] == "waiting"
    # The engine that started later cannot be there.
    pause = f"engine control4 ({old}) has paused at step0, which waits for its hook pre-create"
    assert pause in paused["summary"]
    assert half_failed["summary"].startswith(
        f"CREATE FAILED, but engine control4 ({old}) holds step0"
    )
    (signal,) = pre.check("stacks.waiting-on-signals")["findings"]
    assert "of stack waiting (" in signal["object"]


def test_rows_that_only_look_like_work(scene: Scene, pre: Outcome) -> None:
    notes = _found(pre, "stacks.in-progress")
    backups = [
        f for f in notes.values() if f["object"].startswith(f"backup stack {scene.backed_up}")
    ]
    assert [finding["level"] for finding in backups] == ["note"]
    (stale,) = pre.check("stacks.stale-locks")["findings"]
    (dead,) = scene.engines["control1"].engine_ids
    assert stale["level"] == "warning"
    assert stale["object"].startswith("stack settled (")
    assert stale["summary"] == (
        f"is locked by engine {dead}, which is dead; the stack is at rest, CREATE COMPLETE"
    )
    (legacy,) = pre.check("stacks.convergence")["findings"]
    assert legacy["summary"].startswith("2 root stacks are worked on without convergence")


def test_what_the_engines_of_a_host_hold(scene: Scene) -> None:
    held = scene.gates.judge("engine", "--host", "control3", "--only", "stacks.held-by-host")
    (finding,) = held.check("stacks.held-by-host")["findings"]
    assert finding["level"] == "blocker"
    assert f"the lock of stack {scene.legacy}" in finding["summary"]
    held = scene.gates.judge("engine", "--host", "control4", "--only", "stacks.held-by-host")
    (finding,) = held.check("stacks.held-by-host")["findings"]
    every = " ".join(finding["data"]["held"])
    assert "step0 of stack half-failed for " in every
    assert "perhaps the pause of step0 of stack paused at its hook pre-create, for " in every
    unknown = scene.gates.judge("engine", "--host", "kontrol3", "--only", "stacks.held-by-host")
    assert unknown.code == 3
    reason = unknown.check("stacks.held-by-host")["reason"]
    assert "no service row knows a host kontrol3; hosts of engines are: control1" in reason


def test_what_waits_at_a_hook_goes_on_when_it_is_cleared(scene: Scene, pre: Outcome) -> None:
    (command,) = _found(pre, "stacks.in-progress")["paused"]["commands"]
    *openstack, option, stack, resource = command
    assert openstack == ["openstack", "stack", "hook", "clear"]
    scene.lab.stacks().clear_hook(stack, resource, option.removeprefix("--"))
    scene.lab.wait_stack("paused", "CREATE_COMPLETE")


def test_the_first_new_engine_fails_the_live_legacy_stack_and_its_gate_said_so(
    scene: Scene,
) -> None:
    lab, rolling = scene.lab, scene.gates.rolling
    outcome = scene.gates.judge("vhost", "--only", "stacks.legacy-in-progress")
    assert outcome.code == 2
    found = _found(outcome, "stacks.legacy-in-progress")
    assert found[scene.legacy]["level"] == "blocker"
    assert found["live"]["level"] == "warning"
    # Each engine that starts does it, not the first alone.
    further = scene.gates.judge(
        "engine", "--host", "control4", "--only", "stacks.legacy-in-progress"
    )
    assert set(_found(further, "stacks.legacy-in-progress")) == {scene.legacy}
    lab.db_sync(rolling.target)
    new = lab.engine(rolling.target, TARGET_VHOST, "control9").wait_up()
    lab.wait_stack(scene.legacy, "CREATE_FAILED")
    assert scene.engines["control3"].alive
    reason = lab.stacks().show(scene.legacy)["stack_status_reason"]
    assert "Engine went down during stack CREATE" in reason
    new.stop()


@pytest.mark.nightly
def test_what_the_findings_advise_makes_the_check_green(scene: Scene) -> None:
    lab, through = scene.lab, scene.lab.stacks()
    neighbours = lab.stacks(project=Keystone.other_project)
    through.cancel("killed")
    through.update_existing("lost")
    neighbours.cancel("outer")
    lab.wait_stack("killed", "CREATE_FAILED")
    neighbours.wait("outer", "CREATE_FAILED")
    lab.wait_stack("lost", "UPDATE_COMPLETE")
    outcome = scene.gates.judge("pre", "--only", "stacks.stuck")
    assert outcome.code == 0, outcome.out
    # With every engine down, as reset_stack_status needs it.
    for engine in scene.engines.values():
        engine.kill()
    query = (
        "SELECT id FROM stack WHERE deleted_at IS NULL "
        "AND (status = 'IN_PROGRESS' OR name = 'settled')"
    )
    for (id,) in lab.mariadb.execute(query, database="heat"):
        lab.reset(scene.gates.rolling.current, id)
    scene.begin("control5")
    outcome = scene.gates.judge("pre", "--only", "stacks.stuck", "--only", "stacks.in-progress")
    assert outcome.code == 0, outcome.out
    # A cancelled action leaves the dead engine's hold on its resource.
    left = scene.gates.judge("pre", "--only", "stacks.stale-locks")
    assert {f["commands"][0][-1] for f in left.check("stacks.stale-locks")["findings"]} == {
        through.show("killed")["id"],
        through.show("half-failed")["id"],
        neighbours.show("outer")["id"],
    }
    lab.delete_stack("killed")
    lab.delete_stack("half-failed")
    neighbours.delete("outer")
    neighbours.wait("outer", "DELETE_COMPLETE")
    outcome = scene.gates.judge("pre", "--only", "stacks.stale-locks")
    assert outcome.code == 0, outcome.out


@pytest.mark.nightly
def test_the_rows_of_dead_engines_are_named_until_they_are_cleaned(scene: Scene) -> None:
    outcome = scene.gates.judge("post", "--only", "services.residue")
    assert outcome.code == 1
    hosts = [f["object"].split()[1] for f in outcome.check("services.residue")["findings"]]
    assert hosts == ["control1", "control3", "control4"]
    scene.lab.manage(scene.gates.rolling.current, "service", "clean")
    assert scene.gates.judge("post", "--only", "services.residue").code == 0
