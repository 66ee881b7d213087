"""Tells two upgrades of the embedded deployment, gate by gate: a rolling one and a cold one."""

import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import openstack  # noqa: F401 - loaded once here, not in each gate's process
import sqlalchemy  # noqa: F401

from heat_upgrade_checks import plan as plans
from heat_upgrade_checks.demo.deployment import NEW_VHOST, OLD_VHOST, Deployment
from heat_upgrade_checks.demo.server import DemoServer
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates import driver
from heat_upgrade_checks.gates.place import taken
from heat_upgrade_checks.gates.question import new_question
from heat_upgrade_checks.gates.run import begin
from heat_upgrade_checks.gates.screen import Terminal
from heat_upgrade_checks.phases import Mode
from heat_upgrade_checks.records import reports_folder
from heat_upgrade_checks.records.findings import Outcome, Verdict

_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Step:
    """What is done to the deployment, the gate that follows, and the verdict it must give."""

    done: str
    do: Callable[[Deployment], None]
    phase: str
    expected: Verdict = Verdict.GO
    host: str = ""


def _nothing(_: Deployment) -> None:
    pass


def _new_engine_beside_old(demo: Deployment) -> None:
    demo.run([*demo.old, demo.new[0]], vhosts=[OLD_VHOST, NEW_VHOST])


def _work_is_left(demo: Deployment) -> None:
    demo.database.begin_create("shop-99", demo.old[1])
    demo.run(
        [demo.old[1], *demo.new],
        vhosts=[OLD_VHOST, NEW_VHOST],
        messages={f"{OLD_VHOST}/engine_worker": 7},
    )


def _work_is_done(demo: Deployment) -> None:
    demo.database.end_create()
    demo.run([demo.old[1], *demo.new], vhosts=[OLD_VHOST, NEW_VHOST])


_STORIES: dict[Mode, tuple[Step, ...]] = {
    "rolling": (
        # Nothing was rehearsed: the embedded deployment has no interpreters to do it with.
        Step("Heat 2025.2 runs on two engine hosts", _nothing, "pre", Verdict.GO_WITH_WARNINGS),
        Step("2026.1 is installed beside it", _nothing, "installed"),
        Step("2026.1's db_sync was run", lambda demo: demo.database.migrate(), "synced"),
        Step(
            "a new vhost was made",
            lambda demo: demo.run(demo.old, vhosts=[OLD_VHOST, NEW_VHOST]),
            "vhost",
        ),
        Step(
            "the first 2026.1 engine runs on the new vhost",
            _new_engine_beside_old,
            "engine",
            host="engine-1",
        ),
        Step(
            "engine-1 has stopped; a user creates a stack on the last old engine",
            _work_is_left,
            "last-engine",
            Verdict.NO_GO,
        ),
        Step("the stack is complete and the queues have drained", _work_is_done, "last-engine"),
        Step(
            "the last old engine has stopped",
            lambda demo: demo.run(demo.new, vhosts=[OLD_VHOST, NEW_VHOST]),
            "post",
        ),
    ),
    "cold": (
        # Nothing was rehearsed: the embedded deployment has no interpreters to do it with.
        Step("Heat 2025.2 runs on two engine hosts", _nothing, "pre", Verdict.GO_WITH_WARNINGS),
        Step(
            "every service was stopped",
            lambda demo: demo.run([], vhosts=[OLD_VHOST]),
            "stopped",
            # The plan names no backend at whose address an idle API would be seen.
            Verdict.GO_WITH_WARNINGS,
        ),
        Step("2026.1 is installed", _nothing, "installed"),
        Step("2026.1's db_sync was run", lambda demo: demo.database.migrate(), "synced"),
        Step(
            "every service was started with 2026.1",
            lambda demo: demo.run(demo.new, vhosts=[OLD_VHOST]),
            "post",
            # On one vhost nothing tells what engine-4 runs; engine-3's code is looked at.
            Verdict.GO_WITH_WARNINGS,
        ),
    ),
}


def tell(reports: Path) -> int:
    """Run both upgrades; 0 where every gate gave the verdict that it should, else 255.

    :raises UsageError: the reports cannot be written.
    """
    reports_folder.make(reports)
    right = True
    for mode in _STORIES:
        with tempfile.TemporaryDirectory(prefix="heat-upgrade-demo-") as name:
            right &= _upgrade(Deployment(Path(name), mode), reports)
    return 0 if right else 255


def _upgrade(demo: Deployment, reports: Path) -> bool:
    server = DemoServer(demo.state)
    loaded = demo.create(server.url)
    folder = reports / loaded.name
    reports_folder.make(folder)
    right = True
    # A process of its own: a gate is a fork of this one, which must therefore have no threads.
    serving = _FORK.Process(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        click.echo(f"A {demo.mode} upgrade from 2025.2 to 2026.1")
        for step in _STORIES[demo.mode]:
            step.do(demo)
            judging = _FORK.Process(target=_judge, args=(demo, step, folder))
            judging.start()
            judging.join()
            right &= judging.exitcode == step.expected.exit_code
    finally:
        serving.terminate()
        serving.join()
        server.server_close()
    click.echo(f"{folder / 'index.html'}\n")
    return right


def _judge(demo: Deployment, step: Step, folder: Path) -> None:
    """One gate in a process of its own, as pytest wants it; ends with the gate's exit code."""
    os.environ["OS_CLIENT_CONFIG_FILE"] = str(demo.folder / "clouds.yaml")
    loaded, digest = plans.load(demo.plan_file)
    site = Site(loaded, folder)
    run = begin(new_question(demo.plan_file, digest, step.phase, step.host, (), site), site)
    with taken(run, folder) as place:
        driver.judge(place, lambda _: None)
        gate, gate_folder, untold = place.close()
    counts = Counter(result.outcome for result in gate.checks)
    summary = ", ".join(f"{counts[outcome]} {outcome}" for outcome in Outcome if counts[outcome])
    click.echo(f"  {step.done}")
    click.echo(f"    --phase {step.phase:12} {gate.verdict.upper():17} {summary}")
    if gate.verdict is not Verdict.GO:
        Terminal().end(gate, gate_folder)
        click.echo()
    if untold:
        click.echo(f"  {untold}")
    raise SystemExit(gate.exit_code)
