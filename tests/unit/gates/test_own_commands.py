"""What this tool tells an operator to run is complete."""

from pathlib import Path

import pytest

from heat_upgrade_checks.gates.own_commands import CalledWith
from tests.judging import hand, plan

HERE = CalledWith(Path("/etc/plan.yaml"), Path("/srv/reports"))
PLAN, REPORTS = ("--plan", "/etc/plan.yaml"), ("--reports", "/srv/reports")


@pytest.mark.parametrize(
    ("words", "added"),
    [
        ("--phase pre", (*PLAN, *REPORTS)),
        ("rehearse", (*PLAN, *REPORTS)),
        ("verify", (*PLAN, *REPORTS)),
        ("where", (*PLAN, *REPORTS)),
        ("notes", PLAN),
        ("list", ()),
    ],
)
def test_a_command_names_plan_and_reports_where_it_takes_them(
    words: str, added: tuple[str, ...]
) -> None:
    command = ("heat-upgrade-check", *words.split())
    assert HERE.complete(command) == (*command, *added)


def test_others_programs_stay_as_they_are() -> None:
    assert HERE.complete(["heat-manage", "service", "clean"]) == ("heat-manage", "service", "clean")


def test_a_folder_given_from_here_is_told_from_the_root() -> None:
    command = CalledWith(Path("a.yaml"), Path("r")).complete(("heat-upgrade-check", "rehearse"))
    assert command[2:] == ("--plan", str(Path.cwd() / "a.yaml"), "--reports", str(Path.cwd() / "r"))


@pytest.mark.parametrize("level", ["block", "warn", "note"])
def test_no_check_can_forget_it(level: str) -> None:
    gate = hand(plan(), "pre")
    getattr(gate, level)("x", "y", commands=[["heat-upgrade-check", "rehearse"]])
    (finding,) = gate.findings
    complete = gate.question.called_with.complete(("heat-upgrade-check", "rehearse"))
    assert finding.commands == (complete,)
    assert "--plan" in complete
