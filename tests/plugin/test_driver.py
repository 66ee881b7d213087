"""The contract of the command line: exit codes, reports, and what is printed."""

import re
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path

import jsonschema
import pytest
import yaml

from heat_upgrade_checks.commands.program import main
from heat_upgrade_checks.demo.deployment import NEW_VHOST, OLD_VHOST
from heat_upgrade_checks.gates import catalogue
from heat_upgrade_checks.records.gate import json_schema
from tests.plugin.conftest import Site
from tests.services.processes import free_port

ROOT = Path(__file__).parents[2]
FILES = {"gate.json", "gate.html", "gate.md", "junit.xml", "details.html", "evidence.json"}
FILES |= {"baseline.jsonl.gz", "SHA256SUMS"}


def _ids(phase: str) -> frozenset[str]:
    return catalogue.select(catalogue.load(), phase, ())


def test_go(site: Site) -> None:
    outcome = site.judge("pre")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.gate["verdict"] == "go"
    # SQLite has none of it, and the demo has no Keystone.
    absent = {
        "accounts.log-in",
        "schema.charset",
        "schema.grants",
        "schema.max-packet",
        "schema.no-long-transactions",
    }
    assert outcome.outcomes("not-applicable") == absent
    judged = [check for check in outcome.gate["checks"] if check["id"] not in absent]
    assert {check["outcome"] for check in judged} == {"passed"}
    assert all(check["looked_at"] for check in judged)
    assert {path.name for path in outcome.folder.iterdir()} == FILES
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o640 for p in outcome.folder.iterdir())
    assert (outcome.folder.parent / "index.html").is_file()
    jsonschema.validate(outcome.gate, json_schema())


@pytest.mark.parametrize("phase", ["pre", "stopped"])
def test_before_the_target_exists_its_version_is_enough(site: Site, phase: str) -> None:
    site.edit_plan(target={"version": "26.0.2"}, mode="cold")
    if phase == "stopped":
        site.demo.run([], vhosts=[OLD_VHOST])
        # Nobody listens there, as at an API that has stopped.
        site.edit_plan(api={"cloud": "demo", "backends": [f"http://127.0.0.1:{free_port()}"]})
    outcome = site.judge(phase)
    assert outcome.code == 0, outcome.out


def test_one_line_per_check_then_verdict_then_the_report(site: Site) -> None:
    outcome = site.judge("pre")
    lines = outcome.out.splitlines()
    assert lines[0] == "demo-rolling, phase pre: May this upgrade begin?"
    ids = [check["id"] for check in outcome.gate["checks"]]
    assert [line.split()[1] for line in lines[1 : len(ids) + 1]] == ids
    assert lines[-2:] == ["GO", str(outcome.folder / "gate.html")]
    assert "\x1b" not in outcome.out


def test_warnings_are_code_1_and_may_be_tolerated(site: Site) -> None:
    site.demo.database.begin_create("shop-100", site.demo.old[0])
    outcome = site.judge("pre")
    assert (outcome.code, outcome.gate["verdict"]) == (1, "go-with-warnings")
    assert outcome.check("stacks.in-progress")["outcome"] == "warned"
    tolerated = site.judge("pre", "--warnings-ok")
    assert (tolerated.code, tolerated.gate["exit_code"]) == (0, 1)


def test_a_blocker_is_code_2_and_stands_last_with_its_remedy(site: Site) -> None:
    site.demo.run(
        [*site.demo.old, *site.demo.new],
        vhosts=[OLD_VHOST, NEW_VHOST],
        messages={f"{OLD_VHOST}/engine_worker": 3},
    )
    outcome = site.judge("last-engine", "--warnings-ok")
    assert outcome.code == 2
    assert outcome.check("queues.empty")["findings"][0]["summary"] == (
        "3 messages wait (0 unacknowledged)"
    )
    tail = outcome.out.partition("BLOCKER")[2]
    assert "queue engine_worker" in tail
    assert "Let the old engines drain it" in tail


