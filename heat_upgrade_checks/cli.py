"""The command line: arguments, one gate, its exit code."""

import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from heat_upgrade_checks import __version__
from heat_upgrade_checks import plan as plans
from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.output import onto
from heat_upgrade_checks.phases import PHASES
from heat_upgrade_checks.records.findings import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from heat_upgrade_checks.gates.run import GateRun
    from heat_upgrade_checks.gates.waiting import Patience
    from heat_upgrade_checks.records.gate import DrainSample

USAGE = 64
BROKEN = 255

_plan_option = click.option("--plan", type=click.Path(path_type=Path), help="The upgrade's plan.")
_reports_option = click.option(
    "--reports",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="The folder of all reports.",
)


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Tells between two steps of an OpenStack Heat upgrade whether the next one is safe.",
    epilog="Exit codes: 0 go, 1 go with warnings, 2 no-go, 3 incomplete, 64 wrong usage, "
    "255 this tool broke.",
)
@click.option("--phase", type=click.Choice(list(PHASES)), help="The gate to judge.")
@_plan_option
@click.option("--host", default="", help="In phase engine: the host that is taken away next.")
@click.option("--only", multiple=True, metavar="ID|FAMILY", help="A partial gate of these checks.")
@_reports_option
@click.option("--wait", metavar="DURATION", help="Ask again until the gate opens or time is up.")
@click.option("--interval", metavar="DURATION", help="With --wait: between two rounds.  [10s]")
@click.option("--warnings-ok", is_flag=True, help="Exit with 0 on go-with-warnings.")
@click.option(
    "--replay",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Judge a gate's recorded evidence again.",
)
@click.version_option(__version__, prog_name="heat-upgrade-check")
@click.pass_context
def main(
    context: click.Context,
    phase: str | None,
    plan: Path | None,
    host: str,
    only: Sequence[str],
    reports: Path,
    wait: str | None,
    interval: str | None,
    warnings_ok: bool,
    replay: Path | None,
) -> None:
    """Judge one gate, unless a subcommand is called."""
    if context.invoked_subcommand is not None:
        _refuse_options_before(context.invoked_subcommand, context)
        return
    from heat_upgrade_checks.gates import driver
    from heat_upgrade_checks.gates import screen as terminal
    from heat_upgrade_checks.gates.place import taken

    if replay is not None:
        if phase or plan or host or only or wait:
            raise UsageError("--replay judges what was recorded; it takes only --reports")
        run, folder = _recorded_run(replay, reports)
    elif phase is not None:
        run, folder = _new_run(phase, plan, host, only, reports)
    else:
        raise UsageError("nothing to do; name a gate with --phase, or see --help")
    place = context.with_resource(taken(run, folder))
    question = run.question
    screen = terminal.Terminal()
    patience = _patience(wait, interval, screen.wait)
    asked = PHASES[question.phase].question
    screen.begin(question.phase, asked, question.plan.name, run.gatherer.waiting)
    driver.judge(place, screen.check_ended, patience)
    gate, gate_folder, untold = place.close()
    screen.end(gate, gate_folder)
    _complain(untold)
    tolerated = warnings_ok and gate.verdict is Verdict.GO_WITH_WARNINGS
    context.exit(0 if tolerated else gate.exit_code)


def _refuse_options_before(subcommand: str, context: click.Context) -> None:
    """They are a gate's, and the subcommand would not hear of them."""
    heard = {option.name for option in main.commands[subcommand].params}
    for option in main.params:
        name, word = option.name or "", option.opts[0]
        if context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        if name in heard:
            raise UsageError(f"{word} is not read before {subcommand}; write it after {subcommand}")
        raise UsageError(f"{word} belongs to a gate, and {subcommand} judges none; leave out one")


def _new_run(
    phase: str, plan_path: Path | None, host: str, only: Sequence[str], reports: Path
) -> tuple["GateRun", Path]:
    from heat_upgrade_checks.evidence.site import Site
    from heat_upgrade_checks.gates.question import new_question
    from heat_upgrade_checks.gates.run import begin

    plan, digest = plans.load(_plan_path(plan_path))
    folder = reports / plan.name
    site = Site(plan, folder)
    return begin(new_question(plan, digest, phase, host, only, site), site), folder


def _recorded_run(replay: Path, reports: Path) -> tuple["GateRun", Path]:
    from heat_upgrade_checks.evidence.site import Site
    from heat_upgrade_checks.gates import recording
    from heat_upgrade_checks.gates.run import begin

    recorded = recording.load(replay)
    plan = recorded.question.plan
    # Beside the upgrades' folders, so that no journal takes it for a gate that was run.
    folder = reports / "replays" / plan.name
    run = begin(recorded.question, Site(plan, folder), recorded.observations)
    run.drain += recorded.drain
    run.previous = recorded.previous
    run.recorded_until = recorded.finished_at
    return run, folder


def _patience(
    wait: str | None,
    interval: str | None,
    told: "Callable[[Sequence[DrainSample], float], None]",
) -> "Patience | None":
    from heat_upgrade_checks.gates.waiting import Patience

    if wait is None:
        if interval is not None:
            raise UsageError("--interval belongs to --wait")
        return None
    return Patience(_duration("--wait", wait), _duration("--interval", interval or "10s"), told)


def _duration(option: str, text: str) -> timedelta:
    try:
        return plans.duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def _plan_path(given: Path | None) -> Path:
    return given or Path(os.environ.get(plans.PLAN_VARIABLE) or plans.DEFAULT_PLAN)


