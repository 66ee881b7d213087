"""What can be typed: the commands with their options and arguments.

Nothing is imported here but what tells of them. What a command does, it imports when it is called.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem, shell_complete

from heat_upgrade_checks import __version__
from heat_upgrade_checks.errors import UsageError
from heat_upgrade_checks.output import complain
from heat_upgrade_checks.phases import PHASES

NAME = "heat-upgrade-check"
USAGE = 64

# How a shell asks what may follow, in click's words.
_COMPLETION = "_HEAT_UPGRADE_CHECK_COMPLETE"


def call() -> int:
    """Do what the command line says, and return the exit code.

    :raises KeyboardInterrupt: the operator ended it.
    """
    asked = os.environ.pop(_COMPLETION, "")
    try:
        # A shell asks without arguments; with them a gate may be meant, and this is no verdict.
        if asked and not sys.argv[1:]:
            return _complete(asked)
        # Not click's own main(), which prints an empty line for Ctrl-C.
        with main.make_context(NAME, sys.argv[1:]) as context:
            # A command that returns no code has not ended well.
            return int(main.invoke(context))
    except click.exceptions.Exit as ended:
        # As --help and --version do.
        return ended.exit_code
    except click.UsageError as error:
        sentence = error.format_message()
    except UsageError as error:
        sentence = str(error)
    except click.Abort:
        raise KeyboardInterrupt from None
    complain(sentence)
    return USAGE


def _complete(asked: str) -> int:
    if shell_complete(main, {}, NAME, _COMPLETION, asked):
        raise UsageError(f"{_COMPLETION} is {asked}, which no shell asks; unset it")
    return 0


def _checks_and_families(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """What a word that stands for checks may become."""
    from heat_upgrade_checks.gates import catalogue

    titles: dict[str, str] = {}
    for check in catalogue.load():
        titles.setdefault(check.family, f"every check of {check.family}")
        titles.setdefault(check.id, check.title)
    return [
        CompletionItem(word, help=title) for word, title in titles.items() if word.startswith(begun)
    ]


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
@click.option(
    "--only",
    multiple=True,
    metavar="ID|FAMILY",
    help="A partial gate of these checks.",
    shell_complete=_checks_and_families,
)
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
@click.version_option(__version__, prog_name=NAME)
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
) -> int:
    """Judge one gate, unless a subcommand is called."""
    if context.invoked_subcommand is not None:
        _refuse_options_before(context.invoked_subcommand, context)
        return 0
    if replay is not None:
        if phase or plan or host or only or wait:
            raise UsageError("--replay judges what was recorded; it takes only --reports")
        if interval is not None:
            raise UsageError("--interval belongs to --wait")
        from heat_upgrade_checks.commands import gate

        return gate.judge_again(replay, reports, warnings_ok=warnings_ok)
    if phase is None:
        raise UsageError("nothing to do; name a gate with --phase, or see --help")
    if interval is not None and wait is None:
        raise UsageError("--interval belongs to --wait")
    from heat_upgrade_checks.commands import gate

    return gate.judge(
        phase, plan, host, only, reports, wait, interval or "10s", warnings_ok=warnings_ok
    )


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


@main.command("list")
def list_checks() -> int:
    """List the checks, with the phases in which they are judged."""
    from heat_upgrade_checks.commands import list

    return _printed(list.lines())


@main.command()
@click.argument("id", shell_complete=_checks_and_families)
def explain(id: str) -> int:
    """Explain one check: what it asks, why, and what to do when it is red."""
    from heat_upgrade_checks.commands import explain

    return _printed(explain.pages(id))


@main.command()
@click.option("--plan", type=click.Path(path_type=Path), help="The file to write.")
def init(plan: Path | None) -> int:
    """Write a plan from what is found here."""
    from heat_upgrade_checks.commands import init

    return _printed(init.run(plan))


@main.command()
@_plan_option
@click.option("--fetch", is_flag=True, help="First download both releases' sdists, as pip would.")
def notes(plan: Path | None, fetch: bool) -> int:
    """Show the release notes between both releases; write the file that acknowledges them."""
    from heat_upgrade_checks.commands import notes

    return _printed(notes.run(plan, fetch_first=fetch))


@main.command()
@_plan_option
@_reports_option
def rehearse(plan: Path | None, reports: Path) -> int:
    """Restore the backup into a scratch database and run the target's db_sync on it."""
    from heat_upgrade_checks.commands import rehearse

    return rehearse.run(plan, reports)


@main.command()
@_plan_option
@click.option(
    "--interval", default="5s", show_default=True, metavar="DURATION", help="Between two samples."
)
@_reports_option
def watch(plan: Path | None, interval: str, reports: Path) -> int:
    """Record the upgrade as it goes, until Ctrl-C or SIGTERM."""
    from heat_upgrade_checks.commands import watch

    return watch.run(plan, interval, reports)


@main.command()
@_plan_option
@_reports_option
def verify(plan: Path | None, reports: Path) -> int:
    """Recheck the journal: every byte, the order of the gates, their age."""
    from heat_upgrade_checks.commands import verify

    return verify.run(plan, reports)


@main.command()
@_plan_option
@_reports_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def where(plan: Path | None, reports: Path, as_json: bool) -> int:
    """Tell how far this upgrade has come, and the next safe step."""
    from heat_upgrade_checks.commands import where

    return where.run(plan, reports, as_json=as_json)


@main.command()
@_reports_option
def demo(reports: Path) -> int:
    """Run all phases on the embedded deployment."""
    from heat_upgrade_checks.demo import story

    return story.tell(reports)


def _printed(lines: Iterable[str]) -> int:
    for line in lines:
        click.echo(line)
    return 0