def test_only_is_a_partial_gate_that_the_next_one_does_not_follow(site: Site) -> None:
    first = site.judge("pre")
    partial = site.judge("pre", "--only", "schema", "--only", "release.path")
    assert partial.gate["partial"] is True
    said = "PARTIAL: no answer to the phase's question; GO"
    assert partial.out.splitlines()[-2] == said
    ids = {check["id"] for check in partial.gate["checks"]}
    assert {id.partition(".")[0] for id in ids} == {"release", "schema"}
    assert {"release.path", "schema.at-head"} <= ids
    assert "release.notes-acknowledged" not in ids
    last = site.judge("pre")
    assert last.gate["previous"] == partial.gate["previous"]
    assert last.gate["previous"]["phase"] == "pre"
    assert first.gate["previous"] is None
    assert [path.name for path in sorted(last.folder.parent.glob("*-*"))] == [
        "01-pre",
        "02-pre",
        "03-pre",
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "nothing to do; name a gate with --phase"),
        (["--phase", "before"], "'before' is not one of 'pre'"),
        (["--phase", "pre", "--only", "schema.at-heat"], "did you mean schema.at-head?"),
        (["--phase", "pre", "--only", "vhost"], "none of it is judged in phase pre"),
        (["--phase", "pre", "--plan", "none.yaml"], "plan none.yaml: No such file"),
        (["--phase", "pre", "--host", "engine-1"], "--host belongs to phase engine"),
        (["--phase", "engine"], "phase engine needs --host NAME"),
        (["--phase", "engine", "--host", "http://c1/"], "give the name alone, such as control1"),
        (["--phase", "engine", "--host", "c\x1b[2J"], "--host 'c\\x1b[2J' is no name of a host"),
        (["--phase", "engine", "--host", "c" * 201], "is no name of a host"),
        (["--phase", "stopped"], "phase stopped belongs to a cold upgrade"),
        (["--replay", "."], "evidence.json: No such file"),
        (["--replay", ".", "--phase", "pre"], "--replay judges what was recorded"),
        (["--fase", "pre"], "No such option"),
        (["--phase", "post", "verify"], "--phase belongs to a gate, and verify judges none"),
        (["--plan", "b.yaml", "where"], "--plan is not read before where; write it after where"),
        (["--reports", "reports", "list"], "--reports belongs to a gate, and list judges none"),
        (
            ["rehearse", "--reports", "/dev/null"],
            "reports cannot be written to /dev/null/demo-rolling: Not a directory; name another",
        ),
        (["demo", "--reports", "/dev/null"], "reports cannot be written to /dev/null: File exists"),
        (["explain", "schema.at-heat"], "did you mean schema.at-head?"),
    ],
)
def test_wrong_usage_is_one_sentence_and_code_64(
    site: Site, arguments: list[str], sentence: str
) -> None:
    before = set(site.folder.rglob("*"))
    outcome = site.call(*arguments)
    assert outcome.code == 64
    assert sentence in outcome.err
    assert outcome.err.startswith("heat-upgrade-check: ")
    assert outcome.err.count("\n") == 1
    assert outcome.out == ""
    assert set(site.folder.rglob("*")) == before


def test_an_unknown_id_in_require_is_refused(site: Site) -> None:
    site.edit_plan(require=["api.answer"])
    outcome = site.call("--phase", "pre")
    assert outcome.code == 64
    assert "require in the plan: no check or family is called 'api.answer'" in outcome.err


def test_what_the_operator_did_not_ask_for_is_not_applicable_unless_required(site: Site) -> None:
    site.edit_plan(api=None)
    outcome = site.judge("pre")
    assert outcome.code == 0
    assert outcome.check("api.answers")["outcome"] == "not-applicable"
    assert "add api: {cloud: NAME}" in outcome.check("api.answers")["reason"]
    site.edit_plan(require=["api.answers"])
    assert site.judge("pre").code == 3


def test_a_mandatory_source_that_the_plan_lacks_is_an_error_with_the_line_to_add(
    site: Site,
) -> None:
    site.edit_plan(backup=None, notes=None)
    outcome = site.judge("pre")
    assert outcome.code == 3
    for id, line in (
        ("backup.complete", "add: backup: {path:"),
        ("release.notes-acknowledged", "add: notes: {current:"),
    ):
        assert outcome.check(id)["outcome"] == "error"
        assert line in outcome.check(id)["reason"]


def test_a_broken_tool_is_code_255_and_no_traceback(site: Site) -> None:
    outcome = site.call(
        "--phase",
        "pre",
        program="from heat_upgrade_checks import cli\n"
        "from heat_upgrade_checks.gates import driver\n"
        "driver.judge = lambda *a: 1 / 0\ncli.run()",
    )
    assert outcome.code == 255
    assert "broke (ZeroDivisionError at" in outcome.err
    assert "Traceback" not in outcome.err


def test_nothing_of_the_folder_or_the_shell_changes_a_gate(site: Site) -> None:
    (site.folder / "pytest.ini").write_text("[pytest]\naddopts = -k nothing\n", "utf-8")
    (site.folder / "conftest.py").write_text("raise SystemExit('hostile')\n", "utf-8")
    (site.folder / "check_hostile.py").write_text("raise SystemExit('hostile')\n", "utf-8")
    site.environment = {"PYTEST_ADDOPTS": "-k nothing", "PYTEST_PLUGINS": "no_such_plugin"}
    outcome = site.judge("pre")
    assert (outcome.code, len(outcome.gate["checks"])) == (0, len(_ids("pre")))


def test_reports_that_cannot_be_written_are_wrong_usage(site: Site) -> None:
    (site.folder / "file").touch()
    outcome = site.call("--phase", "pre", "--reports", str(site.folder / "file"))
    assert outcome.code == 64
    assert "name another folder with --reports" in outcome.err


def test_every_option_says_what_it_is() -> None:
    commands = [main, *main.commands.values()]
    options = [each for command in commands for each in command.params if each.opts[0] != "id"]
    assert [each.opts for each in options if not getattr(each, "help", "")] == []


