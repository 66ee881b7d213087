"""Whole upgrades of a real Heat, in the guide's order, with every gate between the steps.

What users do meanwhile is real as well: what they saw is printed, and none of their stacks may be
lost, stuck or there twice.
"""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from heat_upgrade_checks.phases import Mode
from tests.driver import Outcome
from tests.lab import venvs
from tests.lab.deployment import Lab
from tests.lab.load import Load
from tests.lab.load_book import GONE
from tests.lab.rolling import CURRENT_VHOST
from tests.lab.stacks import template
from tests.lab.whole_upgrade import APIS, HOSTS, WholeUpgrade
from tests.services.processes import interrupted_by_sigterm
from tests.waiting import until

OPEN = {"go", "go-with-warnings"}
# The cold upgrade of 25 has a test of its own; the rolling ones with users are in another order.
UPGRADES = [
    (mode, release, release + 1)
    for mode in ("rolling", "cold")
    for release in venvs.RELEASES[:-1]
    if (mode, release) != ("cold", 25)
]


@contextmanager
def upgrade_of(
    current: int, target: int, folder: Path, mode: Mode = "rolling"
) -> Iterator[WholeUpgrade]:
    """A Heat in service, to be upgraded; whatever was started is ended."""
    gates = folder / "gates"
    gates.mkdir()
    with (
        interrupted_by_sigterm(),
        Lab(folder / "lab", CURRENT_VHOST) as lab,
        closing(WholeUpgrade(lab, current, target, gates, mode)) as upgrade,
    ):
        yield upgrade


def _all_open(upgrade: WholeUpgrade, *phases: str) -> None:
    """Every gate opened, these phases in this order; what they said is printed."""
    print(*upgrade.record, sep="\n")
    assert {judged.verdict for judged in upgrade.record} <= OPEN
    assert list(dict.fromkeys(judged.gate.split()[0] for judged in upgrade.record)) == list(phases)


def _nothing_lost(load: Load) -> None:
    """Nobody lost anything; what the users saw is printed."""
    load.pause()
    load.verify()
    load.end()
    print(load.report())


@pytest.mark.nightly
@pytest.mark.parametrize(("current", "target"), [(25, 26), (24, 25)])
def test_users_notice_nothing_of_a_rolling_upgrade(
    current: int, target: int, tmp_path: Path
) -> None:
    with upgrade_of(current, target, tmp_path) as upgrade:
        upgrade.prepare(rehearse=False)
        load = upgrade.start_load()
        upgrade.roll(apis_first=True)
        _all_open(upgrade, "pre", "installed", "synced", "vhost", "engine", "last-engine", "post")
        assert upgrade.last.check("stacks.preserved")["outcome"] == "passed"
        # The APIs went first, so no host's engine was given work when it was taken away.
        assert not [each for each in upgrade.record if "queues.no-new-work" in each.warned]
        _nothing_lost(load)
        report = load.report()
        assert report.done["made"] >= 6
        assert report.done["changed"] >= 2
        assert report.done["deleted"] >= 2
        # Without an upgrade, too, Keystone answers 503 to an API that has just started, and 403 to
        # one of two threads of an engine that make a trust at one time: Heat makes it a 500.
        assert {failure.status for failure in report.failures} <= {500, 503}
        assert len(report.failures) <= max(2, report.requests / 50), report
        assert report.longest_outage < 3
        _what_is_lost_is_noticed(load, upgrade.lab)


def _what_is_lost_is_noticed(load: Load, lab: Lab) -> None:
    """Damage four of the users' stacks, each in another way, and see each of them named."""
    live = [name for name, each in load.expected.items() if GONE not in each.statuses]
    stuck, lost, renamed, doubled = live[:4]
    for statement, name in (
        ("UPDATE stack SET status = 'IN_PROGRESS' WHERE name = %s", stuck),
        ("UPDATE stack SET deleted_at = UTC_TIMESTAMP() WHERE name = %s", lost),
        (f"UPDATE stack SET name = '{doubled}' WHERE name = %s", renamed),
        (
            "INSERT INTO resource (uuid, name, action, status, stack_id) SELECT UUID(), r.name, "
            "r.action, r.status, s.id FROM resource r JOIN stack s ON s.id = r.stack_id "
            "WHERE r.name = 'step' AND s.name = %s LIMIT 1",
            stuck,
        ),
    ):
        lab.mariadb.execute(statement, (name,), "heat")
    with pytest.raises(AssertionError) as noticed:
        load.verify(seconds=1)
    for words in (
        rf"{stuck}: .* is \w+_IN_PROGRESS after 1 s",
        rf"{stuck} \(.*\): is stuck, \w+ IN_PROGRESS",
        rf"{stuck}: its resources are random, step, step",
        rf"{lost}: is lost, no live row of it is there",
        rf"{renamed}: is lost, no live row of it is there",
        rf"{doubled}: 2 live stacks have this name",
    ):
        assert re.search(words, str(noticed.value)), f"{words} is not in:\n{noticed.value}"


