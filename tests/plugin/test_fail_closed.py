"""No way to a go that was not observed."""

import pytest

from heat_upgrade_checks.gates import catalogue
from tests.driver import Outcome
from tests.plugin.conftest import Site

_HEAD = '''
from heat_upgrade_checks.gates.registry import check


@check("site.own", phases=["synced"], guide="")
def check_own({arguments}):
    """The site's own state holds."""
'''


def _with_check(site: Site, body: str, arguments: str = "gate") -> Outcome:
    """A gate in which a site's own check stands beside schema.at-head."""
    head = _HEAD.format(arguments=arguments)
    return _with_file(site, head + "".join(f"    {line}\n" for line in body.splitlines()))


def _with_file(site: Site, text: str) -> Outcome:
    folder = site.folder / "checks"
    for name, content in {
        "schema/at_head.py": catalogue.file_of("schema.at-head").read_text("utf-8"),
        "site/own.py": text,
    }.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(content, "utf-8")
    site.demo.database.migrate()
    program = (
        "from pathlib import Path\n"
        "from heat_upgrade_checks import cli\n"
        "from heat_upgrade_checks.gates import catalogue\n"
        f"catalogue.checks_folder = lambda: Path({str(folder)!r})\n"
        "cli.run()"
    )
    return site.call(
        "--phase", "synced", "--reports", str(site.folder / "reports"), program=program
    )


def test_a_check_that_says_what_it_looked_at_and_finds_nothing_passes(site: Site) -> None:
    assert _with_check(site, "gate.looked_at('all of it')").code == 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("pass", "did not state what it looked at"),
        ("raise ValueError('no')", "the check itself broke (ValueError)"),
        ("raise SystemExit(0)", "the check itself broke (SystemExit)"),
        ("import pytest; pytest.skip('not today')", "was skipped"),
        ("import pytest; pytest.xfail('known')", "broke"),
        ("gate.looked_at('half'); gate.cannot_tell('the other half.')", "the other half."),
        (
            "from heat_upgrade_checks.errors import Unobserved\nraise Unobserved('gone; start it')",
            "gone; start it",
        ),
        ("gate.looked_at('all'); gate.warn('x', 'y'); gate.cannot_tell('z')", "z"),
    ],
)
def test_what_was_not_judged_is_an_error(site: Site, body: str, reason: str) -> None:
    outcome = _with_check(site, body)
    assert outcome.code == 3
    assert outcome.check("site.own")["outcome"] == "error"
    assert reason in outcome.check("site.own")["reason"]
    assert outcome.check("schema.at-head")["outcome"] == "passed"


def test_a_plain_assert_is_a_blocker(site: Site) -> None:
    outcome = _with_check(site, "left = 1\nassert left == 2, 'one is left'")
    assert outcome.code == 2
    (finding,) = outcome.check("site.own")["findings"]
    assert (finding["level"], finding["summary"]) == ("blocker", "one is left")


def test_a_blocker_is_not_lost_when_the_check_breaks_later(site: Site) -> None:
    outcome = _with_check(site, "gate.block('x', 'is bad')\nraise ValueError")
    assert outcome.code == 2
    assert outcome.check("site.own")["findings"][0]["summary"] == "is bad"
    assert "broke (ValueError)" in outcome.check("site.own")["reason"]


def test_an_argument_that_names_no_evidence_is_an_error(site: Site) -> None:
    outcome = _with_check(site, "gate.looked_at('x')", arguments="gate, databse")
    assert outcome.code == 3
    assert outcome.check("site.own")["outcome"] == "error"


def test_a_function_that_only_looks_like_a_check_is_an_error(site: Site) -> None:
    outcome = _with_file(site, "def check_nothing():\n    pass\n")
    assert outcome.code == 3
    assert "check_nothing has no @check mark" in outcome.check("gate.whole")["reason"]


def test_two_functions_for_one_id_in_one_phase_are_an_error(site: Site) -> None:
    text = _HEAD.format(arguments="gate") + "    gate.looked_at('x')\n"
    outcome = _with_file(site, text + text.replace("check_own", "check_other"))
    assert outcome.code == 3
    assert "site.own is judged 2 times" in outcome.check("gate.whole")["reason"]