@main.command("list")
def list_checks() -> None:
    """List the checks, with the phases in which they are judged."""
    from heat_upgrade_checks.gates import catalogue

    phases: dict[str, set[str]] = {}
    titles: dict[str, str] = {}
    for check in catalogue.load():
        phases.setdefault(check.id, set()).update(check.phases)
        titles.setdefault(check.id, check.title)
    for id, title in titles.items():
        names = ",".join(phase for phase in PHASES if phase in phases[id])
        click.echo(f"{id:28} {title}\n{'':28} {names}")


@main.command()
@click.argument("id")
def explain(id: str) -> None:
    """Explain one check: what it asks, why, and what to do when it is red."""
    from heat_upgrade_checks.gates import catalogue

    checks = catalogue.load()
    catalogue.require_known(checks, [id], "explain")
    family = [check.id for check in checks if check.family == id]
    for name in dict.fromkeys(family or [id]):
        click.echo(catalogue.page_of(name).read_text("utf-8"))


@main.command()
@click.option("--plan", type=click.Path(path_type=Path), help="The file to write.")
def init(plan: Path | None) -> None:
    """Write a plan from what is found here."""
    from heat_upgrade_checks.commands import init as initialise

    path = _plan_path(plan)
    for line in initialise.write_plan(path, Path("/"), Path.cwd()):
        click.echo(line)


@main.command()
@_plan_option
@click.option("--fetch", is_flag=True, help="First download both releases' sdists, as pip would.")
def notes(plan: Path | None, fetch: bool) -> None:
    """Show the release notes between both releases; write the file that acknowledges them."""
    from heat_upgrade_checks.commands import notes as notes_command
    from heat_upgrade_checks.evidence.site import Site

    path = _plan_path(plan)
    site = Site(plans.load(path)[0], Path())
    folder = path.absolute().parent
    for line in notes_command.run_fetching(site, folder) if fetch else notes_command.run(site):
        click.echo(line)


@main.command()
@_plan_option
@_reports_option
@click.pass_context
def rehearse(context: click.Context, plan: Path | None, reports: Path) -> None:
    """Restore the backup into a scratch database and run the target's db_sync on it."""
    from heat_upgrade_checks.evidence.site import Site
    from heat_upgrade_checks.rehearsal import command

    loaded, _ = plans.load(_plan_path(plan))
    context.exit(command.run(Site(loaded, reports / loaded.name)))


@main.command()
@_plan_option
@click.option(
    "--interval", default="5s", show_default=True, metavar="DURATION", help="Between two samples."
)
@_reports_option
def watch(plan: Path | None, interval: str, reports: Path) -> None:
    """Record the upgrade as it goes, until Ctrl-C or SIGTERM."""
    from heat_upgrade_checks.evidence.site import Site
    from heat_upgrade_checks.report import index_page
    from heat_upgrade_checks.watch import recorder as watching
    from heat_upgrade_checks.watch.screen import WatchScreen

    seconds = _duration("--interval", interval).total_seconds()
    if seconds < 1:
        raise UsageError("--interval: sample no more often than every second")
    loaded, _ = plans.load(_plan_path(plan))
    folder = reports / loaded.name
    with WatchScreen(loaded.name) as screen:
        watching.run(Site(loaded, folder), seconds, screen.show)
        untold = index_page.refresh(folder)
        screen.end(folder / "index.html")
    _complain(untold)


@main.command()
@_plan_option
@_reports_option
@click.pass_context
def verify(context: click.Context, plan: Path | None, reports: Path) -> None:
    """Recheck the journal: every byte, the order of the gates, their age."""
    from datetime import UTC, datetime

    from heat_upgrade_checks.evidence.site import Site
    from heat_upgrade_checks.gates import verify as verifying
    from heat_upgrade_checks.gates.question import digests_of

    loaded, digest = plans.load(_plan_path(plan))
    folder = reports / loaded.name
    digests = digests_of(Site(loaded, folder), digest)
    verification = verifying.verify(folder, loaded, digests, datetime.now(UTC))
    for line in verifying.lines(verification):
        click.echo(line)
    context.exit(verification.exit_code)


@main.command()
@_plan_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def where(context: click.Context, plan: Path | None, as_json: bool) -> None:
    """Tell how far this upgrade has come, and the next safe step."""
    from heat_upgrade_checks.where import command

    loaded, _ = plans.load(_plan_path(plan))
    answer = command.run(loaded, plan, as_json=as_json)
    click.echo(answer.text)
    context.exit(answer.exit_code)


@main.command()
@_reports_option
@click.pass_context
def demo(context: click.Context, reports: Path) -> None:
    """Run all phases on the embedded deployment."""
    from heat_upgrade_checks.demo import story

    context.exit(story.tell(reports))


def run() -> None:
    """The console script: every way out has its exit code, and none is a traceback."""
    # Whoever reads along may leave: to click that would be code 1, which means go here.
    sys.stdout, sys.stderr = onto(1), onto(2)
    try:
        code = main.main(prog_name="heat-upgrade-check", standalone_mode=False)
    except click.UsageError as error:
        code = _refuse(error.format_message())
    except UsageError as error:
        code = _refuse(str(error))
    except click.Abort:
        code = Verdict.INCOMPLETE.exit_code
    except (Exception, SystemExit) as error:
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        line = f"{Path(where.tb_frame.f_code.co_filename).name}:{where.tb_lineno}" if where else ""
        _complain(
            f"broke ({type(error).__name__} at {line}); nothing was judged, report it as a bug"
        )
        code = BROKEN
    sys.exit(code or 0)


def _refuse(sentence: str) -> int:
    _complain(sentence)
    return USAGE


def _complain(sentence: str) -> None:
    if sentence:
        click.echo(f"heat-upgrade-check: {sentence}", err=True)