def test_a_full_disk_is_told_in_one_sentence_and_leaves_nothing_half_written(site: Site) -> None:
    assert site.judge("pre", "--only", "release").code == 0
    folder = site.folder / "reports" / "demo-rolling"
    before = set(folder.rglob("*"))
    program = (
        "import resource\n"
        "from heat_upgrade_checks import cli\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "cli.run()"
    )
    outcome = site.call("--phase", "pre", "--only", "release", program=program)
    assert (outcome.code, outcome.err) == (
        64,
        "heat-upgrade-check: reports cannot be written to reports/demo-rolling: File too large; "
        "name another folder with --reports\n",
    )
    assert set(folder.rglob("*")) == before


def test_an_index_that_cannot_be_written_changes_no_verdict(site: Site) -> None:
    index = site.folder / "reports" / "demo-rolling" / "index.html"
    index.mkdir(parents=True)
    outcome = site.judge("pre", "--only", "schema")
    assert outcome.code == 0
    assert outcome.err == (
        f"heat-upgrade-check: {index} could not be written: Is a directory; "
        "only this page is missing\n"
    )
    assert outcome.gate["verdict"] == "go"


@pytest.mark.parametrize("redirection", [">&9 2>&9", ">&- 2>&-", ">/dev/full 2>/dev/full"])
def test_what_nobody_reads_changes_no_verdict(site: Site, redirection: str) -> None:
    site.demo.run(
        [*site.demo.old, *site.demo.new],
        vhosts=[OLD_VHOST, NEW_VHOST],
        messages={f"{OLD_VHOST}/engine_worker": 3},
    )
    gate = ("--phase", "last-engine", "--only", "queues.empty")
    assert site.unheard(redirection, *gate) == 2
    (folder,) = site.folder.glob("reports/demo-rolling/01-*")
    assert {path.name for path in folder.iterdir()} == FILES - {"baseline.jsonl.gz"}
    (folder / "gate.md").write_text("edited", "utf-8")
    assert site.unheard(redirection, "verify") == 2
    assert site.unheard(redirection, "list") == 0
    assert site.unheard(redirection, "explain", "schema.at-heat") == 64


def test_whatever_ends_the_process_is_no_verdict(site: Site) -> None:
    program = "from heat_upgrade_checks import cli\nfrom heat_upgrade_checks.gates import driver\n"
    program += "driver.judge = lambda *_: exit(1)\ncli.run()"
    outcome = site.call("--phase", "pre", program=program)
    assert outcome.code == 255
    assert "broke (SystemExit at" in outcome.err


def test_pytest_judges_in_a_checkout(site: Site) -> None:
    reports = site.folder / "reports"
    where = map(str, ("--plan", site.demo.plan_file, "--reports", reports))
    options = ("-q", "-pno:cacheprovider", "--phase", "pre", *where)
    command = (sys.executable, "-m", "pytest", "checks", *options)
    ask = partial(subprocess.run, command, cwd=ROOT, env=site.shell, capture_output=True, text=True)
    done = ask()
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d\d passed, \d skipped", done.stdout), done.stdout
    expired = {"id": "schema.at-head", "object": "*", "reason": "x", "owner": "x", "ticket": "x"}
    waivers = site.demo.folder / "waivers.yaml"
    waivers.write_text(yaml.safe_dump([expired | {"expires": "2020-01-01T00:00Z"}]), "utf-8")
    site.edit_plan(waivers="waivers.yaml")
    shut = ask()
    assert shut.returncode == 3, shut.stdout
    assert "phase pre: INCOMPLETE" in shut.stdout
    assert "expired at 2020-01-01 00:00 UTC; renew or remove it" in shut.stdout
    (site.demo.folder / "heat.backup.sqlite").unlink()
    again = ask()
    assert again.returncode == 2
    assert "blocker: " in again.stdout
    assert "heat.backup.sqlite: no file matches" in again.stdout
    folders = sorted(path for path in (reports / "demo-rolling").iterdir() if path.is_dir())
    assert [path.name for path in folders] == ["01-pre", "02-pre", "03-pre"]
    written = {path.name for path in folders[0].iterdir()}
    assert {"gate.json", "gate.html", "junit.xml", "details.html", "evidence.json"} <= written
    assert (reports / "demo-rolling" / "index.html").is_file()


def test_wrong_usage_in_a_checkout_is_64_as_well(tmp_path: Path) -> None:
    words = ("checks", "-q", "-pno:cacheprovider", "--phase", "pre", "--plan", str(tmp_path / "no"))
    command = (sys.executable, "-m", "pytest", *words)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 64, done.stdout + done.stderr
    assert "write one with: heat-upgrade-check init" in done.stderr


def test_list_and_explain(site: Site) -> None:
    listed = site.call("list")
    assert listed.code == 0
    ids = [line.split()[0] for line in listed.out.splitlines()[::2]]
    assert "queues.empty" in ids
    explained = site.call("explain", "queues.empty")
    assert explained.out.startswith("# queues.empty\n\nThe old vhost holds no unprocessed work.")
    family = site.call("explain", "backup")
    assert [line for line in family.out.splitlines() if line.startswith("# ")] == [
        "# backup.complete",
        "# backup.exists",
        "# backup.fresh",
        "# backup.matches-database",
        "# backup.restores",
    ]
