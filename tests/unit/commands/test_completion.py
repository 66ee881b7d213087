"""A shell that asks what may follow gets its answer, and never a verdict."""

from pathlib import Path

import pytest

from heat_upgrade_checks.gates import catalogue
from heat_upgrade_checks.phases import PHASES
from tests.driver import call

VARIABLE = "_HEAT_UPGRADE_CHECK_COMPLETE"


def _completed(folder: Path, typed: str) -> list[str]:
    """What bash is offered for the last word of what was typed."""
    words = typed.split(" ")
    asked = {VARIABLE: "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    ended = call(cwd=folder, environment=asked)
    assert (ended.code, ended.err) == (0, "")
    return [line.partition(",")[2] for line in ended.out.splitlines()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str, tmp_path: Path) -> None:
    ended = call(cwd=tmp_path, environment={VARIABLE: f"{shell}_source"})
    assert (ended.code, ended.err) == (0, "")
    assert f"{VARIABLE}={shell}_complete" in ended.out


def test_commands_phases_and_ids_are_completed(tmp_path: Path) -> None:
    ids = {check.id for check in catalogue.load()}
    families = {check.family for check in catalogue.load()}
    assert _completed(tmp_path, "heat-upgrade-check --phase ") == list(PHASES)
    assert _completed(tmp_path, "heat-upgrade-check --phase s") == ["stopped", "synced"]
    assert set(_completed(tmp_path, "heat-upgrade-check --only ")) == ids | families
    assert set(_completed(tmp_path, "heat-upgrade-check explain ")) == ids | families
    begun = _completed(tmp_path, "heat-upgrade-check --phase pre --only queues")
    assert set(begun) == {"queues"} | {id for id in ids if id.startswith("queues.")}
    assert _completed(tmp_path, "heat-upgrade-check wa") == ["watch"]


@pytest.mark.parametrize("instruction", ["bash_source", "bash_complete", "nonsense"])
def test_a_gate_is_judged_whatever_a_shell_left_behind(instruction: str, tmp_path: Path) -> None:
    ended = call("--phase", "pre", cwd=tmp_path, environment={VARIABLE: instruction})
    assert (ended.code, ended.out) == (64, "")
    assert "plan heat-upgrade.yaml: No such file" in ended.err


def test_what_no_shell_asks_is_wrong_usage(tmp_path: Path) -> None:
    for instruction in ("nonsense", "bash_nonsense"):
        ended = call(cwd=tmp_path, environment={VARIABLE: instruction})
        assert (ended.code, ended.out) == (64, "")
        assert f"{VARIABLE} is {instruction}, which no shell asks" in ended.err
