"""`--wait` asks again what keeps the gate shut, until it opens, time is up or it is stopped."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from heat_upgrade_checks.demo.deployment import NEW_VHOST, OLD_VHOST
from tests.driver import timeless
from tests.plugin.conftest import Site
from tests.waiting import until

# Notes each round when it has ended, and is patient until a test has seen enough.
_ROUNDS = """
from datetime import timedelta
from pathlib import Path
from heat_upgrade_checks import cli
from heat_upgrade_checks.gates import waiting
pause = waiting.Patience.pause
def noted(self):
    with Path("rounds").open("a") as rounds:
        rounds.write(".")
    pause(self)
    if Path("enough").exists():
        self.duration = timedelta(0)
waiting.Patience.pause = noted
cli.run()
"""


# Two hours pass in each pause, for what a gate takes for now; in the first one a file comes back.
_HOURS = """
from datetime import datetime, timedelta
from pathlib import Path
from heat_upgrade_checks import cli
from heat_upgrade_checks.gates import run, waiting
passed = timedelta()
class Clock(datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + passed
run.datetime = Clock
def pause(self):
    global passed
    passed += timedelta(hours=2)
    if Path("away").exists():
        Path("away").rename("clouds.yaml")
    else:
        self.duration = timedelta(0)
waiting.Patience.pause = pause
cli.run()
"""


def _let_a_round_see(folder: Path) -> None:
    """Wait for the round after the one that goes on now: it begins later than this call."""
    rounds = folder / "rounds"

    def ended() -> int:
        return rounds.stat().st_size if rounds.exists() else 0

    before = ended()
    until(lambda: ended() >= before + 2, "another round", 180)


def _full(site: Site, messages: int) -> None:
    site.demo.run(
        [*site.demo.old, *site.demo.new],
        vhosts=[OLD_VHOST, NEW_VHOST],
        messages={f"{OLD_VHOST}/engine_worker": messages},
    )


def test_it_opens_by_itself_and_the_samples_show_the_drain(site: Site) -> None:
    site.demo.database.begin_create("shop-103", site.demo.old[0])
    _full(site, 9)

    def drain() -> None:
        for messages in (4, 0):
            _full(site, messages)
            _let_a_round_see(site.folder)
        site.demo.database.end_create()

    outcome = site.judge(
        *("last-engine", "--wait", "1h", "--interval", "1s"), program=_ROUNDS, meanwhile=drain
    )
    assert outcome.code == 0, outcome.out
    samples = outcome.gate["drain"]
    messages = [sample["messages"] for sample in samples]
    assert messages[0] == 9
    assert messages[-1] == 0
    assert messages == sorted(messages, reverse=True)
    assert set(messages) == {9, 4, 0}
    # The queues were empty before the stack was done: it waits for all that keeps the gate shut.
    assert (0, 1) in [(sample["messages"], sample["stacks"]) for sample in samples]
    assert (samples[0]["stacks"], samples[0]["resources"]) == (1, 1)
    assert (samples[-1]["stacks"], samples[-1]["resources"]) == (0, 0)
    assert len(outcome.gate["checks"]) == len({check["id"] for check in outcome.gate["checks"]})
    waiting = [line for line in outcome.out.splitlines() if line.startswith("waiting: ")]
    assert waiting[0].startswith(
        "waiting: 9 messages in the old queues, 1 stack in flight, 1 resource held"
    )
    # One line per change, not one per round.
    changes = [line.partition(";")[0] for line in waiting]
    assert len(changes) == len(set(changes))
    replayed = site.call("--replay", str(outcome.folder), "--reports", str(site.folder / "again"))
    assert timeless(replayed.gate) == timeless(outcome.gate)
    assert "<svg" in (outcome.folder / "gate.html").read_text("utf-8")


def test_all_is_judged_at_one_moment_before_it_opens(site: Site) -> None:
    """The stack is settled in the first round, and in flight again when the queue is empty."""
    _full(site, 5)

    def drained_into_a_stack() -> None:
        site.demo.database.begin_create("shop-104", site.demo.old[0])
        _full(site, 0)
        _let_a_round_see(site.folder)
        (site.folder / "enough").touch()

    outcome = site.judge(
        *("last-engine", "--wait", "1h", "--interval", "1s"),
        program=_ROUNDS,
        meanwhile=drained_into_a_stack,
    )
    assert outcome.code == 2
    assert outcome.red == {"stacks.in-progress", "stacks.held-by-host"}


def test_all_is_judged_at_one_moment_even_when_time_is_up(site: Site) -> None:
    """Time runs out just as the last thing waited for settles."""
    _full(site, 5)

    def drained_into_a_stack() -> None:
        site.demo.database.begin_create("shop-105", site.demo.old[0])
        _full(site, 0)
        (site.folder / "enough").touch()

    program = (
        "import time\n"
        "from datetime import timedelta\n"
        "from pathlib import Path\n"
        "from heat_upgrade_checks import cli\n"
        "from heat_upgrade_checks.gates import waiting\n"
        "def pause(self):\n"
        "    while not Path('enough').exists(): time.sleep(0.05)\n"
        "    self.duration = timedelta(0)\n"
        "waiting.Patience.pause = pause\n"
        "cli.run()"
    )
    outcome = site.judge(
        "last-engine", "--wait", "1h", program=program, meanwhile=drained_into_a_stack
    )
    assert outcome.code == 2
    assert outcome.red == {"stacks.in-progress", "stacks.held-by-host"}
    assert len(outcome.gate["drain"]) == 3


def test_a_backup_grows_too_old_while_something_else_is_waited_for(site: Site) -> None:
    backup = yaml.safe_load(site.demo.plan_file.read_text("utf-8"))["backup"]
    site.edit_plan(backup=backup | {"max_age": "1h"})
    clouds = site.demo.folder / "clouds.yaml"
    clouds.rename(site.folder / "away")
    site.environment["OS_CLIENT_CONFIG_FILE"] = str(site.folder / "clouds.yaml")
    words = ("pre", "--only", "backup.fresh", "--only", "api", "--wait", "1h")
    outcome = site.judge(*words, program=_HOURS)
    assert outcome.code == 2
    assert outcome.red == {"backup.fresh"}
    (finding,) = outcome.check("backup.fresh")["findings"]
    assert "the plan allows 1 h" in finding["summary"]
    replayed = site.call("--replay", str(outcome.folder), "--reports", str(site.folder / "again"))
    assert timeless(replayed.gate) == timeless(outcome.gate)


def test_a_waiver_ends_before_the_verdict(site: Site) -> None:
    _full(site, 5)
    entry = {
        **{"id": "queues.empty", "object": "*", "reason": "A test", "owner": "Ada"},
        **{"ticket": "CHG-1", "expires": datetime.now(UTC) + timedelta(hours=1)},
    }
    waivers = site.demo.plan_file.with_name("waivers.yaml")
    waivers.write_text(yaml.safe_dump([entry]), "utf-8")
    site.edit_plan(waivers="waivers.yaml")
    words = ("last-engine", "--only", "queues.empty", "--only", "stacks.held-by-host")
    site.demo.database.begin_create("shop-106", site.demo.old[0])
    outcome = site.judge(*words, "--wait", "1h", program=_HOURS)
    assert outcome.code == 2
    assert outcome.check("queues.empty")["outcome"] == "failed"
    assert "expired at" in outcome.check("gate.whole")["reason"]
    replayed = site.call("--replay", str(outcome.folder), "--reports", str(site.folder / "again"))
    assert timeless(replayed.gate) == timeless(outcome.gate)


def test_when_time_is_up_the_gate_is_what_it_is(site: Site) -> None:
    _full(site, 5)
    begun = time.monotonic()
    outcome = site.judge("last-engine", "--wait", "4s", "--interval", "1s")
    assert outcome.code == 2
    assert time.monotonic() - begun > 4
    assert outcome.red == {"queues.empty"}


def test_an_open_gate_waits_for_nothing(site: Site) -> None:
    outcome = site.judge("pre", "--wait", "60s")
    assert outcome.code == 0
    assert "waiting: " not in outcome.out


def test_ctrl_c_leaves_a_report_that_says_so_and_code_3(site: Site) -> None:
    _full(site, 5)
    outcome = site.interrupt("last-engine")
    assert (outcome.code, outcome.err) == (3, "")
    assert outcome.gate["verdict"] == "incomplete"
    reasons = [check["reason"] for check in outcome.gate["checks"] if check["id"] == "gate.whole"]
    assert reasons == ["the run was interrupted before the gate had its answer"]


def test_wrong_durations_are_refused(site: Site) -> None:
    for words, sentence in (
        (("--phase", "pre", "--wait", "soon"), "--wait: write a duration as a number"),
        (("--phase", "pre", "--wait", "1m", "--interval", "1x"), "--interval: write a duration"),
        (("--phase", "pre", "--interval", "1s"), "--interval belongs to --wait"),
    ):
        outcome = site.call(*words)
        assert outcome.code == 64
        assert sentence in outcome.err
