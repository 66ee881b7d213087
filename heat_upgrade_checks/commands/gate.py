"""A gate from the command line: judged now, or judged again from what was recorded."""

from collections.abc import Sequence
from pathlib import Path

from heat_upgrade_checks import plan as plans
from heat_upgrade_checks.commands.durations import duration
from heat_upgrade_checks.evidence.site import Site
from heat_upgrade_checks.gates import driver, recording
from heat_upgrade_checks.gates.place import taken
from heat_upgrade_checks.gates.question import new_question
from heat_upgrade_checks.gates.run import GateRun, begin
from heat_upgrade_checks.gates.screen import Terminal
from heat_upgrade_checks.gates.waiting import Patience
from heat_upgrade_checks.output import complain
from heat_upgrade_checks.phases import PHASES
from heat_upgrade_checks.records.findings import Verdict


def judge(
    phase: str,
    plan: Path | None,
    host: str,
    only: Sequence[str],
    reports: Path,
    wait: str | None,
    interval: str,
    *,
    warnings_ok: bool,
) -> int:
    """Judge a phase of the plan's upgrade; with `wait`, again until it opens or time is up.

    :return: the exit code.
    :raises UsageError: the gate cannot be asked like this, or its reports cannot be written.
    """
    plan_file = plans.chosen(plan)
    loaded, digest = plans.load(plan_file)
    folder = reports / loaded.name
    site = Site(loaded, folder)
    run = begin(new_question(plan_file, digest, phase, host, only, site), site)
    return _judge(run, folder, wait, interval, warnings_ok=warnings_ok)


def judge_again(replay: Path, reports: Path, *, warnings_ok: bool) -> int:
    """Judge what a gate's folder holds as evidence; nothing outside is asked.

    :return: the exit code.
    :raises UsageError: the evidence cannot be read, or the reports cannot be written.
    """
    recorded = recording.load(replay)
    plan = recorded.question.plan
    # Beside the upgrades' folders, so that no journal takes it for a gate that was run.
    folder = reports / "replays" / plan.name
    run = begin(recorded.question, Site(plan, folder), recorded.observations)
    run.drain += recorded.drain
    run.previous = recorded.previous
    run.judged_at = recorded.judged_at
    run.recorded_until = recorded.finished_at
    return _judge(run, folder, None, "", warnings_ok=warnings_ok)


def _judge(
    run: GateRun, folder: Path, wait: str | None, interval: str, *, warnings_ok: bool
) -> int:
    screen = Terminal()
    patience = None
    if wait is not None:
        between = duration("--interval", interval)
        patience = Patience(duration("--wait", wait), between, screen.wait)
    question = run.question
    asked = PHASES[question.phase].question
    with taken(run, folder) as place:
        screen.begin(question.phase, asked, question.plan.name, run.gatherer.waiting)
        driver.judge(place, screen.check_ended, patience)
        gate, gate_folder, untold = place.close()
    screen.end(gate, gate_folder)
    if untold:
        complain(untold)
    tolerated = warnings_ok and gate.verdict is Verdict.GO_WITH_WARNINGS
    return 0 if tolerated else gate.exit_code