def test_a_cold_upgrade_during_which_a_stack_was_cut_off(tmp_path: Path) -> None:
    with upgrade_of(25, 26, tmp_path, "cold") as upgrade:
        lab = upgrade.lab
        upgrade.prepare(rehearse=False)
        upgrade.gate("pre")
        lab.create_stack("cut-off", seconds=60)
        holder, other = _holder_first(upgrade, "cut-off")
        for name in APIS:
            upgrade.stop_api(name)
        upgrade.kill_engine(holder)

        assert upgrade.gate("stopped").code == 2
        assert f"engine {other}" in _blockers(upgrade.last)
        cut_off = upgrade.last.check("stacks.in-progress")["findings"]
        assert [finding["object"].split()[:2] for finding in cut_off] == [["stack", "cut-off"]]
        # What a live engine may work on is never reset.
        assert not any("reset_stack_status" in command for command in cut_off[0]["commands"])

        # Something starts an API again, as service managers do, and somebody uses it.
        api = upgrade.start_old_api("api1")
        upgrade.put_back("api1")
        lab.stacks().show("settled")
        upgrade.stop_engine(other)
        assert upgrade.gate("stopped").code == 2
        assert f"engine {other}" not in _blockers(upgrade.last)
        assert "uwsgi" in _blockers(upgrade.last)
        assert any(str(pid) in upgrade.last.out for pid in api.pids)
        upgrade.stop_api("api1")

        (cut_off,) = upgrade.last.check("stacks.in-progress")["findings"]
        (command,) = cut_off["commands"]
        *_, reset, stack = command
        assert reset == "reset_stack_status"
        lab.reset(25, stack)
        refused = len(upgrade.record)
        upgrade.gate("stopped", "--wait", "30s", "--interval", "3s")
        upgrade.finish_cold()
        del upgrade.record[1:refused]
        _all_open(upgrade, "pre", "stopped", "installed", "synced", "post")
        assert upgrade.last.check("stacks.preserved")["outcome"] == "passed"
        # The plan names the configuration of control1, and nobody looked at the other.
        (unseen,) = upgrade.last.check("services.versions")["findings"]
        assert unseen["data"]["hosts"] == ["control2"]
        assert lab.stacks().status("cut-off") == "CREATE_FAILED"
        lab.stacks().update("cut-off", template())
        lab.wait_stack("cut-off", "UPDATE_COMPLETE")
        assert lab.stacks().status("settled") == "CREATE_COMPLETE"


def _holder_first(upgrade: WholeUpgrade, stack: str) -> list[str]:
    """The engine hosts, the one that works on this stack first; waits until one does."""
    query = (
        "SELECT v.host FROM resource r JOIN stack s ON s.id = r.stack_id "
        "JOIN service v ON v.engine_id = r.engine_id WHERE s.name = %s"
    )

    def holders() -> list[str]:
        return [host for (host,) in upgrade.lab.mariadb.execute(query, (stack,), "heat")]

    until(lambda: len(holders()) == 1, f"an engine works on stack {stack}")
    return sorted(HOSTS, key=lambda host: host not in holders())


def _blockers(outcome: Outcome) -> set[str]:
    """The first words of what keeps Heat from counting as stopped."""
    found = outcome.check("services.stopped")["findings"]
    return {each["object"].partition(" (")[0] for each in found if each["level"] == "blocker"}


@pytest.mark.nightly
@pytest.mark.parametrize(("mode", "current", "target"), UPGRADES)
def test_every_gate_opens_when_nothing_is_wrong(
    mode: Mode, current: int, target: int, tmp_path: Path
) -> None:
    with upgrade_of(current, target, tmp_path, mode) as upgrade:
        upgrade.prepare()
        if mode == "rolling":
            upgrade.roll()
            phases = ["pre", "installed", "synced", "vhost", "engine", "last-engine", "post"]
        else:
            upgrade.cold()
            phases = ["pre", "stopped", "installed", "synced", "post"]
        _all_open(upgrade, *phases)
        assert upgrade.last.check("stacks.preserved")["outcome"] == "passed"
        assert upgrade.lab.stacks().status("settled") == "CREATE_COMPLETE"