def test_a_secret_in_an_assertion_does_not_leave(site: Site) -> None:
    (conf,) = site.demo.folder.glob("heat-old.conf")
    password = conf.read_text("utf-8").partition("heat:")[2].partition("@")[0]
    assert len(password) == 32
    outcome = _with_check(
        site,
        f"value = {password!r}\nprint(value)\ngate.note('x', value, data={{'v': [value]}})\n"
        "assert value == 'other', value",
        arguments="gate, current_configuration",
    )
    assert outcome.code == 2
    assert password not in outcome.written
    assert "***" in outcome.written


def test_a_source_that_hangs_is_an_error_when_its_time_is_up(site: Site) -> None:
    program = (
        "import time\n"
        "from dataclasses import replace\n"
        "from heat_upgrade_checks import cli\n"
        "from heat_upgrade_checks.evidence.sources import SOURCES\n"
        "from heat_upgrade_checks.evidence.database import state\n"
        "state.observe.__code__ = (lambda site: __import__('time').sleep(3600)).__code__\n"
        "slow = SOURCES['database']\n"
        "SOURCES['database'] = replace(slow, deadline=1.0)\n"
        "cli.run()"
    )
    reports = ("--reports", str(site.folder / "reports"))
    outcome = site.call("--phase", "synced", "--only", "schema.at-head", *reports, program=program)
    assert outcome.code == 3
    assert "no answer within 1 s" in outcome.check("schema.at-head")["reason"]


def test_pytest_parses_the_files_of_checks_alone(site: Site) -> None:
    """A source imports in its thread, where Python 3.11 fails at parsing beside another one."""
    program = (
        "from pathlib import Path\n"
        "from _pytest.assertion.rewrite import AssertionRewritingHook as Hook\n"
        "from heat_upgrade_checks import cli\n"
        "rewritten = Hook.exec_module\n"
        "def noted(self, module):\n"
        "    with Path('parsed').open('a') as file: print(module.__name__, file=file)\n"
        "    rewritten(self, module)\n"
        "Hook.exec_module = noted\n"
        "cli.run()"
    )
    reports = ("--reports", str(site.folder / "reports"))
    site.call("--phase", "pre", "--only", "schema.at-head", *reports, program=program)
    parsed = (site.folder / "parsed").read_text("utf-8").split()
    ours = [
        name for name in parsed if not name.startswith(("pytest_", "heat_upgrade_checks.gates"))
    ]
    assert ours
    assert {name.partition(".")[0] for name in ours} == {"checks"}, ours


# Before anything of the gate's own plugin hears of a check.
_BREAKS_BEFORE = """
import _pytest.capture
capture = _pytest.capture.CaptureManager.item_capture
def broken(self, when, item):
    if when == "setup" and "at_head" in item.nodeid:
        raise RuntimeError("dictionary changed size during iteration")
    return capture(self, when, item)
_pytest.capture.CaptureManager.item_capture = broken
from heat_upgrade_checks import cli
cli.run()
"""


def test_what_breaks_in_pytest_before_a_check_leaves_that_one_untold(site: Site) -> None:
    site.demo.database.migrate()
    outcome = site.judge("synced", program=_BREAKS_BEFORE)
    assert outcome.code == 3
    assert outcome.outcomes("error") == {"schema.at-head"}
    assert "RuntimeError" in outcome.check("schema.at-head")["reason"]
    assert outcome.outcomes("passed")


_NO_LOGGERS = """
import _pytest.logging
def broken(self):
    raise RuntimeError("dictionary changed size during iteration")
_pytest.logging.catching_logs.__enter__ = broken
from heat_upgrade_checks import cli
cli.run()
"""


def test_no_check_waits_for_the_loggers_of_other_threads(site: Site) -> None:
    """pytest goes through all loggers before each test; sources make some in their threads."""
    site.demo.database.migrate()
    outcome = site.judge("synced", program=_NO_LOGGERS)
    assert outcome.code == 0, outcome.out
