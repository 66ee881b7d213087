"""The journal as an operator meets it: its order, its lock, and what `verify` finds."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from heat_upgrade_checks.demo.deployment import OLD_VHOST
from heat_upgrade_checks.records import journal, seal
from heat_upgrade_checks.records.gate import Previous
from tests.driver import Outcome, timeless
from tests.journals import open_gate
from tests.plugin.conftest import Site


@pytest.fixture
def judged(site: Site) -> Site:
    """Two gates of which the second is partial, and a third."""
    assert site.judge("pre").code == 0
    assert site.judge("pre", "--only", "schema").code == 0
    assert site.judge("pre").code == 0
    return site


@pytest.fixture
def begun(site: Site) -> Site:
    """The same three, as open ones would have left them."""
    for partial in (False, True, False):
        open_gate("pre", site.demo.plan_file, site.folder / "reports", partial=partial)
    return site


def _reports(site: Site) -> Path:
    return site.folder / "reports" / "demo-rolling"


def _verify(site: Site) -> Outcome:
    outcome = site.call("verify", "--reports", str(site.folder / "reports"))
    assert outcome.err == "" or outcome.code == 64
    return outcome


def test_all_holds(judged: Site) -> None:
    outcome = _verify(judged)
    assert outcome.code == 0, outcome.out
    lines = outcome.out.splitlines()
    assert [line.split()[0] for line in lines] == ["01-pre", "02-pre", "03-pre", "03-pre"]
    assert all(line.endswith("holds") for line in lines[:3])
    sums = subprocess.run(
        ["sha256sum", "SHA256SUMS"],
        cwd=_reports(judged) / "03-pre",
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert sums.split()[0] in lines[3]


def test_any_edited_byte_is_found(judged: Site) -> None:
    """Every file of every gate, changed in its first, its middle and its last byte."""
    changed = 0
    for folder in sorted(_reports(judged).glob("0*")):
        for path in sorted(folder.iterdir()):
            whole = path.read_bytes()
            for at in {0, len(whole) // 2, len(whole) - 1}:
                path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
                assert journal.damage(journal.entries(_reports(judged))), (path, at)
                changed += 1
            path.write_bytes(whole)
    assert changed >= 3 * 3 * 7
    assert _verify(judged).code == 0


def _edit(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"go"', b'"no"', 1))


def _forge(folder: Path) -> None:
    """Edit a gate and make its sums anew, as somebody would who knows how."""
    path = folder / "gate.json"
    path.write_bytes(path.read_bytes() + b"\n")
    seal.close(folder)


@pytest.mark.parametrize(
    ("harm", "sentences"),
    [
        (lambda f: _edit(f / "01-pre" / "gate.json"), ["gate.json is not what was written"]),
        (lambda f: (f / "01-pre" / "gate.json").unlink(), ["gate.json is gone"]),
        (lambda f: (f / "03-pre" / "more").touch(), ["more was added"]),
        (lambda f: (f / "03-pre" / "SHA256SUMS").unlink(), ["SHA256SUMS cannot be read"]),
        (lambda f: (f / "03-pre" / "SHA256SUMS").write_text("x"), ["SHA256SUMS is not what was"]),
        (lambda f: shutil.rmtree(f / "01-pre"), ["01: is gone", "follows another gate"]),
        (lambda f: shutil.rmtree(f / "02-pre"), ["02: is gone"]),
        (lambda f: _forge(f / "01-pre"), ["follows another gate than the one before it here"]),
    ],
)
def test_what_was_changed_is_named(
    begun: Site, harm: Callable[[Path], None], sentences: list[str]
) -> None:
    harm(_reports(begun))
    outcome = _verify(begun)
    assert outcome.code == 2
    for sentence in sentences:
        assert sentence in outcome.out


def test_no_gate_follows_what_was_changed(begun: Site) -> None:
    _edit(_reports(begun) / "01-pre" / "gate.json")
    refused = begun.call("--phase", "installed", "--reports", str(begun.folder / "reports"))
    (said,) = refused.check("journal.in-order")["findings"]
    assert said["object"] == "gate 01-pre"
    assert said["summary"].startswith("gate.json is not what was written")


def test_what_the_next_gate_rests_on_has_changed(begun: Site) -> None:
    begun.edit_plan(window="1h")
    outcome = _verify(begun)
    assert outcome.code == 1
    assert "the plan: changed since 03-pre" in outcome.out
    gate = begun.judge("installed").check("journal.in-order")
    assert (gate["outcome"], gate["findings"][0]["object"]) == ("passed", "plan")


def test_another_database_is_another_upgrade(begun: Site) -> None:
    conf = Path(yaml.safe_load(begun.demo.plan_file.read_text())["current"]["config"][0])
    conf = conf if conf.is_absolute() else begun.demo.folder / conf
    copy = begun.demo.folder / "copy.sqlite"
    shutil.copy(begun.demo.database.path, copy)
    text = conf.read_text("utf-8").replace(str(begun.demo.database.path), str(copy))
    conf.write_text(text, "utf-8")
    outcome = _verify(begun)
    assert outcome.code == 2
    assert "was run for another database than the plan's" in outcome.out
    refused = begun.call("--phase", "installed", "--reports", str(begun.folder / "reports"))
    found = refused.check("journal.in-order")["findings"]
    assert any("was run for another database" in each["summary"] for each in found)


def test_a_database_that_a_gate_did_not_know_is_no_other_one(begun: Site) -> None:
    plan, reports = begun.demo.plan_file, begun.folder / "reports"
    last = journal.entries(_reports(begun))[-1].whole
    assert last is not None
    unknown = replace(last.digests, environment="")
    open_gate("pre", plan, reports, digests=unknown)
    outcome = _verify(begun)
    assert (outcome.code, "another database" in outcome.out) == (0, False), outcome.out
    open_gate("pre", plan, reports, digests=replace(unknown, environment="0" * 64))
    open_gate("pre", plan, reports, digests=unknown)
    outcome = _verify(begun)
    assert outcome.code == 2
    (line,) = [n for n, line in enumerate(outcome.out.splitlines()) if "another database" in line]
    assert outcome.out.splitlines()[line - 1].startswith("05-pre")


def test_a_partial_gate_that_took_longer_than_a_whole_one(site: Site) -> None:
    plan, reports = site.demo.plan_file, site.folder / "reports"
    for begun_before in (None, journal.previous(_reports(site))):
        open_gate("pre", plan, reports)
        open_gate("pre", plan, reports, partial=True, previous=begun_before)
    first = journal.previous(_reports(site))
    open_gate("pre", plan, reports)
    open_gate("pre", plan, reports, partial=True, previous=first)
    assert _verify(site).code == 0
    assert site.judge("pre").code == 0
    open_gate("pre", plan, reports, partial=True, previous=Previous("pre", "0" * 64))
    outcome = _verify(site)
    assert outcome.code == 2
    assert outcome.out.count("follows another gate than the one before it here") == 1


def test_a_whole_gate_follows_the_last_whole_one(site: Site) -> None:
    plan, reports = site.demo.plan_file, site.folder / "reports"
    open_gate("pre", plan, reports)
    first = journal.previous(_reports(site))
    open_gate("pre", plan, reports)
    open_gate("pre", plan, reports, previous=first)
    outcome = _verify(site)
    assert outcome.code == 2
    assert "follows another gate than the one before it here" in outcome.out


def test_a_gate_that_opened_out_of_order(begun: Site) -> None:
    open_gate("synced", begun.demo.plan_file, begun.folder / "reports")
    outcome = _verify(begun)
    assert outcome.code == 2
    assert "opened, although gate installed was not run for this upgrade" in outcome.out


def test_an_old_gate(begun: Site) -> None:
    then = datetime.now(UTC) - timedelta(hours=30)
    open_gate(
        "pre", begun.demo.plan_file, begun.folder / "reports", started_at=then, finished_at=then
    )
    begun.edit_plan(journal={"max_age": "1d"})
    assert _verify(begun).code == 1
    shutil.rmtree(_reports(begun))
    open_gate(
        "pre", begun.demo.plan_file, begun.folder / "reports", started_at=then, finished_at=then
    )
    outcome = _verify(begun)
    assert outcome.code == 1
    assert "older than the 1 d that the plan allows: the next gate will refuse it" in outcome.out
    refused = begun.call("--phase", "installed", "--reports", str(begun.folder / "reports"))
    assert "journal.in-order" in refused.outcomes("failed")
    begun.edit_plan(journal={"max_age": "2d"})
    later = begun.call("--phase", "installed", "--reports", str(begun.folder / "reports"))
    assert later.check("journal.in-order")["outcome"] == "passed"


def test_no_gate_at_all_is_wrong_usage(site: Site) -> None:
    outcome = _verify(site)
    assert outcome.code == 64
    assert "name the folder of the gates with --reports" in outcome.err


def test_two_runs_at_once_are_refused_and_a_killed_one_leaves_no_lock(site: Site) -> None:
    reports = ("--reports", str(site.folder / "reports"))
    slow = "import time\nfrom heat_upgrade_checks import cli\n"
    slow += "from heat_upgrade_checks.gates import driver\n"
    slow += "driver._session = lambda *a: (print('here', flush=True), time.sleep(3600))\ncli.run()"
    process = subprocess.Popen(
        [sys.executable, "-c", slow, "--phase", "pre", *reports],
        cwd=site.folder,
        env=site.shell,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert "here\n" in process.stdout
        second = site.call("--phase", "pre", *reports)
        assert (second.code, second.err.count("\n")) == (64, 1)
        assert f"process {process.pid} on " in second.err
        assert "judges this upgrade" in second.err
        assert site.call("--phase", "pre", "--only", "schema", *reports).code == 0
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert site.call("--phase", "pre", *reports).code == 0


def test_post_misses_a_host_whose_engine_reported_at_pre(site: Site) -> None:
    target = yaml.safe_load(site.demo.plan_file.read_text("utf-8"))["target"]
    site.edit_plan(target={key: value for key, value in target.items() if key != "engines"})
    before = site.judge("pre")
    hosts = [engine.host for engine in site.demo.old]
    assert before.gate["engine_hosts"] == hosts
    site.demo.run(site.demo.old[:1], vhosts=[OLD_VHOST])
    outcome = site.judge("post", "--only", "services.alive")
    (finding,) = outcome.check("services.alive")["findings"]
    assert (finding["level"], finding["object"]) == ("warning", f"engine host {hosts[1]}")
    assert finding["summary"] == "had an engine in 01-pre and has none now"
    replayed = site.call("--replay", str(outcome.folder), "--reports", str(site.folder / "again"))
    assert timeless(replayed.gate) == timeless(outcome.gate)
    site.demo.run(site.demo.old, vhosts=[OLD_VHOST])
    again = site.judge("post", "--only", "services.alive")
    assert again.check("services.alive")["outcome"] == "passed"
